"""What can be done with a cart. Each answer is the whole cart, priced at that moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count

from commerce.carts.model import (
    Cart,
    MissingField,
    add_lines,
    change_line,
    claim,
    edit_mark,
    missing_for_checkout,
    open_cart,
    remove_line,
    touched,
)
from commerce.carts.ports import Ports
from commerce.carts.schema import (
    AddLines,
    CartView,
    CreateCart,
    FulfillmentOptionList,
    PatchCart,
)
from commerce.carts.stock import with_stock
from commerce.carts.store import CartStore
from commerce.catalog.model import Variant
from commerce.catalog.store import CatalogStore
from commerce.clock import Clock, system_clock
from commerce.errors import (
    CartChanged,
    CartCompleted,
    CartIncomplete,
    CartTooLarge,
    CheckoutInProgress,
    CurrencyNotSold,
    DestinationNotServed,
    DomainError,
    FulfillmentOptionUnavailable,
    InvalidRequest,
    NotFound,
    PriceMissing,
    UnknownSku,
)
from commerce.lifecycle import CANCELED, REQUIRES_ACTION
from commerce.orders.model import IN_FLIGHT, Checkout
from commerce.orders.owners import order_token_for
from commerce.pricing import PricedCart, price, unsellable
from commerce.pricing.model import (
    CURRENCY_NOT_SOLD,
    DESTINATION_NOT_SERVED,
    OPTION_UNAVAILABLE,
    PRICE_MISSING,
    UNKNOWN_SKU,
)
from commerce.settings.model import ShopSettings
from commerce.settings.store import SettingsStore

# Two tabs of one buyer: the second edit is done again on top of the first.
_EDIT_TRIES = 3

OPEN = "open"
COMPLETING = "completing"
COMPLETED = "completed"


# What a caller of each kind of operation must expect.
EDIT_REFUSALS = (NotFound, CartCompleted, CheckoutInProgress, CartChanged)
OPTION_REFUSALS = (FulfillmentOptionUnavailable,)
LINE_REFUSALS = (UnknownSku, PriceMissing, CartTooLarge)


def status_of(checkout: Checkout) -> str:
    """Tell a cart's status from its latest attempt: open, completing or completed."""
    if checkout.status in (None, CANCELED):
        return OPEN
    # An order that needs a person's action is still being undone.
    return COMPLETING if checkout.status in (*IN_FLIGHT, REQUIRES_ACTION) else COMPLETED


def price_for_checkout(
    cart_id: str,
    *,
    carts: CartStore,
    catalog: CatalogStore,
    settings: SettingsStore,
    clock: Clock = system_clock,
) -> tuple[Cart, PricedCart, ShopSettings]:
    """Give a cart that can become an order, with its price and the settings it was priced by.

    Raises
    ------
    NotFound
        There is no such cart, or it has expired.
    CurrencyNotSold
        The shop does not sell in the cart's currency any more.
    UnknownSku, PriceMissing
        `skus` names what cannot be bought, `errors` where it stands.
    DestinationNotServed, FulfillmentOptionUnavailable
        Nothing delivers there, or the option chosen does not.
    CartIncomplete
        `errors` lists what the buyer has still to say.
    """
    cart = carts.read(cart_id, clock())
    variants = catalog.variants(cart.skus)
    in_force = settings.current()
    _refuse_dropped(cart.currency, in_force)
    _refuse_unsellable(cart.skus, variants, cart.currency, "$.line_items[{}].sku")
    priced = _priced(cart, variants, in_force)
    missing = missing_for_checkout(cart, requires_shipping=priced.requires_shipping)
    missing += _undecided(cart, in_force)
    if missing:
        raise CartIncomplete(
            "the cart lacks something a checkout needs",
            errors=[_field(field.path, field.code, field.detail) for field in missing],
        )
    _refuse_undeliverable(priced)
    return cart, priced, in_force


def create_cart(
    request: CreateCart, ports: Ports, storefront: str | None = None, call: str = ""
) -> CartView:
    """Open a cart, with lines, buyer and fulfillment where they are given; for a call, once.

    `storefront` is the id of the publishable key that it is opened with.

    Raises
    ------
    InvalidRequest
        The shop does not sell in that currency.
    UnknownSku, PriceMissing
        `skus` names what cannot be bought, `errors` where it stands.
    CartTooLarge
        Too many units on a line.
    FulfillmentOptionUnavailable
        No such option, or it does not serve the destination.
    """
    now = ports.clock()
    settings = ports.settings.current()
    currency = request.currency or settings.base_currency
    if not settings.sells_in(currency):
        raise InvalidRequest(
            f"the shop does not sell in {currency}",
            errors=[
                _field("$.currency", "unknown_currency", f"use {', '.join(settings.currencies)}")
            ],
        )
    new_lines = [line.to_new_line() for line in request.line_items]
    cart_id = ports.carts.id_for(call, now, ports.random_bits)
    cart = add_lines(open_cart(cart_id, currency, now), new_lines)
    cart = replace(request.applied_to(cart), storefront=storefront)
    _refuse_wrong_option(cart, settings)
    variants = ports.catalog.variants(cart.skus)
    _refuse_unsellable(
        [line.sku for line in request.line_items], variants, currency, "$.line_items[{}].sku"
    )
    opened = ports.carts.open_once(cart)
    if opened != cart:
        variants = ports.catalog.variants(opened.skus)
    return _shown(opened, variants, settings, ports)


