"""What may stand in a path: the one table of parameters, by the noun before each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from commerce.carts.model import LINE_ID_PATTERN
from commerce.catalog.model import (
    HANDLE_CHARS_MAX,
    HANDLE_PATTERN,
    SKU_CHARS_MAX,
    SKU_PATTERN,
)
from commerce.customers.model import CUSTOMER_ID_PATTERN
from commerce.errors import NotFound
from commerce.ids import id_pattern
from commerce.ledger.model import ACCOUNT_PATTERN

if TYPE_CHECKING:
    from commerce.entry.http import Operation

_ID_CHARS_MAX = 64


@dataclass(frozen=True)
class PathParameter:
    """What it means and how it is written."""

    about: str
    pattern: str
    chars_max: int = _ID_CHARS_MAX

    def fits(self, text: str) -> bool:
        """Tell whether a text can be one at all."""
        return len(text) <= self.chars_max and re.fullmatch(self.pattern, text) is not None


PATH_PARAMETERS: Mapping[str, PathParameter] = {
    "products": PathParameter(
        "The product's id or its handle.",
        f"{id_pattern('prod')}|{HANDLE_PATTERN}",
        HANDLE_CHARS_MAX,
    ),
    "carts": PathParameter("The cart's id.", id_pattern("cart")),
    "orders": PathParameter("The order's id.", id_pattern("order")),
    "fulfillments": PathParameter("The fulfillment's id.", id_pattern("fulfillment", parts=True)),
    "returns": PathParameter("The return's id.", id_pattern("return", parts=True)),
    "accounts": PathParameter(
        "The account's id, such as `revenue` or `store_credit:customer-7`.", ACCOUNT_PATTERN, 100
    ),
    "stock": PathParameter("The SKU.", SKU_PATTERN, SKU_CHARS_MAX),
    "line-items": PathParameter("The line's id.", LINE_ID_PATTERN),
    "payments": PathParameter("The payment provider's name, `sandbox`.", "^[a-z][a-z0-9_]*$"),
    "reconciliations": PathParameter("The run's id.", id_pattern("reconciliation")),
    "webhook-endpoints": PathParameter("The endpoint's id.", id_pattern("endpoint")),
    "api-keys": PathParameter("The API key's id.", id_pattern("key")),
    "customers": PathParameter("The customer's id.", CUSTOMER_ID_PATTERN),
    "addresses": PathParameter("The address's id.", id_pattern("address")),
    "deliveries": PathParameter("The delivery's id.", id_pattern("delivery")),
    "audit-entries": PathParameter("The entry's id.", id_pattern("audit")),
}


def parameters_of(path: str) -> Iterator[tuple[str, PathParameter]]:
    """Give each parameter of a route's path by its name.

    Raises
    ------
    LookupError
        The table has no row for the noun before it.
    """
    for noun, name in re.findall(r"/([^/{]+)/\{(\w+)\}", path):
        yield name, PATH_PARAMETERS[noun]


def checked(declared: Operation, sent: Mapping[str, str]) -> Mapping[str, str]:
    """Give the path's parameters, each of which can be what it stands for.

    Raises
    ------
    NotFound
        One cannot, so there is no such thing. Whether a thing exists is not told by how
        its absence is told.
    """
    for name, parameter in parameters_of(declared.path):
        if not parameter.fits(sent.get(name, "")):
            raise NotFound(f"the path's `{name}` is nothing that the shop has")
    return sent
