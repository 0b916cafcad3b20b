"""An order from its confirmation on, and what buyers and staff do with it over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from e2e.customers import SignedIn
from e2e.recovery import wait_until
from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud
from pushcart.shop import Shop

Json = dict[str, Any]

ACCOUNTS = ("cash_at_provider", "receivable", "revenue", "tax", "refunds", "store_credit")


@dataclass(frozen=True)
class Money:
    """What of an order was taken, given back and let go of, in minor units."""

    captured: int = 0
    refunded: int = 0
    released: int = 0


class Sale:
    """One confirmed order."""

    def __init__(
        self,
        storefront: Storefront,
        *units: int,
        stock: int = 10,
        customer: SignedIn | None = None,
        skus: tuple[str, ...] = (),
    ) -> None:
        """Sell so many units of each of as many new SKUs, to a guest or a customer.

        Of others than new ones where `skus` are given.
        """
        self._storefront = storefront
        self.shop = storefront.shop
        self.skus = [*skus] or storefront.stocked(*[stock] * len(units))
        cart = storefront.cart(dict(zip(self.skus, units, strict=True)))
        self._customer = customer
        if customer:
            customer.ask("POST", f"/carts/{cart['id']}/claim")
        answer = storefront.complete(cart)
        assert answer.status_code == 200, answer.text
        self.order_token: str = answer.json().get("order_token", "")
        self.id: str = answer.json()["id"]
        self.total: int = answer.json()["total"]
        self._lines: list[Json] = answer.json()["line_items"]

    def wait(self, met: Callable[[Json], bool], what: str) -> Json:
        """Wait until staff read something of the order; give what they read."""
        seen: list[Json] = []

        def look() -> bool:
            seen[:] = [self.read()]
            return met(seen[0])

        wait_until(look, f"{what} of {self.id}")
        return seen[0]

    def wait_for(self, status: str) -> Json:
        """Wait for a status of the order."""
        return self.wait(lambda order: bool(order["status"] == status), status)

    def read(self) -> Json:
        """Read the order as staff do."""
        return self._storefront.order(self.id)

    def allocated(self) -> str:
        """Wait for the allocation; give the first fulfillment's id."""
        order = self.wait(lambda order: bool(order["fulfillments"]), "the allocation")
        first: str = order["fulfillments"][0]["id"]
        return first

    def statuses(self) -> tuple[str, str, str]:
        """Read how order, money and goods stand."""
        order = self.read()
        return order["status"], order["payment_status"], order["fulfillment_status"]

    def stock(self) -> list[tuple[int, int, int]]:
        """Read how many units of each SKU are available, reserved, and gone."""
        return [self._storefront.units(sku) for sku in self.skus]

    def lines(self, *units: int) -> list[Json]:
        """Name so many units of each of the order's lines, in the order of `skus`."""
        ids = {line["sku"]: line["id"] for line in self._lines}
        wanted = zip(self.skus, units, strict=False)
        return [{"id": ids[sku], "quantity": count} for sku, count in wanted if count]

    def cost(self, position: int) -> int:
        """Give what a line costs in all."""
        (cost,) = (line["total"] for line in self._lines if line["sku"] == self.skus[position])
        total: int = cost
        return total

    @property
    def delivery(self) -> int:
        """What of the order's total is not for goods."""
        goods: int = sum(line["total"] for line in self._lines)
        return self.total - goods

    def money(self) -> Money:
        """Read the money in the provider's books; our record and the ledger must say the same."""
        theirs = self._storefront.at_provider(self.id)
        assert theirs is not None
        money = Money(theirs.captured, theirs.refunded, theirs.released)
        ours = self.read()["payment"]
        assert money == Money(ours["captured"], ours["refunded"], ours["released"])
        assert self._booked() == (money.captured, money.refunded)
        return money

    def _booked(self) -> tuple[int, int]:
        path = "/admin/accounts/cash_at_provider"
        newest = self.shop.ask("GET", path, query={"limit": 100})["items"]
        ours = [each for each in newest if each["order_id"] == self.id]
        return sum(each["debit"] for each in ours), sum(each["credit"] for each in ours)

    def history(self, part: str = "") -> list[tuple[str | None, str | None]]:
        """Give from which status to which the order went, or one of its parts."""
        told = [each for each in self.read()["timeline"] if each.get("status")]
        whose = [
            each
            for each in told
            if (part and (each.get("detail") or "").startswith(part))
            or (not part and each["what"].startswith("order "))
        ]
        return [(each.get("was"), each["status"]) for each in whose]

    # --- what people do -----------------------------------------------------------

    def split(self, *units: int) -> str:
        """Take units out to be sent by themselves; give the new fulfillment's id."""
        path, body = f"/admin/orders/{self.id}/fulfillments", {"line_items": self.lines(*units)}
        identifier: str = self.shop.ask("POST", path, body, key=new_key())["id"]
        return identifier

    def pack(self, parcel: str) -> None:
        """Pack a parcel."""
        self.shop.ask("POST", f"/admin/fulfillments/{parcel}/pack")

    def ship(self, parcel: str, **tracking: str) -> None:
        """Ship a parcel that is packed."""
        self.shop.ask("POST", f"/admin/fulfillments/{parcel}/ship", tracking)

    def deliver(self, parcel: str) -> None:
        """Deliver a parcel that is shipped."""
        self.shop.ask("POST", f"/admin/fulfillments/{parcel}/deliver")

    def send(self, parcel: str) -> None:
        """Pack and ship a parcel, and wait until it is charged and gone from the stock."""
        charged = self.money().captured
        self.pack(parcel)
        self.ship(parcel)
        self.wait(lambda order: bool(order["payment"]["captured"] > charged), "the capture")

    def arrive(self) -> None:
        """Send everything in one parcel, and see it delivered and the order completed."""
        parcel = self.allocated()
        self.send(parcel)
        self.deliver(parcel)
        self.wait_for("completed")

    def cancel(self, area: str, *units: int) -> httpx.Response:
        """Cancel the order in the `store` or as `admin`, or some of its units."""
        body = {"line_items": self.lines(*units)} if units else {}
        return self.shop.call("POST", f"/{area}/orders/{self.id}/cancel", body, key=new_key())

    def short(self, parcel: str, *units: int) -> None:
        """Report units that a packer cannot find."""
        path = f"/admin/fulfillments/{parcel}/report-shortage"
        self.shop.ask("POST", path, {"line_items": self.lines(*units)}, key=new_key())

    def send_back(self, *units: int) -> httpx.Response:
        """Ask to send units back."""
        body = {"line_items": self.lines(*units), "reason": "damaged"}
        if self._customer:
            path = f"/orders/{self.id}/returns"
            return self._customer.call("POST", path, body, key=new_key())
        body["order_id"] = self.id
        return self.shop.call("POST", "/store/returns", body, key=new_key())

    def decide(self, wish: str, decision: str, body: Mapping[str, Any] | None = None) -> Json:
        """Approve, reject, receive or refund a return."""
        path = f"/admin/returns/{wish}/{decision}"
        return self.shop.ask("POST", path, dict(body or {}), key=new_key())

    def redrive(self) -> None:
        """Let the order go on that a person has looked at."""
        self.shop.ask("POST", f"/admin/orders/{self.id}/redrive")


