"""Which product a file's rows are of: what the file calls a handle is its key as it stands."""

from datetime import timedelta

import pytest

from builders import NOW, table
from catalog_builders import OTHER_ID, catalog, csv_row, csv_text, product
from commerce.catalog.items import product_item
from commerce.catalog.model import Product
from commerce.catalog.operations import change_product, create_product
from commerce.catalog.schema import NewProduct, ProductChanges
from commerce.dynamo.table import Delete, Put
from commerce.ids import new_id
from store.import_at_work import bring, counts, errors, shelf, units

pytestmark = pytest.mark.usefixtures("tables")


def row(handle: str, title: str, sku: str, price: str = "9.50", **other: str) -> dict[str, str]:
    cells = csv_row(Handle=handle, Title=title, Variant_SKU=sku, Variant_Price=price, **other)
    return {name: cell for name, cell in cells.items() if not name.startswith("Option1")}


def owners() -> dict[str, str]:
    """Tell the title under which each SKU is sold."""
    skus = [sku for each in shelf() for sku in each.skus]
    return {sku: found.title for sku, found in catalog().variants(skus).items()}


def kept_before_keys(mug: Product) -> None:
    """Keep a product as the shop did when a product's handle was all it was known by."""
    catalog().add(mug)
    written = table("catalog")
    written.delete(Delete({"pk": f"import#{mug.handle}", "sk": "import"}))
    item = {name: fact for name, fact in product_item(mug).items() if name != "import_key"}
    written.put(Put(item))


NEAR = [
    ("{}-mug-t", "{}-mug_t"),
    ("{}緑茶-100g", "{}紅茶-100g"),
    ("{}-mug", "{}-Mug"),
    ("{}-mug", "{}-\uff4d\uff55\uff47"),
    ("%%", "??"),
    ("x" * 250 + "a", "x" * 250 + "b"),
    ("{}-mug_t", "{}-mug-t"),
    ("{}-mug", "{}-mug!"),
    ("{}-mug", "{} mug"),
    ("{}straße", "{}strasse"),
    ("{}café", "{}cafe"),
    ("日本茶", "日本茶!"),
]


def test_two_keys_are_two_products_however_alike() -> None:
    rows = [
        pair
        for number, (first, second) in enumerate(NEAR)
        for pair in (
            row(first.format(number), f"Tea mug {number}", f"T-{number}"),
            row(second.format(number), f"Beer mug {number}", f"B-{number}", "30.00"),
        )
    ]
    wanted = {each["Variant SKU"]: each["Title"] for each in rows}
    # Half of the pairs in one file, of the other half each row in a file of its own.
    half = len(rows) // 4 * 2
    files = [csv_text(*rows[:half]), *map(csv_text, rows[half:])]
    for text in files:
        assert bring(text).errors == []
    assert owners() == wanted
    before = shelf()
    assert len({each.handle for each in before}) == len(rows)

    again = [counts(bring(text)) for text in files]
    assert again == [(0, 0, half)] + [(0, 0, 1)] * (len(rows) - half)
    changed = csv_text(*[{**each, "Vendor": "Tin Lane"} for each in reversed(rows)])
    assert counts(bring(changed)) == (0, len(rows), 0)
    assert owners() == wanted
    assert [each.product_id for each in shelf()] == [each.product_id for each in before]


def test_the_same_text_in_another_normal_form_is_the_same_key() -> None:
    bring(csv_text(row("caf\u00e9", "Coffee", "COFFEE")))
    assert counts(bring(csv_text(row("cafe\u0301", "Coffee", "COFFEE")))) == (0, 0, 1)


def test_a_key_that_reads_like_the_handle_of_staffs_product_does_not_take_it_over() -> None:
    made = create(title="Mug T", handle="mug-t", variants=[{"sku": "MUG-T", "prices": {"GBP": 1}}])
    report = bring(csv_text(row("mug_t", "Beer mug", "MUG-B", "30.00")))
    assert (counts(report), report.errors) == ((1, 0, 0), [])
    assert owners() == {"MUG-T": "Mug T", "MUG-B": "Beer mug"}
    assert catalog().find("mug-t") == made


def test_a_key_that_is_the_handle_of_staffs_product_is_that_product() -> None:
    made = create(title="Mug T", handle="mug-t", variants=[{"sku": "MUG-T", "prices": {"GBP": 1}}])
    assert counts(bring(csv_text(row("mug-t", "Tea mug", "MUG-T")))) == (0, 1, 0)
    (mug,) = shelf()
    assert (mug.product_id, mug.title) == (made.product_id, "Tea mug")


def test_a_sku_of_another_key_is_a_row_error_and_stays_where_it_is() -> None:
    bring(csv_text(row("mug-t", "Tea mug", "MUG-T")))
    report = bring(csv_text(row("mug_t", "Beer mug", "MUG-T", "30.00")))
    assert (counts(report), errors(report)) == ((0, 0, 0), [(2, "Variant SKU")])
    assert owners() == {"MUG-T": "Tea mug"}


