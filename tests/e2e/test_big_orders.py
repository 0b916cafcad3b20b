"""Wholesale orders of over a thousand lines."""

from __future__ import annotations

import pytest

from e2e.storefront import Storefront, total

pytestmark = pytest.mark.xdist_group("deployed_shop")

LINES = 1_110


def test_an_order_of_1110_lines_is_confirmed(storefront: Storefront) -> None:
    skus = storefront.stocked(*[3] * LINES, price=250)
    cart = storefront.cart(dict.fromkeys(skus, 2))

    answer = storefront.complete(cart)

    assert answer.status_code == 200
    order = answer.json()
    assert (order["status"], len(order["line_items"])) == ("confirmed", LINES)
    assert storefront.held(order["id"]) == total(cart) == LINES * 2 * 250
    assert [storefront.levels(sku) for sku in (skus[0], skus[500], skus[-1])] == [(1, 2)] * 3


def test_one_short_line_of_1110_gives_the_other_1109_back(storefront: Storefront) -> None:
    *others, last = storefront.stocked(*[3] * (LINES - 1), 1, price=250)
    cart = storefront.cart(dict.fromkeys([*others, last], 2))

    answer = storefront.complete(cart)

    assert answer.status_code == 409
    assert answer.json()["short_lines"] == [{"sku": last, "requested": 2, "available": 1}]
    order = storefront.order_of(cart)
    assert order["status"] == "canceled"
    assert storefront.at_provider(order["id"]) is None
    # Chunks before the short one were reserved for a while: each has to be back.
    released = [each["status"] for each in order["reservations"]]
    assert len(released) >= LINES - 1 - 97
    assert set(released) == {"released"}
    assert [storefront.levels(sku) for sku in (others[0], others[-1], last)] == [
        (3, 0),
        (3, 0),
        (1, 0),
    ]
