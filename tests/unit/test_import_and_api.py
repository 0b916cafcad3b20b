"""Whatever an import takes, the API takes too: what is read can be sent back as it is."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builders import NOW
from catalog_builders import csv_row, csv_text
from catalog_in_memory import CatalogInMemory, bring, sent_back
from commerce.catalog.operations import changed_fields

# Every character, and those that people paste unseen more often than chance has them.
texts = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"]),
        st.sampled_from(
            "ab ,>;'=+-@\"\n\r\t\0\u00ad\u200b\u200d\u200e\u2028\ufeff\ufffde\u0301\u3000"
        ),
    ),
    max_size=30,
)
COLUMNS = (
    *("Handle", "Title", "Body (HTML)", "Vendor", "Product Category", "Type", "Tags"),
    *("Option1 Name", "Option1 Value", "Option2 Name", "Option2 Value", "Variant SKU"),
    *("Variant Barcode", "Image Src", "Image Alt Text", "Variant Tax Code"),
)
rows = st.lists(
    st.dictionaries(st.sampled_from(COLUMNS), texts).map(lambda cells: {**csv_row(), **cells}),
    min_size=1,
    max_size=4,
)


@given(rows)
@example([csv_row(**{"Body (HTML)": "<p>Steel\u200b\0 mug\ufeff</p>"})])
@example([csv_row(**{"Body (HTML)": "\u200b"}, Tags="a\u0301, \u00e1", Vendor="e\u0301" * 255)])
@example([csv_row(Option1_Name="Title", Option1_Value="default title", Variant_SKU="")])
def test_what_an_import_takes_can_be_read_and_sent_back(wanted: list[dict[str, str]]) -> None:
    catalog = CatalogInMemory()
    text = csv_text(*wanted)
    report = bring(text, catalog)
    assert report.products_created == len(catalog.products)
    assert catalog.products or report.errors
    for product in catalog.products:
        changes = changed_fields(sent_back(product), catalog)  # type: ignore[arg-type] # a fake
        assert product.changed(NOW, **changes) is product
    assert bring(text, catalog).products_updated == 0


@pytest.mark.parametrize("unseen", ["\0", "\u200b", "\ufeff", "\u00ad", "\u202e", "\U000e0041"])
def test_characters_that_nobody_sees_are_taken_off_a_description(unseen: str) -> None:
    catalog = CatalogInMemory()
    written = f"<p>{unseen}Steel\u200d,\n{unseen}enamel</p>{unseen}"
    report = bring(csv_text(csv_row(**{"Body (HTML)": written})), catalog)
    assert report.errors == []
    (mug,) = catalog.products
    assert mug.description == "<p>Steel\u200d,\nenamel</p>"
