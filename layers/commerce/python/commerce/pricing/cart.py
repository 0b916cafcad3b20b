"""Pricing a cart: lines, then fulfillment, then the bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from commerce.catalog.model import Variant
from commerce.pricing.fulfillment import fulfillment_options
from commerce.pricing.model import (
    CURRENCY_NOT_SOLD,
    DESTINATION_MISSING,
    DESTINATION_NOT_SERVED,
    OPTION_UNAVAILABLE,
    PRICE_MISSING,
    UNKNOWN_SKU,
    Destination,
    LineRequest,
    Message,
    PricedCart,
    PricedLine,
    PricedOption,
    Total,
)
from commerce.pricing.tax import tax_of
from commerce.settings.model import Rates, ShopSettings, rate_in

_ACTIVE = "active"


def price(
    lines: Sequence[LineRequest],
    variants: Mapping[str, Variant],
    currency: str,
    *,
    destination: Destination | None,
    option_id: str | None,
    settings: ShopSettings,
) -> PricedCart:
    """Compute everything a cart costs.

    Parameters
    ----------
    lines
        In the cart's order.
    variants
        By SKU; one that is missing or not active cannot be bought.
    destination
        Decides tax and fulfillment. Until its country is known, tax is that of the
        shop's own country and there is no fulfillment.
    option_id
        The buyer's choice; with None the cheapest option stands for it.
    """
    if currency not in settings.currencies:
        return _unpriced(currency, settings)
    place = destination or Destination()
    country = place.address_country
    rates = settings.tax.row(country, place.address_region, place.postal_code)
    priced: list[PricedLine] = []
    messages: list[Message] = []
    for position, line in enumerate(lines):
        variant = variants.get(line.sku)
        outcome = _price_line(
            line, variant, currency, position=position, rates=rates, settings=settings
        )
        if isinstance(outcome, PricedLine):
            priced.append(outcome)
        else:
            messages.append(outcome)

    requires_shipping = any(line.requires_shipping for line in priced)
    options: tuple[PricedOption, ...] = ()
    chosen = None
    if requires_shipping:
        subtotal = sum(line.subtotal for line in priced)
        options = fulfillment_options(destination, currency, subtotal, settings)
        chosen = _choose(options, option_id)
        known = option_id is None or settings.offers(option_id, None)
        messages += _fulfillment_messages(country, options, chosen, known=known)
    return PricedCart(
        lines=tuple(priced),
        currency=currency,
        requires_shipping=requires_shipping,
        fulfillment_option=chosen,
        options=options,
        totals=_totals(priced, chosen, tax_included=settings.prices_include_tax),
        messages=tuple(messages),
    )


def _unpriced(currency: str, settings: ShopSettings) -> PricedCart:
    """Give a cart in a currency that was dropped: nothing is sold, delivered or added up in it."""
    content = f"nothing is sold in {currency} any more; open a cart in {_either(settings)}"
    message = _error(CURRENCY_NOT_SOLD, "$.currency", content)
    return PricedCart(
        lines=(),
        currency=currency,
        requires_shipping=False,
        fulfillment_option=None,
        options=(),
        totals=(),
        messages=(message,),
    )


def _either(settings: ShopSettings) -> str:
    return " or ".join(settings.currencies)


def unsellable(variant: Variant | None, currency: str) -> str | None:
    """Tell why a SKU cannot be bought: `unknown_sku` or `price_missing`; None where it can."""
    if variant is None or variant.status != _ACTIVE:
        return UNKNOWN_SKU
    return None if currency in variant.prices else PRICE_MISSING


def _price_line(
    line: LineRequest,
    variant: Variant | None,
    currency: str,
    *,
    position: int,
    rates: Rates | None,
    settings: ShopSettings,
) -> PricedLine | Message:
    code = unsellable(variant, currency)
    if variant is None or code is not None:
        reason = f"no price in {currency}" if code == PRICE_MISSING else "gone from the shop"
        path = f"$.line_items[{position}].sku"
        return _error(code or UNKNOWN_SKU, path, f"{line.sku} cannot be bought: {reason}")
    unit_price = variant.prices[currency]
    subtotal = unit_price * line.quantity
    rate = rate_in(rates, variant.tax_class)
    taxed = tax_of(subtotal, rate, included=settings.prices_include_tax)
    return PricedLine(
        line_id=line.line_id,
        sku=line.sku,
        product_id=variant.product_id,
        title=variant.title,
        variant_title=variant.variant_title,
        quantity=line.quantity,
        unit_price=unit_price,
        subtotal=subtotal,
        tax=taxed.tax,
        total=taxed.total,
        tax_class=variant.tax_class,
        requires_shipping=variant.requires_shipping,
        manage_inventory=variant.manage_inventory,
        allow_backorder=variant.allow_backorder,
    )


def _choose(options: Sequence[PricedOption], option_id: str | None) -> PricedOption | None:
    """Give the buyer's choice, never another option in its place; the cheapest if there is none."""
    if option_id is None:
        return options[0] if options else None
    return next((option for option in options if option.id == option_id), None)


def _fulfillment_messages(
    country: str | None,
    options: Sequence[PricedOption],
    chosen: PricedOption | None,
    *,
    known: bool,
) -> list[Message]:
    if country is None:
        content = "tax and fulfillment are computed once there is a destination"
        return [Message("info", DESTINATION_MISSING, "$.fulfillment.destination", content)]
    if not options:
        path = "$.fulfillment.destination.address_country"
        return [_error(DESTINATION_NOT_SERVED, path, f"nothing is delivered to {country}")]
    if chosen is None:
        does_not = "does not serve this destination" if known else "is not offered any more"
        content = f"the chosen fulfillment option {does_not}"
        return [_error(OPTION_UNAVAILABLE, "$.fulfillment.option_id", content)]
    return []


def _totals(
    lines: Sequence[PricedLine], chosen: PricedOption | None, *, tax_included: bool
) -> tuple[Total, ...]:
    subtotal = sum(line.subtotal for line in lines)
    discount = sum(line.discount for line in lines)
    tax = sum(line.tax for line in lines)
    total = sum(line.total for line in lines)
    totals = [Total("subtotal", subtotal)]
    if discount:
        totals.append(Total("discount", -discount))
    if chosen is not None:
        totals.append(Total("fulfillment", chosen.amount))
        tax += chosen.tax
        total += chosen.amount if tax_included else chosen.amount + chosen.tax
    return (*totals, Total("tax", tax), Total("total", total))


def _error(code: str, path: str, content: str) -> Message:
    return Message("error", code, path, content, severity="recoverable")
