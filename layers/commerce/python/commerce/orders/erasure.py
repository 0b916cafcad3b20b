"""What is left of an order once its buyer's personal data are erased: what the books need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from commerce.addresses import regions_of
from commerce.countries import COUNTRIES
from commerce.fulfillment.model import BUYER
from commerce.orders.model import Change
from commerce.orders.record import OrderRecord

# Where the goods went, as far as tax is told from it.
_KEPT_OF_DESTINATION = ("address_country",)


def without_buyer(record: OrderRecord) -> OrderRecord:
    """Give an order without name, contact, address and all that the buyer wrote.

    Lines, amounts, tax, country, statuses and history stay.
    """
    details = replace(
        record.details, buyer={}, fulfillment=_without_address(record.details.fulfillment)
    )
    return replace(
        record,
        order=replace(record.order, timeline=tuple(map(_unworded, record.order.timeline))),
        details=details,
        cancellations=tuple(
            replace(each, reason="") if each.by == BUYER else each for each in record.cancellations
        ),
        returns=tuple(replace(each, note="") for each in record.returns),
    )


def _without_address(fulfillment: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(fulfillment)
    if "destination" in kept:
        destination = kept["destination"]
        kept["destination"] = {
            name: destination[name] for name in _KEPT_OF_DESTINATION if name in destination
        } | _region(destination)
    return kept


def _region(destination: Mapping[str, str]) -> dict[str, str]:
    """Give the region's code, which tax may be told from, and not what was written for it."""
    country = destination.get("address_country", "")
    if country not in COUNTRIES:
        return {}
    found = regions_of(country, destination.get("address_region"), destination.get("postal_code"))
    return {"address_region": found[0]} if found else {}


def _unworded(change: Change) -> Change:
    """Take the buyer's own words out of an entry; a return's reason is one of a list."""
    own = change.by == BUYER and not change.part.startswith("return_")
    return replace(change, reason="") if own else change
