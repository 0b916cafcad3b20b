"""What a cart costs: pure, by the server, at every read.

Prices, tax and fulfillment come in as values, a priced cart comes out. `docs/pricing.md`
tells the rules as a shop owner would want them told.
"""

from commerce.pricing.cart import price, unsellable
from commerce.pricing.fulfillment import fulfillment_options
from commerce.pricing.model import (
    Destination,
    LineRequest,
    Message,
    PricedCart,
    PricedLine,
    PricedOption,
    Total,
)

__all__ = [
    "Destination",
    "LineRequest",
    "Message",
    "PricedCart",
    "PricedLine",
    "PricedOption",
    "Total",
    "fulfillment_options",
    "price",
    "unsellable",
]
