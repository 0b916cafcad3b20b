"""Saves of products that were cut off are finished, or given up, by whoever comes next."""

from __future__ import annotations

from typing import Any

import pytest

from commerce.dynamo.table import to_wire
from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")


class Catalog:
    """The catalogue's table, as a crash leaves it."""

    def __init__(self, cloud: Cloud) -> None:
        self._table = cloud.stack_outputs()["CatalogTableName"]
        self._dynamodb = cloud.dynamodb

    def hold(self, sku: str) -> None:
        """Hold a SKU for a save that ended long ago and came to nothing."""
        held = {"product_id": f"prod_{new_key()}", "version": 0, "claimed_until": 1}
        self._put({"pk": f"sku#{sku}", "sk": "variant", **held})

    def cut_off(self, product_id: str, kept: str, left: str) -> None:
        """Undo the end of a save after which one SKU stays a product's and one does not."""
        self._put({"pk": f"sku#{left}", "sk": "variant", "product_id": product_id, "version": 0})
        self._dynamodb.update_item(
            TableName=self._table,
            Key=to_wire({"pk": f"product#{product_id}", "sk": "product"}),
            UpdateExpression="SET unsettled = :skus",
            ExpressionAttributeValues=to_wire({":skus": [kept, left]}),
        )

    def has(self, sku: str) -> bool:
        key = to_wire({"pk": f"sku#{sku}", "sk": "variant"})
        return "Item" in self._dynamodb.get_item(TableName=self._table, Key=key)

    def _put(self, item: dict[str, Any]) -> None:
        self._dynamodb.put_item(TableName=self._table, Item=to_wire(item))


@pytest.fixture
def catalog(cloud: Cloud) -> Catalog:
    return Catalog(cloud)


def a_product(name: str, *skus: str) -> dict[str, Any]:
    return {
        "title": name,
        "status": "active",
        "categories": [{"slug": f"mugs-{name}", "title": "Mugs"}],
        "variants": [
            {"sku": sku, "title": sku, "prices": {"GBP": 950}, "option_values": {"No": sku}}
            for sku in skus
        ],
    }


def test_a_sku_that_a_crashed_save_held_is_free_for_a_new_product(
    storefront: Storefront, catalog: Catalog
) -> None:
    sku = new_key()[:8]
    catalog.hold(sku)

    made = storefront.shop.ask("POST", "/admin/products", a_product(sku, sku), key=new_key())

    assert [each["sku"] for each in made["variants"]] == [sku]


def test_a_sku_that_a_crashed_save_held_is_free_for_an_import(
    storefront: Storefront, catalog: Catalog
) -> None:
    sku = new_key()[:8]
    catalog.hold(sku)

    row = f"Handle,Title,Variant SKU,Variant Price\n{sku},{sku},{sku},1.00"
    done = storefront.shop.ask("POST", "/admin/imports", {"csv": row})

    assert (done["products_created"], done["errors"]) == (1, [])


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_who_opens_a_product_finishes_its_last_save(
    storefront: Storefront, catalog: Catalog, method: str
) -> None:
    name = new_key()[:8]
    skus = f"{name}-A", f"{name}-B"
    made = storefront.shop.ask("POST", "/admin/products", a_product(name, skus[0]))
    catalog.cut_off(made["id"], kept=skus[0], left=f"{name}-gone")

    body = {"variants": a_product(name, *skus)["variants"]} if method == "PATCH" else None
    tag = {"If-Match": f'"{made["version"]}"'} if method == "PATCH" else {}
    answer = storefront.shop.call(method, f"/admin/products/{made['id']}", body, headers=tag)

    assert answer.is_success, answer.text
    assert catalog.has(skus[0])
    assert not catalog.has(f"{name}-gone")