def code_of(answer: httpx.Response) -> tuple[int, str | None]:
    """Give an answer's status and the code of its problem."""
    return answer.status_code, answer.json().get("code")


def trial_balance(shop: Shop) -> int:
    """Add up all accounts of the shop in pounds: debits less credits."""
    balances = [
        balance
        for account in ACCOUNTS
        for balance in shop.ask("GET", f"/admin/accounts/{account}")["balances"]
        if balance["currency"] == "GBP"
    ]
    return sum(balance["debits"] - balance["credits"] for balance in balances)


@contextmanager
def policies(shop: Shop, **changed: Any) -> Iterator[None]:
    """Have other policies in the settings for a while."""

    def put(wanted: Mapping[str, Any]) -> Json:
        settings = shop.ask("GET", "/admin/settings")
        before: Json = settings["policies"]
        body = {**settings, "policies": {**before, **wanted}}
        headers = {"If-Match": f'"{settings["version"]}"'}
        answer = shop.call("PUT", "/admin/settings", body, headers=headers)
        assert answer.is_success, answer.text
        return before

    before = put(changed)
    try:
        yield
    finally:
        put(before)


class Executions:
    """The executions that follow a confirmed order."""

    def __init__(self, cloud: Cloud) -> None:
        self._client = cloud.stepfunctions
        self._base = cloud.stack_outputs()["PlaceOrderArn"].removesuffix("-place-order")

    def names(self, machine: str, about: str) -> list[str]:
        """List the executions of a machine, such as `fulfil-order`, about an order."""
        tail = about.partition("_")[2]
        pages = self._client.get_paginator("list_executions").paginate(
            stateMachineArn=f"{self._base}-{machine}"
        )
        return sorted(
            each["name"] for page in pages for each in page["executions"] if tail in each["name"]
        )

    def status(self, machine: str, name: str) -> str:
        """Tell how an execution stands."""
        return str(self._client.describe_execution(executionArn=self._arn(machine, name))["status"])

    def stop(self, machine: str, name: str) -> None:
        """End an execution before its work is done."""
        self._client.stop_execution(executionArn=self._arn(machine, name))

    def _arn(self, machine: str, name: str) -> str:
        return f"{self._base}-{machine}:{name}".replace(":stateMachine:", ":execution:")
