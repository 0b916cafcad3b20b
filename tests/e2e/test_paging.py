"""Every list goes on where its page ended, and takes no cursor but its own.

A list is an operation of the published document that takes `cursor`, and none is left out. Each
is walked to its second page: only there does its function read the key that cursors are sealed
with.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from cloud_in_memory import ROOT
from commerce.dynamo.table import Table, Update
from commerce.payments.sandbox import payment_key
from e2e.customers import SignedIn, signed_in
from e2e.event_log import Log
from e2e.receiver import receiving
from e2e.recovery import wait_until
from e2e.sales import Sale, code_of
from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud

pytestmark = pytest.mark.xdist_group("deployed_shop")

Json = dict[str, Any]
DOCUMENT = json.loads((ROOT / "functions/site/openapi.json").read_text())
ROUTES = sorted(
    f"{method.upper()} {path}"
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
    if "cursor" in [each["name"] for each in operation.get("parameters", [])]
)


@dataclass(frozen=True)
class Listing:
    """A list as somebody reads it; `only` are its conditions."""

    by: Storefront | SignedIn
    path: str
    only: Mapping[str, str] = field(default_factory=dict)

    def call(self, **query: str | int) -> httpx.Response:
        """Ask for a page and give the answer, whatever it says."""
        caller = self.by.shop if isinstance(self.by, Storefront) else self.by
        return caller.call("GET", self.path, query={**self.only, **query})

    def page(self, **query: str | int) -> tuple[list[Json], str]:
        """Read a page's entries and its cursor, empty on the last page."""
        answer = self.call(**query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        if "csv" in page:
            rows = csv.DictReader(io.StringIO(page["csv"], newline=""))
            entries = [{"id": handle} for handle in dict.fromkeys(row["Handle"] for row in rows)]
        else:
            entries = page["adjustments" if "adjustments" in page else "items"]
        return entries, page.get("next_cursor") or ""

    def wait_for_two(self) -> None:
        """Wait until there is a second page: some lists follow what happened a moment later."""
        wait_until(lambda: len(self.page(limit=2)[0]) == 2, f"two entries of {self.path}")


@pytest.fixture(scope="module")
def listings(storefront: Storefront, cloud: Cloud) -> Iterator[Mapping[str, Listing]]:
    """Give every list, with two entries at least, by its route."""
    shop = storefront.shop
    signed_in(shop, cloud)
    customer = signed_in(shop, cloud)
    kept, returned = (Sale(storefront, 2, customer=customer) for _ in range(2))
    shop.ask("POST", f"/admin/orders/{kept.id}/capture", {}, key=new_key())
    returned.arrive()
    for _ in range(2):
        assert returned.send_back(1).is_success
        shop.ask("POST", "/admin/api-keys", {"name": "paging", "type": "publishable"})
        counted = {"delta": 1, "reason": "found one"}
        shop.ask("POST", f"/admin/stock/{kept.skus[0]}/adjustments", counted)
    product, endpoint = a_product_told_of_twice(storefront)
    a_run(storefront)
    run = a_run_that_finds_charges(storefront, cloud, kept, returned)
    things = {
        "GET /admin/reconciliations/{id}": run,
        "GET /admin/accounts/{id}": "revenue",
        "GET /admin/stock/{sku}": kept.skus[0],
        "GET /admin/webhook-endpoints/{id}/deliveries": endpoint,
    }
    # Events and e-mails follow what happened, and others may still be on their way.
    conditions = {
        "GET /admin/events": {"aggregate_id": product},
        "GET /admin/emails": {"order_id": returned.id},
    }

    def listing(route: str) -> Listing:
        path = re.sub(r"\{\w+\}", lambda _: things[route], route.removeprefix("GET "))
        return Listing(customer if "/me/" in path else storefront, path, conditions.get(route, {}))

    every = {route: listing(route) for route in ROUTES}
    for each in every.values():
        each.wait_for_two()
    yield every
    shop.call("DELETE", f"/admin/webhook-endpoints/{endpoint}")


def a_product_told_of_twice(storefront: Storefront) -> tuple[str, str]:
    """Make a product and change it; give it and the endpoint that was told both times."""
    shop, name = storefront.shop, new_key()[:8]
    with receiving(shop) as receiver:
        wanted = {"url": receiver.url, "event_types": ["product.changed"]}
        endpoint: str = shop.ask("POST", "/admin/webhook-endpoints", wanted, key=new_key())["id"]
        variant = {"sku": name, "title": name, "prices": {"GBP": 950}}
        body = {"title": name, "variants": [variant]}
        product: str = shop.ask("POST", "/admin/products", body, key=new_key())["id"]
        change, version = {"title": f"{name} mug"}, {"If-Match": '"1"'}
        assert shop.call("PATCH", f"/admin/products/{product}", change, headers=version).is_success
        told = Listing(
            storefront, f"/admin/webhook-endpoints/{endpoint}/deliveries", {"status": "succeeded"}
        )
        told.wait_for_two()
    wait_until(lambda: len(Log(storefront).about(product)) == 2, "both events of the product")
    return product, endpoint


def a_run(storefront: Storefront) -> str:
    """Reconcile to the end."""
    shop = storefront.shop
    run: str = shop.ask("POST", "/admin/reconciliations", {}, key=new_key())["id"]
    path = f"/admin/reconciliations/{run}"
    wait_until(lambda: bool(shop.ask("GET", path)["status"] == "finished"), "the reconciliation")
    return run


def a_run_that_finds_charges(storefront: Storefront, cloud: Cloud, *sales: Sale) -> str:
    """Reconcile while the provider has taken more for these than the shop knows of."""
    books = Table(cloud.stack_outputs()["SandboxTableName"], cloud.dynamodb)
    taken = {sale.id: sale.money().captured for sale in sales}

    def charge(more: int) -> None:
        for order_id, amount in taken.items():
            all_ = {"all": amount + more}
            books.update(Update(payment_key(order_id), "SET #captured = :all", values=all_))

    charge(1)
    run = a_run(storefront)
    charge(0)
    return run


@pytest.mark.parametrize("route", ROUTES)
def test_a_second_page_goes_on_where_the_first_one_ended(
    listings: Mapping[str, Listing], route: str
) -> None:
    listing = listings[route]

    (first,), cursor = listing.page(limit=1)
    (second,), _ = listing.page(limit=1, cursor=cursor)

    whole, _ = listing.page(limit=100)
    at = whole.index(first)
    assert whole[at + 1] == second
    assert second not in whole[: at + 1]


@pytest.mark.parametrize("route", ROUTES)
def test_a_cursor_that_was_altered_or_is_anothers_is_refused_as_documented(
    listings: Mapping[str, Listing], route: str
) -> None:
    listing = listings[route]
    another = listings[ROUTES[ROUTES.index(route) - 1]]
    _, cursor = listing.page(limit=1)
    middle = len(cursor) // 2
    altered = cursor[:middle] + ("A" if cursor[middle] != "A" else "B") + cursor[middle + 1 :]

    answers = [listing.call(cursor=each) for each in (altered, another.page(limit=1)[1])]

    assert [code_of(each) for each in answers] == [(400, "invalid_cursor")] * 2
    method, _, path = route.partition(" ")
    assert "400" in DOCUMENT["paths"][path][method.lower()]["responses"]
