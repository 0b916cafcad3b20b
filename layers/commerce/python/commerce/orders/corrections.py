"""Where an order goes, corrected by staff before anything of it is packed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from commerce.addresses import faults_in
from commerce.clock import to_text
from commerce.errors import (
    DestinationChangesPrice,
    IllegalTransition,
    InvalidRequest,
    StaleVersion,
)
from commerce.lifecycle import CONFIRMED, OPEN
from commerce.orders.model import Change
from commerce.orders.record import Decision, OrderRecord, decided
from commerce.orders.records import RecordStore
from commerce.pricing import Destination
from commerce.settings.model import ShopSettings
from commerce.settings.store import SettingsStore

CORRECTED = "corrected"


def correct_destination(
    order_id: str,
    wanted: Destination,
    seen_version: int,
    by: str,
    now: datetime,
    *,
    records: RecordStore,
    settings: SettingsStore,
) -> OrderRecord:
    """Send an order to another address at the same price; repeated, once.

    It is one decision on the order's version, as packing is: of the two, one comes first.

    Raises
    ------
    InvalidRequest
        A parcel cannot be sent to the address; `errors` says why.
    IllegalTransition
        The order is not confirmed, or something of it is packed.
    DestinationChangesPrice
        Delivery or tax would have cost something else.
    StaleVersion
        The order is not of `seen_version` any more.
    NotFound, TransactionConflict
        There is no such order, or others kept deciding about it.
    """
    wanted = wanted.tidied
    faults = faults_in(vars(wanted))
    if faults:
        raise InvalidRequest(
            "a parcel cannot be sent to this address",
            errors=[
                {"path": f"$.{fault.field}", "code": fault.code, "detail": fault.detail}
                for fault in faults
            ],
        )
    address = {name: value for name, value in vars(wanted).items() if value}

    def decide(record: OrderRecord) -> Decision | None:
        if record.details.fulfillment.get("destination") == address:
            return None
        if record.order.version != seen_version:
            raise StaleVersion(
                "the order was changed since you read it", version=record.order.version
            )
        sold_by = settings.version(record.order.settings_version)
        return correction(record, address, by, now, sold_by)

    return records.decide(order_id, decide)


def correction(
    record: OrderRecord,
    address: Mapping[str, str],
    by: str,
    now: datetime,
    settings: ShopSettings,
) -> Decision:
    """Decide that an order goes to another address; `settings` are those it was priced with."""
    order, fulfillment = record.order, record.details.fulfillment
    if order.status != CONFIRMED:
        raise IllegalTransition(
            f"the order is {order.status}, not {CONFIRMED}", current_status=order.status
        )
    begun = [each.id for each in record.live if each.status != OPEN]
    if begun:
        raise IllegalTransition(
            "something of the order is packed; cancel that fulfillment first", fulfillments=begun
        )
    before = fulfillment.get("destination")
    if before is None:
        raise IllegalTransition(
            "nothing of this order is sent anywhere", current_status=order.status
        )
    if _cost(before, settings) != _cost(address, settings):
        raise DestinationChangesPrice(
            "delivery or tax cost something else there; cancel the order and place another"
        )
    details = replace(record.details, fulfillment={**fulfillment, "destination": dict(address)})
    change = Change(to_text(now), CORRECTED, by, part="destination")
    return decided(record, [change], details=details)


def _cost(address: Mapping[str, str], settings: ShopSettings) -> tuple[object, object]:
    """Tell what an order's price takes from its address: the zone, and the rates of tax."""
    country = address.get("address_country")
    zone = settings.zone_of(country) if country else None
    rates = settings.tax.row(country, address.get("address_region"), address.get("postal_code"))
    return zone, rates
