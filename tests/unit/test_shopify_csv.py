import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_builders import csv_row, csv_text
from commerce.catalog.model import CategoryWish, Media
from commerce.catalog.shopify_csv import ParsedFile, ParsedProduct, RowError, parse
from commerce.errors import InvalidImport

DEMO = Path(__file__).parents[2] / "infra/local/catalogue.csv"


def read(*rows: dict[str, str], **markets: str) -> ParsedFile:
    return parse(csv_text(*rows), "GBP", markets)


def only(found: ParsedFile) -> ParsedProduct:
    assert found.errors == ()
    (product,) = found.products
    return product


def test_rows_with_one_handle_are_one_product_with_a_variant_each() -> None:
    found = only(
        read(
            csv_row(),
            csv_row(Title="", Option1_Name="", Option1_Value="Red", Variant_SKU="MUG-RED"),
        )
    )
    assert found.key == "enamel-mug"
    assert found.whole
    assert [(each.sku, each.fields["option_values"]) for each in found.variants] == [
        ("MUG-BLU", {"Colour": "Blue"}),
        ("MUG-RED", {"Colour": "Red"}),
    ]


def test_columns_of_the_product_are_read() -> None:
    found = only(
        read(
            csv_row(
                **{"Body (HTML)": "<p>Steel.\nEnamel.</p>"},
                Vendor="Tin Lane",
                Tags="kitchen, enamel,,kitchen",
                Product_Category="Home & Garden > Mugs",
                Type="Mug",
            )
        )
    )
    assert found.fields == {
        "title": "Enamel Mug",
        "description": "<p>Steel.\nEnamel.</p>",
        "vendor": "Tin Lane",
        "tags": ("kitchen", "enamel"),
        "categories": (CategoryWish(("Home & Garden", "Mugs")),),
    }


def test_columns_of_the_variant_are_read() -> None:
    (variant,) = only(
        read(
            csv_row(
                Variant_Grams="209.5",
                Variant_Weight_Unit="kg",
                Variant_Inventory_Qty="7",
                Variant_Requires_Shipping="false",
                Variant_Tax_Code="reduced",
                Variant_Barcode="2000000010007",
                Variant_Compare_At_Price="12",
            )
        )
    ).variants
    assert variant.fields == {
        "option_values": {"Colour": "Blue"},
        "weight_grams": 210,
        "requires_shipping": False,
        "tax_class": "reduced",
        "barcode": "2000000010007",
    }
    assert (variant.prices, variant.compare_at_prices) == ({"GBP": 950}, {"GBP": 1200})
    assert variant.quantity == 7


def test_the_column_names_of_newer_exports_are_read_too() -> None:
    text = (
        "Title,URL handle,Description,SKU,Option1 name,Option1 value,Price,Compare-at price,"
        "Charge tax,Inventory quantity,Weight value (grams),Product image URL,Status\r\n"
        "Mug,mug,Steel,MUG,Title,Default Title,9.5,12,FALSE,4,200,https://x.example/a.png,Active\r\n"
    )
    found = only(parse(text, "GBP", {}))
    (variant,) = found.variants
    assert (found.key, found.fields["status"]) == ("mug", "active")
    assert found.fields["media"] == (Media("https://x.example/a.png", ""),)
    assert variant.fields["option_values"] == {}
    assert variant.fields["tax_class"] == "zero"
    assert (variant.prices, variant.quantity) == ({"GBP": 950}, 4)


def test_a_byte_order_mark_and_other_line_ends_do_no_harm() -> None:
    text = csv_text(csv_row(Handle="mug"))
    wanted = parse(text, "GBP", {})
    assert wanted.products[0].key == "mug"
    assert parse("\ufeff" + text, "GBP", {}) == wanted
    assert parse(text.replace("\r\n", "\r"), "GBP", {}) == wanted
    assert parse(text.replace("\r\n", "\n"), "GBP", {}) == wanted


