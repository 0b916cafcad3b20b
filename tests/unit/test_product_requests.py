from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from pydantic import ValidationError

from builders import NOW
from catalog_builders import PRODUCT_ID
from commerce.catalog import model
from commerce.catalog.items import bytes_of, list_entries, product_item, sku_item
from commerce.catalog.operations import create_product
from commerce.catalog.schema import ImportRequest, NewProduct, ProductChanges
from commerce.catalog.store import CatalogStore
from commerce.currencies import MINOR_DIGITS
from commerce.dynamo import sizes
from commerce.dynamo.table import Table, to_wire
from commerce.errors import InvalidRequest

ITEM_BYTES_MAX = 400 * 1024
WIDE = "\U0001f600"  # four bytes in UTF-8


def body(**other: Any) -> dict[str, Any]:
    return {"title": "Mug", "variants": [{"sku": "MUG", "prices": {"GBP": 950}}], **other}


def variant(**other: Any) -> dict[str, Any]:
    return {"sku": "MUG", "prices": {"GBP": 950}, **other}


class KeepingCatalog:
    """Takes what it is given."""

    def resolved(self, wishes: Sequence[model.CategoryWish]) -> tuple[model.Category, ...]:
        return tuple(
            model.Category(wish.slug or model.category_slugs(wish.path)[0], wish.path[-1])
            for wish in wishes
        )

    def add(self, product: model.Product) -> model.Product:
        return product


def created(**other: Any) -> model.Product:
    request = NewProduct.model_validate(body(**other))
    return create_product(request, PRODUCT_ID, NOW, KeepingCatalog())  # type: ignore[arg-type] # a fake


def test_a_product_needs_only_a_title_and_a_variant_with_a_price() -> None:
    made = created()
    assert (made.handle, made.status, made.version) == ("mug", "draft", 1)
    assert made.variants[0].title == "Default"


def test_a_variant_without_title_is_named_by_its_option_values() -> None:
    made = created(variants=[variant(option_values={"Size": "M", "Colour": "Blue"})])
    assert made.variants[0].title == "M / Blue"


def test_a_category_gets_its_slug_from_its_title() -> None:
    assert created(categories=[{"title": "Kitchen & Dining"}]).categories == (
        model.Category("kitchen-dining", "Kitchen & Dining"),
    )


@pytest.mark.parametrize(
    "wrong",
    [
        body(title=" "),
        body(title="x" * 256),
        body(title="\ud800"),
        body(handle="Not A Handle"),
        body(handle=PRODUCT_ID),
        body(status="sold"),
        body(colour="blue"),
        body(variants=[]),
        body(variants=[variant(sku=f"MUG-{n}") for n in range(101)]),
        body(variants=[variant(), variant()]),
        body(variants=[variant(sku=sku, option_values={"Size": "M"}) for sku in ("A", "B")]),
        body(variants=[variant(sku=" MUG")]),
        body(variants=[variant(sku="M\nUG")]),
        body(variants=[variant(sku="MÜG")]),
        body(variants=[variant(prices={})]),
        body(variants=[variant(prices={"GBP": -1})]),
        body(variants=[variant(prices={"GBP": 9.5})]),
        body(variants=[variant(prices={"GBP": True})]),
        body(variants=[variant(prices={"GBP": "950"})]),
        body(variants=[variant(prices={"pounds": 950})]),
        body(variants=[variant(weight_grams=-1)]),
        body(variants=[variant(tax_class="none")]),
        body(variants=[variant(requires_shipping="yes")]),
        body(variants=[variant(option_values={str(n): "x" for n in range(4)})]),
        body(media=[{"url": "javascript:alert(1)"}]),
        body(categories=[{"title": "Mugs"}, {"title": "Mugs"}]),
        body(categories=[{"title": "Mugs", "path": ["Mugs", "Cups"]}]),
        body(description=WIDE * 20_000),
    ],
)
def test_a_product_outside_the_published_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewProduct.model_validate(wrong)