def test_a_product_of_before_there_were_keys_is_known_by_its_handle() -> None:
    old = product("MUG-T", handle="mug-t", title="Tea mug", categories=())
    kept_before_keys(old)
    report = bring(csv_text(row("mug-t", "Tea mug", "MUG-T", Vendor="Tin Road")))
    assert (counts(report), report.errors) == ((0, 1, 0), [])
    assert [each.product_id for each in shelf()] == [old.product_id]
    assert counts(bring(csv_text(row("mug_t", "Beer mug", "MUG-B")))) == (1, 0, 0)
    assert counts(bring(csv_text(row("mug-t", "Tea mug", "MUG-T")))) == (0, 0, 1)
    assert owners() == {"MUG-T": "Tea mug", "MUG-B": "Beer mug"}


def test_a_product_of_before_whose_handle_was_made_of_its_key_is_found_by_what_it_is() -> None:
    old = product("MUG-T", handle="mug-t", title="Tea mug", categories=())
    kept_before_keys(old)
    report = bring(csv_text(row("Mug_T", "Tea mug", "MUG-T", Vendor="Tin Road")))
    assert (counts(report), report.errors) == ((0, 1, 0), [])
    (mug,) = shelf()
    assert (mug.product_id, mug.handle, mug.vendor) == (old.product_id, "mug-t", "Tin Road")
    assert counts(bring(csv_text(row("mug-t", "Beer mug", "MUG-B")))) == (1, 0, 0)
    assert owners() == {"MUG-T": "Tea mug", "MUG-B": "Beer mug"}


def test_a_handle_that_staff_change_leaves_the_key() -> None:
    bring(csv_text(row("mug-t", "Tea mug", "MUG-T")))
    (mug,) = shelf()
    changes = ProductChanges(handle="tea-mug")
    change_product(mug.product_id, changes, 1, NOW + timedelta(hours=1), catalog())
    other = create(title="Mug T", variants=[{"sku": "MUG-X", "prices": {"GBP": 1}}])
    assert other.handle == "mug-t"
    report = bring(csv_text(row("mug-t", "Tea mug", "MUG-T", Vendor="Tin Lane")))
    assert (counts(report), report.errors) == ((0, 1, 0), [])
    assert owners() == {"MUG-T": "Tea mug", "MUG-X": "Mug T"}
    assert len({each.import_key for each in shelf()}) == 2


def test_two_imports_of_one_key_at_once_make_one_product() -> None:
    first = product("A", import_key="mug_t", handle="mug-t")
    catalog().add(first)
    late = product("B", import_key="mug_t", handle="mug-t-2", product_id=OTHER_ID)
    with pytest.raises(Exception, match="import"):
        catalog().add(late)
    assert catalog().find("mug-t-2") is None
    assert [each.skus for each in shelf()] == [("A",)]


def create(**body: object) -> Product:
    wanted = NewProduct.model_validate(body)
    return create_product(wanted, new_id("prod", NOW), NOW, catalog())


# --- handles and titles -------------------------------------------------------


def test_any_handle_comes_in_and_has_a_name_for_urls() -> None:
    handles = ["日本茶", "ティー", "чай", "☕☕☕", "!!!", "Ünï cödé"]
    text = csv_text(*[row(handle, "Tea", f"TEA-{n}") for n, handle in enumerate(handles)])
    report = bring(text)
    assert (counts(report), report.errors) == ((6, 0, 0), [])
    assert {each.import_key for each in shelf()} == set(handles)
    for tea in shelf():
        assert catalog().find(tea.handle) == tea
    assert counts(bring(text)) == (0, 0, 6)


def test_a_file_without_handles_knows_products_by_their_titles_as_they_stand() -> None:
    rows = [row("", "Poster A", "A"), row("", "Poster_A", "B"), row("", "ポスター", "C")]
    for each in rows:
        del each["Handle"]
    assert counts(bring(csv_text(*rows))) == (3, 0, 0)
    assert counts(bring(csv_text(*rows))) == (0, 0, 3)
    assert owners() == {"A": "Poster A", "B": "Poster_A", "C": "ポスター"}


def test_two_rows_with_one_title_and_no_handle_are_no_two_variants_of_one() -> None:
    rows = [row("", "Poster", "P-1", "5.00"), row("", "Poster", "P-2", "7.00")]
    for each in rows:
        del each["Handle"]
    report = bring(csv_text(*rows))
    assert errors(report) == [(3, "Title")]
    (poster,) = shelf()
    assert [(each.sku, each.prices) for each in poster.variants] == [("P-1", {"GBP": 500})]


def test_rows_of_one_handle_with_two_titles_are_not_one_product() -> None:
    report = bring(csv_text(row("poster", "Cats", "P-1"), row("poster", "Dogs", "P-2")))
    assert errors(report) == [(3, "Title")]
    assert owners() == {"P-1": "Cats"}


