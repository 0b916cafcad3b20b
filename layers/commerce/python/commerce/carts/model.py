"""A cart and the rules by which it changes; it holds no prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commerce.addresses import faults_in
from commerce.clock import to_text
from commerce.errors import CartTooLarge, NotFound
from commerce.ids import RandomBits
from commerce.pricing import Destination, LineRequest

LINES_MAX = 2_000
LINES_PER_REQUEST_MAX = 250
QUANTITY_MAX = 999_999
LINE_ID_PATTERN = "^line_[0-9]{1,9}$"
KEPT_FOR = timedelta(days=30)
# An edit whose answer was lost comes again within seconds; so many others may come between.
EDITS_KNOWN = 20


@dataclass(frozen=True)
class Buyer:
    """Who buys; `language` is a BCP 47 tag, such as `de-AT`."""

    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phone_number: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class Cart:
    """A cart as it is stored.

    `expires_at` is in epoch seconds; `next_line` numbers the next new line, so that
    the id of a removed line never comes back for another SKU. `customer_id` is whose it
    is once somebody who is signed in has claimed it. `storefront` is the id of the
    publishable key it was opened with. `edits` are the marks of its last edits, by which one
    that comes again is known.
    """

    cart_id: str
    currency: str
    lines: tuple[LineRequest, ...]
    buyer: Buyer
    destination: Destination | None
    option_id: str | None
    version: int
    created_at: str
    updated_at: str
    expires_at: int
    next_line: int
    customer_id: str | None = None
    storefront: str | None = None
    edits: tuple[str, ...] = ()

    @property
    def skus(self) -> list[str]:
        """The SKUs of the cart, each once."""
        return [line.sku for line in self.lines]


@dataclass(frozen=True)
class NewLine:
    """So many units of one SKU that the buyer wants in the cart."""

    sku: str
    quantity: int


@dataclass(frozen=True)
class MissingField:
    """Something a checkout needs and the cart lacks or has wrong, by its JSON path."""

    path: str
    detail: str
    code: str = "missing"


def open_cart(cart_id: str, currency: str, now: datetime) -> Cart:
    """Make an empty cart."""
    return Cart(
        cart_id=cart_id,
        currency=currency,
        lines=(),
        buyer=Buyer(),
        destination=None,
        option_id=None,
        version=1,
        created_at=to_text(now),
        updated_at=to_text(now),
        expires_at=_expiry(now),
        next_line=1,
    )


def edit_mark(random_bits: RandomBits) -> str:
    """Give the mark of an edit that no key names."""
    return f"{random_bits(64):016x}"


def touched(cart: Cart, now: datetime, edit: str = "") -> Cart:
    """Give the next version of a changed cart; it is kept for 30 days from now.

    `edit` is the mark of the change, where it may come again.
    """
    return replace(
        cart,
        version=cart.version + 1,
        updated_at=to_text(now),
        expires_at=_expiry(now),
        edits=(*cart.edits, edit)[-EDITS_KNOWN:] if edit else cart.edits,
    )


def add_lines(cart: Cart, new_lines: Sequence[NewLine]) -> Cart:
    """Put units into the cart; a SKU that is there already gets more units on its line.

    Raises
    ------
    CartTooLarge
        It would have more than 2,000 lines, or more than 999,999 units on one.
    """
    lines = {line.sku: line for line in cart.lines}
    next_line = cart.next_line
    for new in new_lines:
        line = lines.get(new.sku)
        if line is None:
            line = LineRequest(f"line_{next_line}", new.sku, 0)
            next_line += 1
        lines[new.sku] = _with_quantity(line, line.quantity + new.quantity)
    if len(lines) > LINES_MAX:
        raise CartTooLarge(f"a cart has at most {LINES_MAX:,} lines", lines_max=LINES_MAX)
    return replace(cart, lines=tuple(lines.values()), next_line=next_line)


def change_line(cart: Cart, line_id: str, quantity: int) -> Cart:
    """Set a line's quantity; 0 removes the line.

    Raises
    ------
    NotFound
        The cart has no such line.
    CartTooLarge
        More than 999,999 units.
    """
    if all(line.line_id != line_id for line in cart.lines):
        raise NotFound("the cart has no such line")
    changed = (
        _with_quantity(line, quantity) if line.line_id == line_id else line for line in cart.lines
    )
    return replace(cart, lines=tuple(line for line in changed if line.quantity > 0))


def remove_line(cart: Cart, line_id: str) -> Cart:
    """Take a line out of the cart.

    Raises
    ------
    NotFound
        The cart has no such line.
    """
    return change_line(cart, line_id, 0)


def choose_destination(cart: Cart, destination: Destination | None) -> Cart:
    """Set where the goods go.

    Another country takes the fulfillment option along, for options belong to zones;
    the cheapest one stands in until the buyer chooses again.
    """
    destination = None if destination in (None, Destination()) else destination.tidied
    before = cart.destination.address_country if cart.destination else None
    after = destination.address_country if destination else None
    moved = before is not None and before != after
    return replace(cart, destination=destination, option_id=None if moved else cart.option_id)


def missing_for_checkout(cart: Cart, *, requires_shipping: bool) -> list[MissingField]:
    """List what the buyer has still to say before the cart can become an order.

    A destination is needed only where something is shipped; then it must be an
    address a parcel can be sent to.
    """
    missing = []
    if not cart.lines:
        missing.append(MissingField("$.line_items", "the cart is empty"))
    if cart.buyer.email is None:
        missing.append(MissingField("$.buyer.email", "an e-mail address is needed"))
    if requires_shipping:
        missing += _missing_of_address(cart.destination)
    return missing


def _missing_of_address(destination: Destination | None) -> list[MissingField]:
    path = "$.fulfillment.destination"
    if destination is None:
        return [MissingField(path, "a destination is needed")]
    return [
        MissingField(f"{path}.{fault.field}", fault.detail, fault.code)
        for fault in faults_in(vars(destination))
    ]


def claim(cart: Cart, customer_id: str) -> Cart:
    """Make a cart a customer's; said again, nothing changes.

    Raises
    ------
    NotFound
        It is another customer's.
    """
    if cart.customer_id not in (None, customer_id):
        raise NotFound("there is no such cart, or it has expired")
    return replace(cart, customer_id=customer_id)


def _with_quantity(line: LineRequest, quantity: int) -> LineRequest:
    if quantity > QUANTITY_MAX:
        raise CartTooLarge(
            f"a line has at most {QUANTITY_MAX:,} units", sku=line.sku, quantity_max=QUANTITY_MAX
        )
    return replace(line, quantity=quantity)


def _expiry(now: datetime) -> int:
    return int((now + KEPT_FOR).timestamp())