def test_blank_rows_are_passed_over_and_counted_as_lines() -> None:
    text = csv_text(csv_row(), {"Handle": " "}, csv_row(Handle="cup", Variant_SKU="C", Title=""))
    assert parse(text, "GBP", {}).errors == (RowError(4, "Title", "is empty"),)


def test_a_product_row_without_handle_column_is_known_by_its_title() -> None:
    row = csv_row()
    del row["Handle"]
    assert only(read(row)).key == "Enamel Mug"


def test_image_rows_add_images_in_the_order_of_their_positions() -> None:
    image = {"Handle": "enamel-mug", "Image Src": "https://x.example/1.jpg", "Image Position": "1"}
    found = only(
        read(
            csv_row(Image_Src="https://x.example/2.jpg", Image_Position="2", Image_Alt_Text="Two"),
            image,
            image,
        )
    )
    assert found.fields["media"] == (
        Media("https://x.example/1.jpg", ""),
        Media("https://x.example/2.jpg", "Two"),
    )
    assert len(found.variants) == 1


@pytest.mark.parametrize(
    ("status", "published", "read_as"),
    [
        ("", "", "active"),
        ("active", "TRUE", "active"),
        ("Active", "FALSE", "draft"),
        ("archived", "TRUE", "archived"),
        ("draft", "TRUE", "draft"),
    ],
)
def test_an_unpublished_active_product_is_a_draft(
    status: str, published: str, read_as: str
) -> None:
    assert only(read(csv_row(Status=status, Published=published))).fields["status"] == read_as


def test_a_market_column_prices_in_the_currency_of_the_market() -> None:
    row = csv_row(
        **{
            "Price / International": "11.00",
            "Price / USD": "13",
            "Price / Nippon": "1500",
            "Price / Canada": "15.00",
            "Included / Canada": "FALSE",
        }
    )
    (variant,) = only(read(row, Nippon="JPY")).variants
    assert variant.prices == {"GBP": 950, "EUR": 1100, "USD": 1300, "JPY": 1500, "CAD": None}


def test_a_market_of_unknown_currency_is_reported_and_costs_no_product() -> None:
    found = read(csv_row(**{"Price / Atlantis": "1.00"}))
    assert [(error.line, error.column) for error in found.errors] == [(1, "Price / Atlantis")]
    assert found.products[0].variants[0].prices == {"GBP": 950}


def test_a_shop_that_sold_more_than_it_had_starts_with_nothing_and_is_told() -> None:
    found = read(csv_row(Variant_Inventory_Qty="-3"))
    assert found.products[0].variants[0].quantity == 0
    (error,) = found.errors
    assert (error.line, error.column, error.reason) == (
        2,
        "Variant Inventory Qty",
        "is -3: it starts with nothing in stock",
    )


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Variant SKU", "MÜG"),
        ("Variant SKU", "S" * 65),
        ("Variant Price", ""),
        ("Variant Price", "£9.50"),
        ("Variant Price", "9.505"),
        ("Variant Price", "-1"),
        ("Variant Price", "NaN"),
        ("Variant Price", "999999999999"),
        ("Variant Grams", "heavy"),
        ("Variant Inventory Qty", "1.5"),
        ("Variant Requires Shipping", "maybe"),
        ("Variant Barcode", "9" * 256),
        ("Option1 Value", "x" * 256),
    ],
)
def test_a_wrong_variant_is_reported_by_line_and_column_and_the_others_stay(
    column: str, value: str
) -> None:
    wrong = {**csv_row(Option1_Value="Red", Variant_SKU="MUG-RED"), column: value}
    found = read(csv_row(), wrong)
    assert [(error.line, error.column) for error in found.errors] == [(3, column)]
    (product,) = found.products
    assert [variant.sku for variant in product.variants] == ["MUG-BLU"]
    assert not product.whole


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("Title", "x" * 256),
        ("Title", "Mug\u2028gum"),
        ("Title", "Mug\u0007"),
        ("Status", "sold"),
        ("Published", "perhaps"),
    ],
)
def test_a_wrong_title_or_status_leaves_out_the_product(column: str, value: str) -> None:
    other = csv_row(Handle="cup", Variant_SKU="CUP")
    found = read({**csv_row(), column: value}, other)
    assert [(error.line, error.column) for error in found.errors] == [(2, column)]
    assert [product.key for product in found.products] == ["cup"]


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("Vendor", "x" * 256, "vendor"),
        ("Vendor", "Tin\u0007Lane", "vendor"),
        ("Body (HTML)", "x" * 65_537, "description"),
        ("Body (HTML)", "日" * 30_000, "description"),
        ("Product Category", " > ".join("abcdefghijk"), "categories"),
        ("Type", "x" * 256, "categories"),
    ],
)
def test_another_column_that_cannot_be_read_is_named_and_left_as_it_is(
    column: str, value: str, field: str
) -> None:
    found = read({**csv_row(), column: value})
    assert [(error.line, error.column) for error in found.errors] == [(2, column)]
    (product,) = found.products
    assert field not in product.fields


