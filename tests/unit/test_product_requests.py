from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from builders import NOW
from catalog_builders import PRODUCT_ID
from commerce.catalog import model
from commerce.catalog.items import list_entries, product_item
from commerce.catalog.operations import create_product
from commerce.catalog.schema import ImportRequest, NewProduct, ProductChanges
from commerce.currencies import MINOR_DIGITS
from commerce.dynamo.table import to_wire

ITEM_BYTES_MAX = 400 * 1024
WIDE = "\U0001f600"  # four bytes in UTF-8


def body(**other: Any) -> dict[str, Any]:
    return {"title": "Mug", "variants": [{"sku": "MUG", "prices": {"GBP": 950}}], **other}


def variant(**other: Any) -> dict[str, Any]:
    return {"sku": "MUG", "prices": {"GBP": 950}, **other}


class KeepingCatalog:
    """Takes what it is given."""

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
        body(title="x" * 201),
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
        body(categories=[{"title": "Mugs"}, {"title": "mugs"}]),
        body(categories=[{"title": "日本"}]),
        body(description=WIDE * 20_000),
    ],
)
def test_a_product_outside_the_published_shape_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewProduct.model_validate(wrong)


def test_the_largest_legal_product_fits_a_dynamodb_item() -> None:
    currencies = sorted(MINOR_DIGITS)[: model.CURRENCIES_MAX]

    def largest(number: int) -> dict[str, Any]:
        tail = f"{number:03d}"
        return {
            "sku": "S" * 61 + tail,
            "title": WIDE * 200,
            "prices": dict.fromkeys(currencies, model.AMOUNT_MAX),
            "compare_at_prices": dict.fromkeys(currencies, model.AMOUNT_MAX),
            "option_values": {WIDE * 31 + str(n): WIDE * 61 + tail for n in range(3)},
            "weight_grams": model.WEIGHT_GRAMS_MAX,
            "barcode": WIDE * 32,
        }

    made = created(
        title=WIDE * 200,
        handle="h" * 120,
        description="d" * model.DESCRIPTION_BYTES_MAX,
        vendor=WIDE * 100,
        tags=[WIDE * 61 + f"{n:03d}" for n in range(50)],
        categories=[{"title": WIDE * 100, "slug": "s" * 119 + str(n)} for n in range(10)],
        media=[{"url": "https://" + "u" * 1013 + f"{n:03d}", "alt": WIDE * 200} for n in range(25)],
        variants=[largest(number) for number in range(100)],
    )
    whole = replace(made, unsettled=(*made.skus, *made.skus))
    assert item_bytes(product_item(whole)) < ITEM_BYTES_MAX
    assert all(item_bytes(entry) < ITEM_BYTES_MAX for entry in list_entries(made).values())


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
