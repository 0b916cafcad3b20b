"""Which fulfillment options serve a destination, and what each costs for given goods."""

from __future__ import annotations

from collections.abc import Iterator

from commerce.pricing.model import Destination, PricedOption
from commerce.pricing.tax import tax_of
from commerce.settings.model import FulfillmentOption, ShopSettings, Zone, rate_in


def fulfillment_options(
    destination: Destination | None, currency: str, goods_subtotal: int, settings: ShopSettings
) -> tuple[PricedOption, ...]:
    """Give the options that serve a destination, cheapest first.

    Parameters
    ----------
    destination
        None, or one without a country, is served by nothing.
    goods_subtotal
        What an option's `free_above` is measured by: at or above it, the option is free.
    """
    if destination is None or destination.address_country is None:
        return ()
    zone = settings.zone_of(destination.address_country)
    if zone is None:
        return ()
    rates = settings.tax.row(
        destination.address_country, destination.address_region, destination.postal_code
    )
    included = settings.prices_include_tax
    priced = [
        PricedOption(
            id=option.option_id,
            title=option.title,
            zone_id=zone.zone_id,
            amount=amount,
            tax=tax_of(amount, rate_in(rates, option.tax_class), included=included).tax,
            tax_class=option.tax_class,
        )
        for option, amount in _amounts(zone, currency, goods_subtotal)
    ]
    # Sorting is stable: of options at one price the one that staff put first comes first.
    return tuple(sorted(priced, key=lambda option: option.amount))


def _amounts(
    zone: Zone, currency: str, goods_subtotal: int
) -> Iterator[tuple[FulfillmentOption, int]]:
    for option in zone.options:
        threshold = option.free_above.get(currency)
        if threshold is not None and goods_subtotal >= threshold:
            yield option, 0
        elif currency in option.prices:
            yield option, option.prices[currency]
