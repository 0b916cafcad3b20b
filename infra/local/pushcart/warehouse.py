"""What staff do with an order after it is placed: send it, and take back what is returned.

In two ways, as orders are placed: over the HTTP API, and without it. People decide, the
state machines do what follows, and each call here waits until they have.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

from commerce.dynamo.table import Table
from commerce.errors import DomainError
from commerce.fulfillment.model import BUYER, Acting
from commerce.fulfillment.operations import deliver, pack, ship
from commerce.lifecycle import CONFIRMED, REFUNDED, REQUIRES_ACTION
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.payments.store import PaymentStore
from commerce.returns.model import Refund
from commerce.returns.operations import (
    approve_return,
    receive_return,
    refund_return,
    request_return,
)
from commerce.settings.store import SettingsStore
from pushcart.cloud import Cloud
from pushcart.patient_client import PatientClient, until
from pushcart.problems import CommandFailed
from pushcart.shop import Shop

_REASON = "changed_my_mind"
_CARRIER = "Royal Mail"


class Warehouse(Protocol):
    """Sends orders and takes goods back.

    Raises `CommandFailed` where the shop refuses, or an order requires action.
    """

    def send(self, order_id: str) -> None:
        """Pack, ship and deliver all of a confirmed order, and wait until it is completed."""
        ...

    def take_back(self, order_id: str, units: Mapping[str, int]) -> str:
        """Return units, by SKU, and wait until their money is given back; gives the return's id.

        They are requested, approved, put back on the shelf, and refunded without a fee.
        """
        ...


class OverHttp:
    """Each decision is one request to the API."""

    def __init__(self, shop: Shop) -> None:
        self._client = PatientClient(shop)

    def send(self, order_id: str) -> None:
        """See `Warehouse`; it is delivered once it is charged."""
        order = self._once(order_id, "it to be allocated", lambda order: order["fulfillments"])
        parcels = [each["id"] for each in order["fulfillments"] if each["status"] != "canceled"]
        for parcel in parcels:
            self._client.post(f"/admin/fulfillments/{parcel}/pack")
            tracking = {"carrier": _CARRIER, "tracking_number": parcel[-12:].upper()}
            self._client.post(f"/admin/fulfillments/{parcel}/ship", tracking)
        self._once(order_id, "it to be charged", lambda order: order["payment"]["captured"])
        for parcel in parcels:
            self._client.post(f"/admin/fulfillments/{parcel}/deliver")
        self._once(order_id, "it to be completed", lambda order: order["status"] != CONFIRMED)

    def take_back(self, order_id: str, units: Mapping[str, int]) -> str:
        """See `Warehouse`."""
        lines = self._client.get(f"/admin/orders/{order_id}")["line_items"]
        ids = {line["sku"]: line["id"] for line in lines}
        items = [{"id": ids[sku], "quantity": count} for sku, count in units.items()]
        wish = {"order_id": order_id, "line_items": items, "reason": _REASON}
        return_id: str = self._client.post("/store/returns", wish)["id"]
        path = f"/admin/returns/{return_id}"
        self._client.post(f"{path}/approve")
        self._client.post(f"{path}/receive", {"restock": items})
        self._client.post(f"{path}/refund", {})

        def refunded(order: Mapping[str, Any]) -> bool:
            statuses = {each["id"]: each["status"] for each in order["returns"]}
            return bool(statuses[return_id] == REFUNDED)

        self._once(order_id, f"{return_id} to be refunded", refunded)
        return return_id

    def _once(
        self, order_id: str, what: str, holds: Callable[[Mapping[str, Any]], object]
    ) -> Mapping[str, Any]:
        def settled(order: Mapping[str, Any]) -> bool:
            _require_no_action(order_id, order["status"])
            return bool(holds(order))

        read = f"/admin/orders/{order_id}"
        return until(lambda: self._client.get(read), settled, f"{order_id}: {what}")


class Directly:
    """Each decision is what its operation's function decides, with the same stores."""

    def __init__(self, cloud: Cloud) -> None:
        outputs = cloud.stack_outputs()
        self._records = RecordStore(Table(outputs["OrdersTableName"], cloud.dynamodb))
        self._payments = PaymentStore(Table(outputs["PaymentsTableName"], cloud.dynamodb))
        self._settings = SettingsStore(Table(outputs["SettingsTableName"], cloud.dynamodb))

    def send(self, order_id: str) -> None:
        """See `Warehouse`; people do not wait for the state machine, which catches up."""
        record = self._once(order_id, "it to be allocated", lambda record: record.fulfillments)
        with _refusals_in_a_sentence():
            for parcel in record.live:
                pack(parcel.id, _staff(), records=self._records)
                ship(parcel.id, {"carrier": _CARRIER}, _staff(), records=self._records)
                deliver(parcel.id, _staff(), records=self._records)
        self._once(order_id, "it to be completed", lambda record: record.order.status != CONFIRMED)

    def take_back(self, order_id: str, units: Mapping[str, int]) -> str:
        """See `Warehouse`."""
        with _refusals_in_a_sentence():
            lines = self._records.get(order_id).lines
            ids = {line.sku: line_id for line_id, line in lines.items()}
            wanted = {ids[sku]: count for sku, count in units.items()}
            buyer = Acting(BUYER, datetime.now(UTC), _REASON)
            records, settings = self._records, self._settings
            _, wish = request_return(
                order_id, wanted, "", buyer, records=records, settings=settings
            )
            approve_return(wish.id, _staff(), records=records)
            receive_return(wish.id, wanted, {}, None, _staff(), records=records, settings=settings)
            refund_return(wish.id, Refund(), _staff(), records=records, payments=self._payments)
        self._once(
            order_id,
            f"{wish.id} to be refunded",
            lambda record: record.sent_back(wish.id).status == REFUNDED,
        )
        return wish.id

    def _once(
        self, order_id: str, what: str, holds: Callable[[OrderRecord], object]
    ) -> OrderRecord:
        def settled(record: OrderRecord) -> bool:
            _require_no_action(order_id, record.order.status)
            return bool(holds(record))

        return until(lambda: self._records.get(order_id), settled, f"{order_id}: {what}")


def _require_no_action(order_id: str, status: str) -> None:
    if status == REQUIRES_ACTION:
        raise CommandFailed(f"{order_id} requires action; see: pushcart trace {order_id}")


def _staff() -> Acting:
    return Acting("replay", datetime.now(UTC))


@contextmanager
def _refusals_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise CommandFailed(f"{error.code()}: {error.sentence}") from None
