"""Two customers of the deployed shop; in tests/store they do more, faster."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from cloud_in_memory import ROOT
from commerce.dynamo.table import Table
from e2e.customers import signed_in
from e2e.storefront import Storefront
from pushcart.cloud import Cloud
from pushcart.shop import Shop
from store.handlers_at_work import Answer
from store.two_customers import Person, World

pytestmark = pytest.mark.xdist_group("deployed_shop")


class OverHttp:
    """The deployed API, each operation called by the name of its file."""

    def __init__(self, shop: Shop, tokens: Mapping[str, str]) -> None:
        self._shop, self._tokens = shop, tokens
        self.written: set[str] = set()  # which is not seen from here
        document = json.loads((ROOT / "functions/site/openapi.json").read_text())
        self._routes = {
            operation["operationId"]: (method.upper(), path)
            for path, item in document["paths"].items()
            for method, operation in item.items()
        }

    def call(
        self,
        name: str,
        path: Mapping[str, str],
        body: Any = None,
        *,
        customer: str | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        method, route = self._routes[name.partition("/")[2]]
        filled = re.sub(r"\{(\w+)\}", lambda found: path[found[1]], route)
        token = {"Authorization": f"Bearer {self._tokens[customer]}"} if customer else {}
        # What the shop's client would send by itself is the buyer's own token.
        sent = {"X-Order-Token": "", **(headers or {}), **token}
        answer = self._shop.call(method, filled, body, headers=sent, query=query)
        return Answer(answer.status_code, answer.text, answer.headers)


def test_neither_of_two_customers_reads_or_changes_anything_of_the_others(
    storefront: Storefront, cloud: Cloud
) -> None:
    outputs = cloud.stack_outputs()
    customers = [signed_in(storefront.shop, cloud) for _ in range(2)]
    ada, eve = customers
    people = Person("ada", ada.id, ada.email), Person("eve", eve.id, eve.email)
    shop = OverHttp(storefront.shop, {each.id: each.access_token for each in customers})
    skus = storefront.stocked(900_000, 900_000)

    def open_table(noun: str) -> Table:
        return Table(outputs[f"{noun.title()}TableName"], cloud.dynamodb)

    World(7, shop, people, skus, open_table).live(operations=30)

    assert all(person.orders for person in people)