def widest(variants: int, tags: int, media: int) -> model.Product:
    """Make a product of the longest everything, in letters of four bytes."""
    currencies = sorted(MINOR_DIGITS)[: model.CURRENCIES_MAX]

    def variant_of(number: int) -> dict[str, Any]:
        tail = f"{number:03d}"
        return {
            "sku": "S" * 61 + tail,
            "title": WIDE * 255,
            "prices": dict.fromkeys(currencies, model.AMOUNT_MAX),
            "compare_at_prices": dict.fromkeys(currencies, model.AMOUNT_MAX),
            "option_values": {WIDE * 254 + str(n): WIDE * 252 + tail for n in range(3)},
            "weight_grams": model.WEIGHT_GRAMS_MAX,
            "barcode": WIDE * 255,
        }

    return created(
        title=WIDE * 255,
        handle="h" * 120,
        description="d" * model.DESCRIPTION_BYTES_MAX,
        vendor=WIDE * 255,
        tags=[f"{n:03d}" + WIDE * 252 for n in range(tags)],
        categories=[{"title": WIDE * 255, "slug": "s" * 119 + str(n)} for n in range(10)],
        media=[
            {"url": "https://" + "u" * 1013 + f"{n:03d}", "alt": WIDE * 512} for n in range(media)
        ],
        variants=[variant_of(number) for number in range(variants)],
    )


def test_the_largest_product_that_is_saved_fits_an_item_and_its_save_a_transaction() -> None:
    few, many = next(
        (widest(number, 64, 8), widest(number + 1, 64, 8))
        for number in range(30, 0, -1)
        if bytes_of(widest(number, 64, 8)) <= model.PRODUCT_BYTES_MAX
    )
    with pytest.raises(InvalidRequest, match=str(model.PRODUCT_BYTES_MAX)):
        CatalogStore(cast("Table", None)).add(many)
    # A save of a hundred SKUs may leave two hundred unsettled.
    whole = replace(few, unsettled=("S" * 64,) * 200)
    assert item_bytes(product_item(whole)) < ITEM_BYTES_MAX
    entries = list_entries(replace(few, status="active")).values()
    assert len(entries) == 12
    skus = item_bytes(sku_item(few, few.variants[0])) * 100
    assert item_bytes(product_item(whole)) + sum(map(item_bytes, entries)) + skus < 4_000_000


def test_an_items_size_is_counted_as_dynamodb_does() -> None:
    whole = product_item(widest(3, 3, 3))
    numbers = 3 * 21 + 1
    assert item_bytes(whole) <= sizes.item_bytes(whole) <= item_bytes(whole) + numbers


@pytest.mark.parametrize(
    "wrong",
    [
        body(tags=["x" * 255] * 251),
        body(tags=[WIDE * 250 + f"{n}" for n in range(66)]),
        body(tags=["one, two"]),
        body(variants=[variant(option_values={"x" * 256: "M"})]),
        body(variants=[variant(option_values={"Size": "x" * 256})]),
    ],
)
def test_what_no_product_file_could_bring_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewProduct.model_validate(wrong)


def item_bytes(item: dict[str, Any]) -> int:
    """Count as DynamoDB does: names and text in UTF-8, and 1 to 3 bytes a value around it."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in to_wire(item).items())


def value_bytes(value: dict[str, Any]) -> int:
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "N":
        return len(content) // 2 + 2
    if kind == "L":
        return 3 + sum(1 + value_bytes(each) for each in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_bytes(each) for name, each in content.items())
    return 1


def test_a_change_without_fields_is_legal() -> None:
    assert ProductChanges.model_validate({}).title is None


@pytest.mark.parametrize("wrong", [{}, {"csv": "Title", "version_id": "1"}])
def test_an_import_has_exactly_one_source(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ImportRequest.model_validate(wrong)
