"""Where carts are kept: one item a cart, without prices.

| pk        | sk     | read by                                                     |
|-----------|--------|-------------------------------------------------------------|
| `cart_…`  | `cart` | whoever knows the id: every cart operation and the checkout |

A customer's carts are found by the index `by_customer`, in which guests' are not.

DynamoDB removes an abandoned cart some time after `expires_at`; until then a read
does as if it were gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from commerce.carts.model import Buyer, Cart
from commerce.dynamo.calls import Calls
from commerce.dynamo.table import ConditionFailed, Delete, Item, Put, Table
from commerce.errors import CartChanged, NotFound
from commerce.ids import RandomBits, is_id
from commerce.pricing import Destination, LineRequest

BY_CUSTOMER = "by_customer"
# Guests are not told apart, so a key is not a caller's for ever; as long as answers are kept.
CALL_KNOWN_FOR = timedelta(days=1)

# Also met by the repeat of a call that opened it.
_IS_NEW = "attribute_not_exists(#pk)"
# Also false where the item is gone, so an edit cannot bring an expired cart back.
_IS_UNCHANGED = "#version = :expected"


def cart_key(cart_id: str) -> dict[str, str]:
    """Give the key of a cart."""
    return {"pk": cart_id, "sk": "cart"}


class CartStore:
    """The carts in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._calls = Calls(table)

    def read(self, cart_id: str, now: datetime) -> Cart:
        """Give a cart, as of the last write.

        Raises
        ------
        NotFound
            There is no such cart, or it has expired.
        """
        # What is no id of ours is not asked for: DynamoDB refuses keys over 2,048 bytes.
        known = is_id(cart_id, "cart")
        item = self._table.get(cart_key(cart_id), consistent=True) if known else None
        if item is None or item["expires_at"] <= int(now.timestamp()):
            raise NotFound("there is no such cart, or it has expired")
        return _from_item(item)

    def id_for(self, call: str, now: datetime, random_bits: RandomBits) -> str:
        """Give the id of the cart that a call opens; its repeats of a day open no other."""
        return self._calls.id_for(call, "cart", now, keep=CALL_KNOWN_FOR, random_bits=random_bits)

    def open(self, cart: Cart) -> None:
        """Keep a new cart.

        Raises
        ------
        CartChanged
            There is a cart with this id already.
        """
        if self.open_once(cart) != cart:
            raise CartChanged("there is a cart with this id already")

    def open_once(self, cart: Cart) -> Cart:
        """Keep a new cart, and give it; one with this id that was opened before stays."""
        try:
            self._table.put(Put(_to_item(cart), _IS_NEW))
        except ConditionFailed as before:
            return _from_item(before.item) if before.item else cart
        return cart

    def change(self, cart: Cart, expected_version: int) -> None:
        """Keep a cart as it is now, if nobody changed it since `expected_version`.

        Raises
        ------
        CartChanged
            Somebody did, or the cart is gone.
        """
        try:
            self._table.put(Put(_to_item(cart), _IS_UNCHANGED, {"expected": expected_version}))
        except ConditionFailed:
            raise CartChanged("the cart was changed at the same moment") from None

    def ids_of(self, customer_id: str) -> Iterator[str]:
        """Walk the ids of a customer's carts; the index may be a moment behind."""
        entries = self._table.query(
            "#customer_id = :customer_id", {"customer_id": customer_id}, index=BY_CUSTOMER
        )
        return (str(entry["pk"]) for entry in entries)

    def forget(self, cart_id: str) -> None:
        """Take a cart away; repeated, once."""
        self._table.delete(Delete(cart_key(cart_id)))


def _to_item(cart: Cart) -> Item:
    item: Item = cart_key(cart.cart_id) | {
        "currency": cart.currency,
        # Lists, not maps: the names would double the size of a cart of 2,000 lines.
        "lines": [[line.line_id, line.sku, line.quantity] for line in cart.lines],
        "buyer": _without_none(asdict(cart.buyer)),
        "version": cart.version,
        "created_at": cart.created_at,
        "updated_at": cart.updated_at,
        "expires_at": cart.expires_at,
        "next_line": cart.next_line,
    }
    if cart.destination is not None:
        item["destination"] = _without_none(asdict(cart.destination))
    if cart.option_id is not None:
        item["option_id"] = cart.option_id
    if cart.customer_id is not None:
        item["customer_id"] = cart.customer_id
    if cart.storefront is not None:
        item["storefront"] = cart.storefront
    if cart.edits:
        item["edits"] = list(cart.edits)
    return item


def _from_item(item: Item) -> Cart:
    return Cart(
        cart_id=item["pk"],
        currency=item["currency"],
        lines=tuple(LineRequest(*line) for line in item["lines"]),
        buyer=Buyer(**item["buyer"]),
        destination=Destination(**item["destination"]) if "destination" in item else None,
        option_id=item.get("option_id"),
        version=item["version"],
        created_at=item["created_at"],
        updated_at=item["updated_at"],
        expires_at=item["expires_at"],
        next_line=item["next_line"],
        customer_id=item.get("customer_id"),
        storefront=item.get("storefront"),
        edits=tuple(item.get("edits", ())),
    )


def _without_none(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
