"""A catalogue that is exported and imported again is the same catalogue."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from builders import NOW, cursors
from catalog_builders import csv_row, csv_text, product, variant
from catalog_in_memory import CatalogInMemory, bring
from commerce.catalog.csv_cells import guarded, unguarded
from commerce.catalog.exports import ANSWER_BYTES_MAX, export_products
from commerce.catalog.model import Product, ProductVariant
from commerce.catalog.operations import create_product
from commerce.catalog.schema import ExportPage, ExportQuery, NewProduct
from commerce.errors import InvalidRequest, SkuTaken
from commerce.ids import new_id
from commerce.settings.defaults import DEFAULT_SETTINGS

DEMO = Path(__file__).parents[2] / "infra/local/catalogue.csv"


def exported(catalog: CatalogInMemory, limit: int = 1000) -> list[ExportPage]:
    """Follow the pages of an export to its end."""
    pages: list[ExportPage] = []
    cursor: str | None = None
    while cursor or not pages:
        query = ExportQuery(limit=limit, cursor=cursor)
        pages.append(
            export_products(query, catalog, cursors(), DEFAULT_SETTINGS)  # type: ignore[arg-type] # a fake
        )
        cursor = pages[-1].next_cursor
    return pages


def table_of(page: ExportPage) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(page.csv, newline="")))


def assert_comes_back(catalog: CatalogInMemory, limit: int = 1000) -> None:
    """Export, import into the same shop, then into an empty one."""
    before = catalog.products
    other = CatalogInMemory()
    for page in exported(catalog, limit):
        again = bring(page.csv, catalog, currency=page.currency)
        assert again.errors == []
        assert (again.products_created, again.products_updated) == (0, 0)
        assert bring(page.csv, other, currency=page.currency).errors == []
    assert catalog.products == before
    assert content(other.products) == content(before)


def content(products: list[Product]) -> dict[str, dict[str, Any]]:
    """Give all of the products that is not of their shop, by what files call them."""
    of_the_shop = ("product_id", "handle", "version", "created_at", "updated_at", "categories")
    return {
        one.import_key: {
            **{name: fact for name, fact in vars(one).items() if name not in of_the_shop},
            "paths": {each.path for each in one.categories},
        }
        for one in products
    }


def test_the_demo_catalogue_comes_back_unchanged() -> None:
    catalog = CatalogInMemory()
    assert bring(DEMO.read_text(encoding="utf-8"), catalog).errors == []
    assert len(catalog.products) >= 60
    assert_comes_back(catalog, limit=7)


texts = st.text(
    st.one_of(
        st.characters(
            exclude_categories=["Cs", "Cc", "Cn"], exclude_characters="\u2028\u2029\ufffd"
        ),
        st.sampled_from("=+-@'\"<>;, \uff1d"),
    ),
    min_size=1,
    max_size=12,
).filter(lambda text: bool(text.strip("\u00ad\u200b\u200e\ufeff \u3000").strip()))
names = st.one_of(texts, st.sampled_from(["=1+1", "'=1", "''-x", "Title", "Default Title", "+49"]))
currencies = st.sampled_from(["GBP", "EUR", "JPY", "OMR", "VND", "USD"])
prices = st.dictionaries(currencies, st.integers(0, 10**7), min_size=1, max_size=3)
skus = st.from_regex(r"[!-~]([ -~]{0,8}[!-~])?", fullmatch=True)
variants = st.lists(
    st.fixed_dictionaries(
        {"sku": skus, "prices": prices},
        optional={
            "title": names,
            "option_values": st.dictionaries(names, names, max_size=3),
            "compare_at_prices": prices,
            "weight_grams": st.integers(0, 10**7),
            "tax_class": st.sampled_from(["standard", "reduced", "zero"]),
            "requires_shipping": st.booleans(),
            "barcode": names,
            "manage_inventory": st.booleans(),
            "allow_backorder": st.booleans(),
        },
    ),
    min_size=1,
    max_size=4,
)
products = st.lists(
    st.fixed_dictionaries(
        {"title": names, "variants": variants},
        optional={
            "status": st.sampled_from(["draft", "active", "archived"]),
            "description": names.map(lambda text: f"{text}\r\n=2\n{text}"),
            "vendor": names,
            "tags": st.lists(names.map(lambda tag: tag.replace(",", ";")), max_size=3),
            "categories": st.lists(
                st.lists(names, min_size=1, max_size=2).map(
                    lambda path: {"title": path[-1], "path": path}
                ),
                max_size=3,
            ),
            "media": st.lists(
                st.fixed_dictionaries(
                    {"url": st.from_regex(r"https://x\.example/[a-z]{1,3}", fullmatch=True)},
                    optional={"alt": names},
                ),
                max_size=4,
            ),
        },
    ),
    max_size=4,
)


@given(products)
def test_any_products_of_staff_come_back_unchanged(wanted: list[dict[str, Any]]) -> None:
    catalog = CatalogInMemory()
    for each in wanted:
        # Some the API refuses, and some have a SKU that another has.
        with suppress(ValidationError, SkuTaken, InvalidRequest):
            body = NewProduct.model_validate(each)
            create_product(body, new_id("prod", NOW), NOW, catalog)  # type: ignore[arg-type] # a fake
    assert_comes_back(catalog)


@given(st.text(max_size=5) | st.text("'=+-@\t\r\n ", max_size=4))
def test_a_guarded_cell_is_no_formula_and_is_read_as_it_was(text: str) -> None:
    cell = guarded(text)
    assert cell[:1] not in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
    assert unguarded(cell) == text
    if not text.lstrip("'").startswith(tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")):
        assert cell == text


def test_no_cell_of_an_export_is_a_formula() -> None:
    catalog = CatalogInMemory()
    evil = '=HYPERLINK("http://evil.example","x")'
    wide = ProductVariant(**{**vars(variant("-SKU")), "barcode": "+49", "title": "@SUM(A1)"})
    catalog.add(product(title=evil, description=evil, vendor="+1", tags=("-t",), variants=(wide,)))
    (row,) = table_of(exported(catalog)[0])
    assert (row["Title"], row["Variant SKU"]) == (f"'{evil}", "'-SKU")
    assert not [cell for cell in row.values() if cell.startswith(("=", "+", "-", "@"))]
    assert_comes_back(catalog)


def test_an_export_has_shopifys_columns_and_every_status() -> None:
    catalog = CatalogInMemory()
    for status in ("active", "draft", "archived"):
        catalog.add(product(status, handle=status, product_id=new_id("prod", NOW), status=status))
    (page,) = exported(catalog)
    rows = {row["Handle"]: row for row in table_of(page)}
    assert {handle: row["Status"] for handle, row in rows.items()} == {
        status: status for status in ("active", "draft", "archived")
    }
    assert (page.currency, page.products) == ("GBP", 3)
    first = rows["active"]
    assert (first["Variant Price"], first["Price / EUR"]) == ("9.50", "11.00")
    assert first["Published"] == "TRUE"
    with DEMO.open(encoding="utf-8", newline="") as file:
        theirs = set(csv.DictReader(file).fieldnames or ())
    ours = {name for name in first if not name.startswith(("Price /", "Compare At Price /"))}
    assert ours - theirs == {"Categories", "Variant Title"}


@pytest.mark.parametrize("limit", [1, 3, 1000])
def test_pages_are_files_of_their_own_and_have_each_product_once(limit: int) -> None:
    catalog = CatalogInMemory()
    for number in range(10):
        handle = f"mug-{number}"
        catalog.add(product(handle, handle=handle, product_id=new_id("prod", NOW)))
    pages = exported(catalog, limit)
    assert len(pages) == -(-10 // limit)
    handles = [row["Handle"] for page in pages for row in table_of(page)]
    assert sorted(handles) == sorted(f"mug-{number}" for number in range(10))
    assert len({page.csv.splitlines()[0] for page in pages}) == 1


def test_an_answer_is_never_larger_than_lambda_lets_through() -> None:
    catalog = CatalogInMemory()
    for number in range(12):
        key = f"{number:03}" + "\U0001f600" * 252
        wide = tuple(
            ProductVariant(**{**vars(variant(f"S-{number}-{n}")), "title": '"' * 255})
            for n in range(100)
        )
        catalog.add(
            product(
                handle=f"mug-{number}",
                import_key=key,
                product_id=new_id("prod", NOW),
                description='"' * 65_000,
                variants=wide,
            )
        )
    pages = exported(catalog)
    sizes = [len(page.model_dump_json().encode()) for page in pages]
    assert max(sizes) <= ANSWER_BYTES_MAX
    assert sum(page.products for page in pages) == 12
    assert len(pages) < 12
    assert_comes_back(catalog)


def test_more_than_one_category_and_titles_of_variants_come_back() -> None:
    catalog = CatalogInMemory()
    text = csv_text(
        csv_row(
            Product_Category="Women > Shoes",
            Categories=json.dumps([{"path": ["Sale"]}, {"path": ["A > B"], "slug": "a-b"}]),
            Variant_Title="Sky",
        )
    )
    assert bring(text, catalog).errors == []
    (mug,) = catalog.products
    assert [each.path for each in mug.categories] == [
        ("Women",),
        ("Women", "Shoes"),
        ("Sale",),
        ("A > B",),
    ]
    assert mug.variants[0].title == "Sky"
    assert_comes_back(catalog)


@pytest.mark.parametrize("cell", ["Sale", "[1]", '[{"path": []}]', '[{"path": [""]}]', "{}"])
def test_a_column_of_categories_that_cannot_be_read_is_named(cell: str) -> None:
    catalog = CatalogInMemory()
    report = bring(csv_text(csv_row(Categories=cell)), catalog)
    assert [error.column for error in report.errors] == ["Categories"]
    assert report.products_created == 1