def read_cart(cart_id: str, ports: Ports) -> CartView:
    """Give a cart as it is now, priced now.

    Raises
    ------
    NotFound
        There is no such cart, or it has expired.
    """
    cart = ports.carts.read(cart_id, ports.clock())
    variants, settings = ports.catalog.variants(cart.skus), ports.settings.current()
    checkout = ports.checkouts(cart_id)
    status = status_of(checkout)
    if status == OPEN:
        return _shown(cart, variants, settings, ports)
    priced = _priced(cart, variants, settings)
    token = order_token_for(cart_id, checkout.attempt) if cart.customer_id is None else None
    return CartView.of(cart, priced, status, checkout.order_id, token)


def list_fulfillment_options(cart_id: str, ports: Ports) -> FulfillmentOptionList:
    """Give the options that serve the cart's destination, cheapest first.

    Raises
    ------
    NotFound
        There is no such cart, or it has expired.
    """
    cart = ports.carts.read(cart_id, ports.clock())
    priced = _priced(cart, ports.catalog.variants(cart.skus), ports.settings.current())
    return FulfillmentOptionList.of(priced)


def patch_cart(cart_id: str, request: PatchCart, ports: Ports) -> CartView:
    """Change buyer and fulfillment: what is absent stays, null clears.

    Raises
    ------
    NotFound, CartCompleted, CheckoutInProgress, CartChanged
        See `_edit`.
    FulfillmentOptionUnavailable
        No such option, or it does not serve the destination.
    """

    def change(cart: Cart, _: Mapping[str, Variant], settings: ShopSettings) -> Cart:
        changed = request.applied_to(cart)
        if request.names_option:
            _refuse_wrong_option(changed, settings)
        return changed

    return _edit(cart_id, ports, change)


def add_line_items(cart_id: str, request: AddLines, ports: Ports, call: str = "") -> CartView:
    """Put units of one or many SKUs into the cart; for a call, once.

    Raises
    ------
    NotFound, CartCompleted, CheckoutInProgress, CartChanged
        See `_edit`.
    CurrencyNotSold
        The shop does not sell in the cart's currency any more.
    UnknownSku, PriceMissing
        `skus` names what cannot be bought, `errors` where it stands.
    CartTooLarge
        Too many lines, or units on one.
    """
    new_lines = request.new_lines()
    skus = [line.sku for line in new_lines]
    path = "$.sku" if request.line_items is None else "$.line_items[{}].sku"

    def change(cart: Cart, variants: Mapping[str, Variant], settings: ShopSettings) -> Cart:
        _refuse_dropped(cart.currency, settings)
        _refuse_unsellable(skus, variants, cart.currency, path)
        return add_lines(cart, new_lines)

    return _edit(cart_id, ports, change, skus, call)


def change_line_item(cart_id: str, line_id: str, quantity: int, ports: Ports) -> CartView:
    """Set a line's quantity; 0 removes the line.

    Raises
    ------
    NotFound, CartCompleted, CheckoutInProgress, CartChanged
        See `_edit`; also where the cart has no such line.
    """
    return _edit(cart_id, ports, lambda cart, *_: change_line(cart, line_id, quantity))


def remove_line_item(cart_id: str, line_id: str, ports: Ports) -> CartView:
    """Take a line out of the cart.

    Raises
    ------
    NotFound, CartCompleted, CheckoutInProgress, CartChanged
        See `_edit`; also where the cart has no such line.
    """
    return _edit(cart_id, ports, lambda cart, *_: remove_line(cart, line_id))


def claim_cart(cart_id: str, customer_id: str, ports: Ports) -> CartView:
    """Make a cart a customer's, so that its order is theirs; said again, nothing changes.

    Raises
    ------
    NotFound, CartCompleted, CheckoutInProgress, CartChanged
        See `_edit`; also where it is another customer's.
    """
    return _edit(cart_id, ports, lambda cart, *_: claim(cart, customer_id))


