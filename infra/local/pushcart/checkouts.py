"""The two ways an invoice becomes an order: as a buyer does it, and without the HTTP API.

Both keep at it as a good client does: an answer that never came is asked for again under
the same key, and a checkout refused for a passing reason is tried anew.
"""

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from commerce.addresses import rules_of
from commerce.carts.model import Buyer, NewLine, add_lines, open_cart
from commerce.carts.store import CartStore
from commerce.dynamo.table import Table
from commerce.errors import (
    CheckoutInProgress,
    CheckoutUnderWay,
    DependencyUnavailable,
    DomainError,
    RequestInProgress,
    Throttled,
    TransientError,
)
from commerce.ids import new_id
from commerce.lifecycle import PENDING
from commerce.orders.operations import complete_cart
from commerce.orders.records import RecordStore
from commerce.orders.store import OrderStore
from commerce.pricing import Destination
from commerce.workflows import StateMachine
from pushcart.cloud import Cloud
from pushcart.invoices import Invoice
from pushcart.patient_client import PatientClient, until
from pushcart.problems import CommandFailed
from pushcart.shop import Shop

_CURRENCY = "GBP"
_PAYMENT = {"provider": "sandbox", "token": "tok_visa"}
_TRIES = 20
_PAUSE_SECONDS = 1.0
# Nothing was decided for these, or nobody knows what: the same call again tells.
_ASK_AGAIN = (
    CheckoutInProgress,
    CheckoutUnderWay,
    DependencyUnavailable,
    RequestInProgress,
    Throttled,
)


class Way(StrEnum):
    """Which of the two ways."""

    HTTP = "http"
    WORKFLOW = "workflow"


class Checkout(Protocol):
    """Places an order for an invoice and gives its id, once it is decided.

    Raises `CommandFailed` where the shop refuses the order.
    """

    def __call__(self, invoice: Invoice) -> str:
        """Place the order."""
        ...


class OverHttp:
    """A cart and its completion, each one request to the API."""

    def __init__(self, shop: Shop) -> None:
        self._client = PatientClient(shop)

    def __call__(self, invoice: Invoice) -> str:
        """See `Checkout`."""
        cart = self._client.post("/store/carts", _cart_body(invoice))
        total = next(each["amount"] for each in cart["totals"] if each["type"] == "total")
        body = {"payment": _PAYMENT, "expected_total": total}
        order = self._client.post(f"/store/carts/{cart['id']}/complete", body)
        return self._decided(order)

    def _decided(self, order: dict[str, Any]) -> str:
        order_id: str = order["id"]
        if order["status"] == PENDING:
            until(
                lambda: self._client.get(f"/store/orders/{order_id}"),
                lambda order: bool(order["status"] != PENDING),
                f"{order_id} to be decided",
            )
        return order_id


class ThroughWorkflow:
    """A cart in its table, and the order's state machine started as `complete_cart` does."""

    def __init__(self, cloud: Cloud) -> None:
        outputs = cloud.stack_outputs()
        self._carts = CartStore(Table(outputs["CartsTableName"], cloud.dynamodb))
        orders = Table(outputs["OrdersTableName"], cloud.dynamodb)
        self._orders, self._records = OrderStore(orders), RecordStore(orders)
        self._saga = StateMachine(outputs["PlaceOrderArn"], cloud.stepfunctions)

    def __call__(self, invoice: Invoice) -> str:
        """See `Checkout`."""
        cart_id = self._fill_cart(invoice)
        key = uuid.uuid4().hex
        problem = ""
        for _ in range(_TRIES):
            try:
                order = complete_cart(
                    cart_id,
                    key,
                    cart_id,
                    None,
                    _PAYMENT,
                    orders=self._orders,
                    records=self._records,
                    saga=self._saga,
                ).order
            except DomainError as error:
                problem = f"{error.code()}: {error.sentence}"
                if not isinstance(error, (TransientError, *_ASK_AGAIN)):
                    break
                if not isinstance(error, _ASK_AGAIN):
                    key = uuid.uuid4().hex
            else:
                if order.status != PENDING:
                    return order.order_id
            time.sleep(_PAUSE_SECONDS)
        raise CommandFailed(problem or "the order stays pending")

    def _fill_cart(self, invoice: Invoice) -> str:
        now = datetime.now(UTC)
        cart = add_lines(
            open_cart(new_id("cart", now), _CURRENCY, now),
            [NewLine(line.sku, line.quantity) for line in invoice.lines],
        )
        self._carts.open(
            replace(
                cart,
                buyer=Buyer(email=_email(invoice)),
                destination=Destination(**_destination(invoice)),
            )
        )
        return cart.cart_id


def _cart_body(invoice: Invoice) -> dict[str, Any]:
    return {
        "currency": _CURRENCY,
        "line_items": [{"sku": line.sku, "quantity": line.quantity} for line in invoice.lines],
        "buyer": {"email": _email(invoice)},
        "fulfillment": {"destination": _destination(invoice)},
    }


def _email(invoice: Invoice) -> str:
    return f"customer-{invoice.customer or 'unknown'}@pushcart.example"


def _destination(invoice: Invoice) -> Mapping[str, str]:
    # The data set has no addresses; each country's must look like one of its own.
    rules = rules_of(invoice.country)
    address = {
        "street_address": "1 High Street",
        "address_locality": "Anytown",
        "address_country": invoice.country,
    }
    if rules.example:
        address["postal_code"] = rules.example
    elif "address_region" in rules.requires:
        address["address_region"] = next(iter(rules.regions))
    return address
