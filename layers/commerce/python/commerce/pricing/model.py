"""The values pricing takes and gives; every amount is in minor units of the cart's currency."""

from __future__ import annotations

from dataclasses import dataclass, replace

from commerce.addresses import postal_code_as_written
from commerce.catalog.availability import Availability

# Codes of messages a cart may carry.
CURRENCY_NOT_SOLD = "currency_not_sold"
UNKNOWN_SKU = "unknown_sku"
PRICE_MISSING = "price_missing"
DESTINATION_MISSING = "destination_missing"
DESTINATION_NOT_SERVED = "destination_not_served"
OPTION_UNAVAILABLE = "fulfillment_option_unavailable"
OUT_OF_STOCK = "out_of_stock"
BACKORDERED = "backordered"


@dataclass(frozen=True)
class LineRequest:
    """So many units of one SKU."""

    line_id: str
    sku: str
    quantity: int


@dataclass(frozen=True)
class Destination:
    """A postal address; pricing needs country, region and postal code, a parcel the rest.

    `extended_address` is its second line. The names are the recipient's, the buyer's where
    there are none.
    """

    street_address: str | None = None
    address_locality: str | None = None
    address_region: str | None = None
    postal_code: str | None = None
    address_country: str | None = None
    extended_address: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    organization: str | None = None
    phone_number: str | None = None

    @property
    def tidied(self) -> Destination:
        """The same address with its postal code as its country writes it."""
        if not self.address_country or not self.postal_code:
            return self
        code = postal_code_as_written(self.address_country, self.postal_code)
        return replace(self, postal_code=code)


@dataclass(frozen=True)
class PricedLine:
    """A line with its amounts.

    `subtotal` is `unit_price` times `quantity`. Where prices include tax, `tax` is the
    part of the line that is tax; otherwise it comes on top. `total` is what the
    line costs the buyer. `availability` and `units_left` are told where the stock was asked.
    """

    line_id: str
    sku: str
    product_id: str
    title: str
    variant_title: str
    quantity: int
    unit_price: int
    subtotal: int
    tax: int
    total: int
    tax_class: str
    requires_shipping: bool
    discount: int = 0
    manage_inventory: bool = True
    allow_backorder: bool = False
    availability: Availability | None = None
    units_left: int | None = None


@dataclass(frozen=True)
class PricedOption:
    """A fulfillment option that serves the destination, with its amount for these goods."""

    id: str
    title: str
    zone_id: str
    amount: int
    tax: int
    tax_class: str


@dataclass(frozen=True)
class Total:
    """One row of the bill; `type` is subtotal, discount, fulfillment, tax or total."""

    type: str
    amount: int


@dataclass(frozen=True)
class Message:
    """What the buyer should know of the cart.

    `type` is `error` where a checkout would be refused, else `info`. `path` is a
    JSON path into the cart; `severity` is `recoverable` for errors that a change of
    the cart can heal.
    """

    type: str
    code: str
    path: str
    content: str
    severity: str | None = None


@dataclass(frozen=True)
class PricedCart:
    """A cart with everything the server computes.

    Lines that cannot be bought are not in `lines`; an error in `messages` names them.
    """

    lines: tuple[PricedLine, ...]
    currency: str
    requires_shipping: bool
    fulfillment_option: PricedOption | None
    options: tuple[PricedOption, ...]
    totals: tuple[Total, ...]
    messages: tuple[Message, ...]

    def amount(self, type_: str) -> int:
        """Give the amount of one row of the bill; 0 where there is no such row."""
        return next((total.amount for total in self.totals if total.type == type_), 0)

    @property
    def total(self) -> int:
        """What the buyer pays."""
        return self.amount("total")