# --- SKUs ---------------------------------------------------------------------

SAMPLE = [
    csv_row(Handle="varsity-top", Title="Varsity Top", Option1_Name="Size", Option1_Value="Small"),
    csv_row(Handle="varsity-top", Title="", Option1_Name="", Option1_Value="Medium"),
    csv_row(
        Handle="ocean-shirt",
        Title="Ocean Shirt",
        Option1_Name="Title",
        Option1_Value="Default Title",
    ),
    csv_row(Handle="緑茶", Title="緑茶", Option1_Name="量", Option1_Value="百"),
    csv_row(Handle="紅茶", Title="紅茶", Option1_Name="量", Option1_Value="百"),
]


def test_goods_without_skus_get_some_that_stay_the_same() -> None:
    text = csv_text(*[{**each, "Variant SKU": "", "Variant Inventory Qty": "4"} for each in SAMPLE])
    report = bring(text)
    assert (counts(report), report.errors, report.stock_set) == ((4, 0, 0), [], 5)
    skus = [sku for each in shelf() for sku in each.skus]
    assert len(set(skus)) == 5
    assert {units(sku) for sku in skus} == {4}
    assert counts(bring(text)) == (0, 0, 4)
    dearer = text.replace("9.50", "9.80")
    assert counts(bring(dearer)) == (0, 4, 0)
    assert [sku for each in shelf() for sku in each.skus] == skus


def test_a_made_sku_is_the_same_in_another_shop_and_no_other_products() -> None:
    def made(handle: str, *values: str) -> list[str]:
        rows = [csv_row(Handle=handle, Variant_SKU="", Option1_Value=value) for value in values]
        bring(csv_text(*rows))
        return [sku for each in shelf() if each.import_key == handle for sku in each.skus]

    first = made("mug-t", "Blue", "blue", "Blüe", "Blue/Red")
    second = made("mug_t", "Blue", "blue")
    assert len({*first, *second}) == 6
    assert all("/" not in sku for sku in first)


def test_a_row_without_sku_keeps_the_sku_that_its_choice_has() -> None:
    bring(csv_text(csv_row(Variant_SKU="")))
    (mug,) = shelf()
    named = ProductChanges.model_validate(
        {
            "variants": [
                {"sku": "MY-OWN", "prices": {"GBP": 950}, "option_values": {"Colour": "Blue"}}
            ]
        }
    )
    change_product(mug.product_id, named, 1, NOW + timedelta(hours=1), catalog())
    assert counts(bring(csv_text(csv_row(Variant_SKU="")))) == (0, 0, 1)
    assert [each.skus for each in shelf()] == [("MY-OWN",)]


def test_a_report_names_the_skus_that_a_file_takes_away() -> None:
    bring(csv_text(csv_row(), csv_row(Option1_Value="Red", Variant_SKU="MUG-RED")))
    report = bring(csv_text(csv_row()))
    assert (counts(report), report.skus_removed) == ((0, 1, 0), ["MUG-RED"])
    assert owners() == {"MUG-BLU": "Enamel Mug"}


# --- what is counted ----------------------------------------------------------


COUNTED = [
    ("shopify", "deny", True, False),
    ("shopify", "continue", True, True),
    ("", "deny", False, False),
    ("", "", False, False),
    ("shipwire", "CONTINUE", True, True),
    ("shopify", "TRUE", True, True),
    ("shopify", "FALSE", True, False),
]


@pytest.mark.parametrize(
    "columns",
    [
        ("Variant Inventory Tracker", "Variant Inventory Policy"),
        ("Inventory tracker", "Continue selling when out of stock"),
    ],
)
def test_a_file_says_which_goods_are_counted_and_which_are_sold_beyond_that(
    columns: tuple[str, str],
) -> None:
    plain = [row(f"mug-{n}", "Mug", f"MUG-{n}") for n in range(len(COUNTED))]
    told = [
        {**each, columns[0]: tracker, columns[1]: policy}
        for each, (tracker, policy, _, _) in zip(plain, COUNTED, strict=True)
    ]
    assert bring(csv_text(*told)).errors == []
    found = catalog().variants([f"MUG-{n}" for n in range(len(COUNTED))])
    assert [
        (found[f"MUG-{n}"].manage_inventory, found[f"MUG-{n}"].allow_backorder)
        for n in range(len(COUNTED))
    ] == [(counted, beyond) for _, _, counted, beyond in COUNTED]
    # A file without these columns leaves them alone.
    for rows in (told, plain):
        assert counts(bring(csv_text(*rows))) == (0, 0, len(COUNTED))


def test_a_policy_that_nobody_knows_is_a_row_error() -> None:
    assert errors(bring(csv_text(csv_row(Variant_Inventory_Policy="perhaps")))) == [
        (2, "Variant Inventory Policy")
    ]
