"""Stock as staff and buyers meet it: what is not counted or not there yet, places, and names."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from e2e.recovery import wait_until
from e2e.sales import Sale
from e2e.storefront import Storefront, new_key


def product(storefront: Storefront, **variants: dict[str, Any]) -> dict[str, Any]:
    """Make an active product; each variant by its SKU, with what is special about it."""
    name = new_key()[:8]
    body = {
        "title": f"Goods {name}",
        "status": "active",
        "variants": [
            {"sku": sku, "prices": {"GBP": 950}, "option_values": {"No": sku}, **facts}
            for sku, facts in variants.items()
        ],
    }
    return storefront.shop.ask("POST", "/admin/products", body, key=new_key())


def skus(*kinds: str) -> tuple[str, ...]:
    name = new_key()[:8]
    return tuple(f"{name}-{kind}" for kind in kinds)


def count(storefront: Storefront, sku: str, units: int, **other: str) -> dict[str, Any]:
    body = {"sku": sku, "counted": units, **other}
    return storefront.shop.ask("POST", "/admin/stock-counts", body, key=new_key())


def change(storefront: Storefront, made: dict[str, Any], body: Any) -> Any:
    path = f"/admin/products/{made['id']}"
    version = storefront.shop.ask("GET", path)["version"]
    return storefront.shop.call("PATCH", path, body, headers={"If-Match": f'"{version}"'})


def messages(cart: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (each["type"], each["code"], each["path"])
        for each in cart["messages"]
        if each["code"] in ("out_of_stock", "backordered")
    ]


def test_a_buyer_sees_what_is_there_what_comes_later_and_what_is_gone(
    storefront: Storefront,
) -> None:
    mug, print_, ticket = skus("MUG", "PRINT", "TICKET")
    made = product(
        storefront,
        **{mug: {}, print_: {"allow_backorder": True}, ticket: {"manage_inventory": False}},
    )
    shown = storefront.shop.ask("GET", f"/store/products/{made['id']}")
    assert {each["sku"]: each["availability"] for each in shown["variants"]} == {
        mug: "out_of_stock",
        print_: "backorder",
        ticket: "in_stock",
    }
    count(storefront, mug, 2)
    listed = storefront.shop.ask("GET", "/store/products", query={"q": made["title"]})
    (found,) = listed["items"]
    assert found["variants"][0]["availability"] == "in_stock"

    cart = storefront.cart({mug: 3, print_: 2, ticket: 9})
    assert messages(cart) == [
        ("error", "out_of_stock", "$.line_items[0].quantity"),
        ("info", "backordered", "$.line_items[1].quantity"),
    ]
    lines = {each["sku"]: each["availability"] for each in cart["line_items"]}
    assert lines == {mug: "in_stock", print_: "backorder", ticket: "in_stock"}
    refused = storefront.complete(cart)
    assert (refused.status_code, refused.json()["code"]) == (409, "out_of_stock")
    assert [each["sku"] for each in refused.json()["short_lines"]] == [mug]


def test_goods_that_are_not_counted_and_not_there_yet_are_sold_sent_and_sent_back(
    storefront: Storefront,
) -> None:
    print_, ticket = skus("PRINT", "TICKET")
    product(
        storefront,
        **{print_: {"allow_backorder": True}, ticket: {"manage_inventory": False}},
    )
    sale = Sale(storefront, 2, 2, skus=(print_, ticket))
    sale.arrive()
    stock = storefront.shop.ask("GET", f"/admin/stock/{print_}")
    assert (stock["consumed"], stock["backordered"], stock["sent_ahead"]) == (0, 0, 2)
    wish = sale.send_back(1, 1).json()["id"]
    sale.decide(wish, "approve")
    sale.decide(wish, "receive", {"restock": sale.lines(1, 1)})
    wait_until(lambda: storefront.units(print_)[2] == 1, "the return to be in stock")
    count(storefront, print_, 4)
    assert storefront.units(print_) == (4, 0, 2)
    assert storefront.units(ticket) == (0, 0, 0)


def test_a_sku_with_units_is_not_given_up_and_one_without_is(storefront: Storefront) -> None:
    old, new, newest = skus("OLD", "NEW", "NEWEST")
    made = product(storefront, **{old: {}})
    count(storefront, old, 3)
    renamed = {"variants": [{"sku": new, "prices": {"GBP": 950}}]}
    refused = change(storefront, made, renamed)
    assert (refused.status_code, refused.json()["code"]) == (409, "sku_has_stock")
    assert refused.json()["units"][0] == {
        "sku": old,
        "available": 3,
        "reserved": 0,
        "backordered": 0,
    }

    def imported(sku: str) -> dict[str, Any]:
        rows = (
            "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Price\n"
            f"{made['handle']},{made['title']},No,1,{sku},9.50"
        )
        return storefront.shop.ask("POST", "/admin/imports", {"csv": rows}, key=new_key())

    report = imported(new)
    assert report["products_updated"] == 0
    assert old in report["errors"][0]["reason"]
    count(storefront, old, 0)
    assert change(storefront, made, renamed).status_code == 200
    assert imported(newest)["skus_removed"] == [new]
    gone = {"delta": 1, "reason": "found one"}
    answer = storefront.shop.call("POST", f"/admin/stock/{old}/adjustments", gone)
    assert answer.status_code == 404


def test_a_location_with_units_is_not_removed_and_an_empty_one_is(storefront: Storefront) -> None:
    (mug,) = skus("MUG")
    place = f"depot-{new_key()[:8]}"
    product(storefront, **{mug: {}})
    storefront.has_places(place)
    count(storefront, mug, 3, location=place)

    def without() -> Any:
        settings = storefront.shop.ask("GET", "/admin/settings")
        settings["stock_locations"] = [
            each for each in settings["stock_locations"] if each["id"] != place
        ]
        tag = {"If-Match": f'"{settings["version"]}"'}
        answer = storefront.shop.call("PUT", "/admin/settings", settings, headers=tag)
        return without() if answer.status_code == 412 else answer

    refused = without()
    assert (refused.status_code, refused.json()["code"]) == (409, "location_in_use")
    assert refused.json()["locations"] == [{"id": place, "skus": [mug]}]
    moved = {"sku": mug, "from_location": place, "to_location": "main", "quantity": 3}
    storefront.shop.ask("POST", "/admin/stock-transfers", moved, key=new_key())
    assert without().status_code == 200
    assert storefront.units(mug) == (3, 0, 0)


def test_staff_list_stock_by_sku_place_and_what_is_low(storefront: Storefront) -> None:
    low, out, much = skus("A-LOW", "B-OUT", "C-MUCH")
    prefix = low.partition("-")[0]
    product(storefront, **{low: {}, out: {}, much: {}})
    count(storefront, low, 1)
    count(storefront, much, 900)

    def found(**query: str | int) -> list[str]:
        page = storefront.shop.ask("GET", "/admin/stock", query={"sku": prefix, **query})
        return [each["sku"] for each in page["items"]]

    assert found() == [low, out, much]
    assert found(state="low") == [low, out]
    assert found(state="out") == [out]
    assert found(location="main") == [low, much]
    assert found(state="backordered") == []
    first = storefront.shop.ask("GET", "/admin/stock", query={"sku": prefix, "limit": 2})
    assert [each["available"] for each in first["items"]] == [1, 0]
    rest = found(limit=2, cursor=first["next_cursor"])
    assert rest == [much]


# All that a SKU may be written with, but letters and digits.
SIGNS = "!\"#$%&'()*+,-.:;<=>?@[\\]^_`{|}~ "


@pytest.mark.parametrize("signs", [SIGNS[:11], SIGNS[11:22], SIGNS[22:], "%2F", "..A", "+", "%"])
def test_a_sku_with_any_sign_but_a_slash_is_stocked_by_its_path(
    storefront: Storefront, signs: str
) -> None:
    sku = f"{new_key()[:8]}{signs}Z"
    product(storefront, **{sku: {}})
    path = f"/admin/stock/{quote(sku, safe='')}"
    answer = storefront.shop.call("POST", f"{path}/adjustments", {"delta": 3, "reason": "found"})
    assert answer.status_code == 201, answer.text
    assert storefront.shop.ask("GET", path)["sku"] == sku


@pytest.mark.parametrize("sku", ["A/B-1", "/", ".", ".."])
def test_a_sku_that_no_path_can_have_is_refused_at_the_start(
    storefront: Storefront, sku: str
) -> None:
    body = {"title": "Goods", "variants": [{"sku": sku, "prices": {"GBP": 950}}]}
    refused = storefront.shop.call("POST", "/admin/products", body, key=new_key())
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert refused.json()["errors"][0]["path"] == "$.variants[0].sku"
    rows = f"Handle,Title,Variant SKU,Variant Price\n{new_key()},Goods,{sku},9.50"
    report = storefront.shop.ask("POST", "/admin/imports", {"csv": rows}, key=new_key())
    assert report["products_created"] == 0
    assert report["errors"][0]["column"] == "Variant SKU"