def test_as_much_as_shopify_takes_comes_in() -> None:
    tags = [f"{n:03}" + "x" * 252 for n in range(250)]
    found = only(
        read(
            csv_row(
                Title="T" * 255,
                Vendor="V" * 255,
                Type="Y" * 255,
                Tags=", ".join(tags),
                Option1_Name="N" * 255,
                Option1_Value="O" * 255,
                Image_Src="https://x.example/a.png",
                Image_Alt_Text="A" * 512,
            )
        )
    )
    assert found.fields["tags"] == tuple(tags)
    assert found.variants[0].fields["option_values"] == {"N" * 255: "O" * 255}
    assert found.fields["media"] == (Media("https://x.example/a.png", "A" * 512),)


def test_tags_that_have_no_room_are_named_and_the_others_kept() -> None:
    found = read(csv_row(Tags=", ".join(["x" * 256, *(f"tag-{n}" for n in range(300))])))
    assert [error.column for error in found.errors] == ["Tags", "Tags"]
    assert found.products[0].fields["tags"] == tuple(f"tag-{n}" for n in range(250))
    assert "50" in found.errors[1].reason
    wide = [f"{n:02}" + "\U0001f600" * 253 for n in range(70)]
    kept = read(csv_row(Tags=", ".join(wide))).products[0].fields["tags"]
    assert kept == tuple(wide[:64])


def test_an_alt_text_that_cannot_be_read_is_named_and_its_image_kept() -> None:
    found = read(csv_row(Image_Src="https://x.example/a.png", Image_Alt_Text="x" * 513))
    assert [error.column for error in found.errors] == ["Image Alt Text"]
    assert found.products[0].fields["media"] == (Media("https://x.example/a.png", ""),)


def test_two_options_of_one_name_are_an_error_and_none_of_them_is_lost() -> None:
    found = read(csv_row(Option2_Name="Colour", Option2_Value="Red"))
    assert [error.column for error in found.errors] == ["Option2 Name"]
    assert found.products == ()


def test_a_wrong_image_is_reported_and_costs_no_product() -> None:
    found = read(csv_row(Image_Src="ftp://x.example/a.jpg"))
    assert [(error.line, error.column) for error in found.errors] == [(2, "Image Src")]
    assert found.products[0].fields["media"] == ()


def test_the_second_row_with_a_sku_is_an_error_wherever_it_is() -> None:
    found = read(csv_row(), csv_row(Option1_Value="Red"), csv_row(Handle="cup"))
    assert found.errors == (
        RowError(3, "Variant SKU", "line 2 has this SKU already"),
        RowError(4, "Variant SKU", "line 2 has this SKU already"),
    )
    assert [product.key for product in found.products] == ["enamel-mug"]


def test_two_variants_with_the_same_options_are_an_error() -> None:
    found = read(csv_row(), csv_row(Variant_SKU="MUG-2"))
    assert found.errors == (RowError(3, "Option1 Value", "another row has the same options"),)


def test_a_product_has_at_most_100_variants() -> None:
    rows = [csv_row(Option1_Value=str(n), Variant_SKU=f"MUG-{n}") for n in range(101)]
    found = read(*rows)
    assert len(found.products[0].variants) == 100
    assert found.errors == (RowError(102, "Variant SKU", "a product has at most 100 variants"),)


