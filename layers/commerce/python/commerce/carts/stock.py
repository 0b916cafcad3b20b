"""What a buyer is told of the stock of a cart's lines; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from commerce.catalog.availability import offer_of
from commerce.catalog.model import Variant
from commerce.pricing import LineRequest, Message, PricedCart
from commerce.pricing.model import BACKORDERED, OUT_OF_STOCK


def with_stock(
    priced: PricedCart,
    lines: Sequence[LineRequest],
    variants: Mapping[str, Variant],
    available: Mapping[str, int],
    few_units: int,
) -> PricedCart:
    """Tell of each line whether its units are there, and what stands in the way of a checkout.

    Parameters
    ----------
    lines
        All of the cart's, in its order; those that cannot be priced are passed over.
    available
        Units by SKU; one left out has none.
    few_units
        So many and fewer are told on the line.
    """
    told = []
    for line in priced.lines:
        offer = offer_of(variants[line.sku], available.get(line.sku, 0), few_units)
        told.append(replace(line, availability=offer.availability, units_left=offer.units_left))
    messages = _messages(priced, lines, variants, available)
    return replace(priced, lines=tuple(told), messages=(*priced.messages, *messages))


def _messages(
    priced: PricedCart,
    lines: Sequence[LineRequest],
    variants: Mapping[str, Variant],
    available: Mapping[str, int],
) -> Iterator[Message]:
    positions = {line.line_id: position for position, line in enumerate(lines)}
    for line in priced.lines:
        variant, there = variants[line.sku], available.get(line.sku, 0)
        if not variant.manage_inventory or there >= line.quantity:
            continue
        path = f"$.line_items[{positions[line.line_id]}].quantity"
        if variant.allow_backorder:
            later = line.quantity - there
            content = f"{later} of {line.sku} are sent once they are there"
            yield Message("info", BACKORDERED, path, content)
        else:
            content = (
                f"only {there} of {line.sku} are left" if there else f"{line.sku} is out of stock"
            )
            yield Message("error", OUT_OF_STOCK, path, content, severity="recoverable")