def _edit(
    cart_id: str,
    ports: Ports,
    change: Callable[[Cart, Mapping[str, Variant], ShopSettings], Cart],
    skus: Sequence[str] = (),
    call: str = "",
) -> CartView:
    """Change a cart that is open, and give it priced.

    `change` sees the cart as it is, the variants of its lines and of `skus`, and the
    settings. Where somebody else was faster it is asked again with the newer cart. A cart
    that has this edit's mark was changed by it before: by an earlier run of the same
    `call`, or by a write of this one that was not heard of.

    Raises
    ------
    NotFound
        There is no such cart, or it has expired.
    CartCompleted, CheckoutInProgress
        `order_id` names the order the cart became or is becoming. A checkout that
        starts after this check keeps the cart as it read it; the edit is for the next.
    CartChanged
        Somebody else was faster again and again.
    """
    settings, edit = ports.settings.current(), call or edit_mark(ports.random_bits)
    for tries in count(1):
        now = ports.clock()
        cart = ports.carts.read(cart_id, now)
        _refuse_unless_open(ports.checkouts(cart_id))
        variants = ports.catalog.variants([*cart.skus, *skus])
        changed = cart if edit in cart.edits else change(cart, variants, settings)
        if changed == cart:
            break
        if tries > _EDIT_TRIES:
            raise CartChanged("others keep changing the cart")
        changed = touched(changed, now, edit)
        # Where this fails, the next look at the cart tells by whom it was changed.
        with suppress(CartChanged):
            ports.carts.change(changed, expected_version=cart.version)
            break
    return _shown(changed, variants, settings, ports)


def _shown(
    cart: Cart, variants: Mapping[str, Variant], settings: ShopSettings, ports: Ports
) -> CartView:
    """Show an open cart, priced, with what its buyer has to know of the stock."""
    priced = _priced(cart, variants, settings)
    counted = [line.sku for line in priced.lines if line.manage_inventory]
    available = ports.available(counted) if counted else {}
    few_units = settings.policies.few_units
    return CartView.of(cart, with_stock(priced, cart.lines, variants, available, few_units), OPEN)


def _priced(cart: Cart, variants: Mapping[str, Variant], settings: ShopSettings) -> PricedCart:
    return price(
        cart.lines,
        variants,
        cart.currency,
        destination=cart.destination,
        option_id=cart.option_id,
        settings=settings,
    )


def _refuse_unless_open(checkout: Checkout) -> None:
    status = status_of(checkout)
    if status == COMPLETING:
        raise CheckoutInProgress("the cart is being checked out", order_id=checkout.order_id)
    if status == COMPLETED:
        raise CartCompleted("the cart is an order already", order_id=checkout.order_id)


def _undecided(cart: Cart, settings: ShopSettings) -> list[MissingField]:
    """Ask for the region where tax differs by it and the address does not tell which it is."""
    place = cart.destination
    if place is None or not settings.tax.undecided(
        place.address_country, place.address_region, place.postal_code
    ):
        return []
    detail = f"tax depends on it: name a region of {place.address_country} by its name or code"
    code = "invalid" if place.address_region else "missing"
    return [MissingField("$.fulfillment.destination.address_region", detail, code)]


def _refuse_dropped(currency: str, settings: ShopSettings) -> None:
    if currency not in settings.currencies:
        raise CurrencyNotSold(
            f"the shop does not sell in {currency} any more; open a cart in another currency",
            currencies=list(settings.currencies),
            errors=[
                _field("$.currency", CURRENCY_NOT_SOLD, f"use {', '.join(settings.currencies)}")
            ],
        )


def _refuse_unsellable(
    skus: Sequence[str], variants: Mapping[str, Variant], currency: str, path: str
) -> None:
    """Refuse what cannot be bought; `{}` in `path` stands for the position in `skus`."""
    codes = [unsellable(variants.get(sku), currency) for sku in skus]
    for error, code, sentence in (
        (UnknownSku, UNKNOWN_SKU, "some SKUs cannot be bought"),
        (PriceMissing, PRICE_MISSING, f"some SKUs have no price in {currency}"),
    ):
        refused = [position for position, found in enumerate(codes) if found == code]
        if refused:
            raise error(
                sentence,
                skus=sorted({skus[position] for position in refused}),
                errors=[
                    _field(path.format(position), code, skus[position]) for position in refused
                ],
            )


def _refuse_wrong_option(cart: Cart, settings: ShopSettings) -> None:
    """Refuse a choice that cannot come true; one made before the destination waits for it."""
    country = cart.destination.address_country if cart.destination else None
    if cart.option_id is None or settings.offers(cart.option_id, country):
        return
    raise FulfillmentOptionUnavailable(
        "there is no such fulfillment option for this destination",
        errors=[_field("$.fulfillment.option_id", OPTION_UNAVAILABLE, cart.option_id)],
    )


def _refuse_undeliverable(priced: PricedCart) -> None:
    refusals: Mapping[str, type[DomainError]] = {
        DESTINATION_NOT_SERVED: DestinationNotServed,
        OPTION_UNAVAILABLE: FulfillmentOptionUnavailable,
    }
    for message in priced.messages:
        if message.code in refusals:
            raise refusals[message.code](
                message.content, errors=[_field(message.path, message.code, message.content)]
            )


def _field(path: str, code: str, detail: str) -> dict[str, str]:
    return {"path": path, "code": code, "detail": detail}
