"""A category is its path: where it stands and what it is called."""

from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import NOW, table
from catalog_builders import catalog, csv_row, csv_text, product
from catalog_in_memory import sent_back
from cloud_in_memory import REGION, table_name
from commerce.catalog.items import category_key
from commerce.catalog.model import Category, CategoryWish, Filter, Product
from commerce.catalog.operations import changed_fields, create_product, list_categories
from commerce.catalog.schema import NewProduct
from commerce.dynamo.table import Delete, from_wire
from commerce.errors import InvalidRequest
from commerce.ids import new_id
from store.import_at_work import bring, counts, shelf

pytestmark = pytest.mark.usefixtures("tables")


def create(title: str, *categories: dict[str, Any]) -> Product:
    body = {
        "title": title,
        "status": "active",
        "categories": list(categories),
        "variants": [{"sku": title.upper(), "prices": {"GBP": 1}}],
    }
    return create_product(NewProduct.model_validate(body), new_id("prod", NOW), NOW, catalog())


def listed() -> dict[tuple[str, ...], set[str]]:
    """Give the titles of the products of each category, by its path."""
    found = {}
    for each in list_categories(catalog()).items:
        page = catalog().page(f"list#category#{each.slug}", Filter(), 100, None, consistent=True)
        found[tuple(each.path)] = {one.title for one in page.products}
        assert each.products == len(page.products)
    return found


def test_one_name_on_two_shelves_is_two_categories() -> None:
    rows = [
        csv_row(Handle=title, Title=title, Variant_SKU=title, Product_Category=path)
        for title, path in [
            ("Pumps", "Women > Shoes"),
            ("Brogues", "Men > Shoes"),
            ("Boots", "Women > Shoes > Boots"),
            ("Belt", "Men"),
        ]
    ]
    text = csv_text(*rows)
    assert bring(text).errors == []
    assert listed() == {
        ("Women",): {"Pumps", "Boots"},
        ("Women", "Shoes"): {"Pumps", "Boots"},
        ("Women", "Shoes", "Boots"): {"Boots"},
        ("Men",): {"Brogues", "Belt"},
        ("Men", "Shoes"): {"Brogues"},
    }
    answer = {tuple(each.path): each for each in list_categories(catalog()).items}
    assert len({each.slug for each in answer.values()}) == 5
    for path, each in answer.items():
        assert each.title == path[-1]
        assert each.parent == (answer[path[:-1]].slug if path[1:] else None)
    assert counts(bring(text)) == (0, 0, 4)


def test_names_that_differ_are_different_categories_by_file_and_by_request() -> None:
    names = ["Mugs", "mugs", "MUGS", "Mügs", "Tea & Coffee", "Tea Coffee", "日本茶", "!?", "?!"]
    for number, name in enumerate(names):
        create(f"P{number}", {"title": name})
    rows = [
        csv_row(Handle=f"q{number}", Title=f"Q{number}", Variant_SKU=f"Q-{number}", Type=name)
        for number, name in enumerate(names)
    ]
    assert bring(csv_text(*rows)).errors == []
    assert listed() == {(name,): {f"P{number}", f"Q{number}"} for number, name in enumerate(names)}


def test_a_category_is_told_by_path_or_by_parent_and_read_back_the_same() -> None:
    women = create("A", {"title": "Shoes", "path": ["Women", "Shoes"]})
    parent, shoes = women.categories
    assert (parent.path, shoes.path, shoes.parent) == (("Women",), ("Women", "Shoes"), parent.slug)
    ways: list[dict[str, Any]] = [
        {"title": "Shoes", "parent": parent.slug},
        {"title": "Shoes", "slug": shoes.slug},
        {"title": "Shoes", "slug": shoes.slug, "path": ["Women", "Shoes"]},
    ]
    for number, told in enumerate(ways):
        assert create(f"B{number}", told).categories == women.categories
    for made in shelf():
        changes = changed_fields(sent_back(made), catalog())
        assert made.changed(NOW, **changes) is made


CONTRADICTIONS: list[dict[str, Any]] = [
    {"title": "Boots", "slug": "shoes"},
    {"title": "shoes", "slug": "shoes"},
    {"title": "Shoes", "slug": "shoes", "path": ["Men", "Shoes"]},
    {"title": "Shoes", "parent": "men"},
    {"title": "Shoes", "parent": "women", "path": ["Men", "Shoes"]},
]


def test_a_category_that_contradicts_what_is_there_is_refused() -> None:
    made = create("A", {"title": "Shoes", "path": ["Women", "Shoes"]})
    assert [each.slug for each in made.categories] == ["women", "shoes"]
    for told in CONTRADICTIONS:
        with pytest.raises(InvalidRequest) as refused:
            create("B", told)
        assert refused.value.details["errors"][0]["path"].startswith("$.categories[0].")
    assert listed() == {("Women",): {"A"}, ("Women", "Shoes"): {"A"}}


def test_a_product_stands_on_ten_shelves_at_most_those_above_counted() -> None:
    deep = [str(level) for level in range(10)]
    assert len(create("A", {"title": "9", "path": deep}).categories) == 10
    with pytest.raises(InvalidRequest):
        create("B", {"title": "9", "path": deep}, {"title": "Sale"})


def test_a_category_of_before_there_were_paths_stands_at_the_top() -> None:
    catalog().add(product(categories=(Category("mugs", "Mugs"),)))
    registered = table("catalog").get(category_key("mugs"))
    assert registered
    assert set(registered) <= {"pk", "sk", "title", "active_products"}
    top, nested = (
        create("A", {"title": "Mugs"}),
        create("B", {"title": "Mugs", "path": ["X", "Mugs"]}),
    )
    assert [each.slug for each in top.categories] == ["mugs"]
    assert nested.categories[1].slug != "mugs"
    assert listed() == {("Mugs",): {"Enamel Mug", "A"}, ("X",): {"B"}, ("X", "Mugs"): {"B"}}


def test_a_category_whose_registration_was_cut_off_is_finished_and_not_made_twice() -> None:
    (made,) = catalog().resolved([CategoryWish(("Mugs",))])
    # The second of its two writes never came.
    key = next(
        item
        for item in _all_items()
        if item["pk"].startswith("category#") and item["slug"] == "mugs"
    )
    table("catalog").delete(Delete({"pk": key["pk"], "sk": key["sk"]}))
    assert catalog().resolved([CategoryWish(("Mugs",))]) == (made,)
    assert catalog().resolved([CategoryWish(("mugs",))]) != (made,)
    assert catalog().resolved([CategoryWish(("Mugs",))]) == (made,)


def _all_items() -> list[dict[str, Any]]:
    client = boto3.client("dynamodb", region_name=REGION)
    return [from_wire(each) for each in client.scan(TableName=table_name("catalog"))["Items"]]


titles = st.text("aA ä&-", min_size=1, max_size=4).filter(str.strip).map(str.strip)
paths = st.lists(titles, min_size=1, max_size=3).map(tuple)


@given(st.lists(paths, min_size=1, max_size=6))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_two_paths_never_share_a_slug_and_one_never_has_two(wanted: list[tuple[str, ...]]) -> None:
    by_slug: dict[str, set[tuple[str, ...]]] = {}
    for path in [*wanted, *reversed(wanted)]:
        for each in catalog().resolved([CategoryWish(path)]):
            by_slug.setdefault(each.slug, set()).add(each.path)
    assert all(len(found) == 1 for found in by_slug.values())
    every = [path[:depth] for path in wanted for depth in range(1, len(path) + 1)]
    assert len(by_slug) == len(set(every))