def test_a_row_with_more_values_than_columns_is_reported() -> None:
    text = csv_text(csv_row()) + "cup,Cup,Colour,Blue,CUP,1,234.00\r\n"
    found = parse(text, "GBP", {})
    assert [error.line for error in found.errors] == [3]
    assert [product.key for product in found.products] == ["enamel-mug"]


def test_a_row_of_nobody_means_that_no_product_is_known_to_be_whole() -> None:
    found = read(csv_row(), csv_row(Handle="", Variant_SKU="LOST"))
    assert found.errors == (
        RowError(3, "Handle", "is empty: it tells which product the row is of"),
    )
    assert not found.products[0].whole


@pytest.mark.parametrize("text", ["", "\n\n", "Handle;Title\na;b\n", "Name,Price\na,1\n"])
def test_a_file_without_a_title_column_is_refused(text: str) -> None:
    with pytest.raises(InvalidImport):
        parse(text, "GBP", {})


def test_a_file_that_is_not_csv_is_refused_before_it_takes_long() -> None:
    with pytest.raises(InvalidImport):
        parse("Title\n" + '"a"b\n' * 100_000, "GBP", {})


def test_the_demo_catalogue_reads_without_an_error() -> None:
    found = parse(DEMO.read_text(encoding="utf-8"), "GBP", {})
    assert found.errors == ()
    assert len(found.products) >= 60
    assert all(set(v.prices) == {"GBP", "EUR"} for p in found.products for v in p.variants)


# --- properties ---------------------------------------------------------------

seen = st.characters(
    codec="utf-8",
    exclude_categories=["Cs", "Cc", "Cf", "Cn", "Z"],
    exclude_characters="\ufffc\ufffd",
)
words = st.text(seen, min_size=1)
# In the one form that texts are kept in.
titles = words.map(lambda text: unicodedata.normalize("NFC", text[:40])[:50])
texts = st.text(st.sampled_from('ab ,"\n\r;<é日'), max_size=40)
amounts = st.integers(0, 10_000_000)


@given(
    st.lists(
        st.tuples(titles, texts, st.lists(amounts, min_size=1, max_size=4)),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_written_as_a_file_is_read_back(
    wanted: list[tuple[str, str, list[int]]],
) -> None:
    rows = [
        csv_row(
            Handle=f"product-{number}",
            Title=title if position == 0 else "",
            **{"Body (HTML)": text if position == 0 else ""},
            Option1_Value=str(position),
            Variant_SKU=f"SKU-{number}-{position}",
            Variant_Price=f"{amount // 100}.{amount % 100:02d}",
        )
        for number, (title, text, prices) in enumerate(wanted)
        for position, amount in enumerate(prices)
    ]
    found = read(*rows)
    assert found.errors == ()
    assert [
        (
            product.fields["title"],
            product.fields["description"],
            [variant.prices["GBP"] for variant in product.variants],
        )
        for product in found.products
    ] == [(title, text.strip(), prices) for title, text, prices in wanted]


broken_lines = st.one_of(
    texts.map(lambda text: text.replace("\n", "").replace("\r", "")),
    st.sampled_from(
        ['b,"Torn', 'b,"Torn"x,y', "b,,,,,", 'b,T,C,V,"S', "b,T,C,V,S,x", "b,T,C,V,S,1,2,3", '"']
    ),
)


@given(broken_lines, st.integers(0, 3))
def test_a_broken_line_never_takes_another_product_down(line: str, position: int) -> None:
    rows = csv_text(
        *[csv_row(Handle=f"good-{n}", Title=f'Good, "{n}"', Variant_SKU=f"G{n}") for n in range(3)]
    ).splitlines(keepends=True)
    rows.insert(1 + position, line + "\r\n")
    found = parse("".join(rows), "GBP", {})
    good = [product.key for product in found.products if product.key.startswith("good-")]
    assert good == ["good-0", "good-1", "good-2"]
