"""Who calls: what API Gateway's authorizers found out about a request's sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from commerce.access import access_to, refunds_are_limited
from commerce.customers.model import customer_id_of
from commerce.errors import Forbidden, Unauthenticated
from commerce.staff.model import Principal


class Audience(Enum):
    """Whom a route is for."""

    PUBLIC = "public"
    CUSTOMER = "customer"
    STAFF = "staff"

    @classmethod
    def of(cls, path: str) -> Audience:
        """Tell whom a route is for by its path, as `template.yaml` gives it its authorizer."""
        if path.startswith("/admin/"):
            return cls.STAFF
        if path == "/store/customers/me" or path.startswith("/store/customers/me/"):
            return cls.CUSTOMER
        return cls.PUBLIC


@dataclass(frozen=True)
class Caller:
    """The sender of a request, whose token API Gateway has verified; a guest where all is empty.

    `name` is what histories call the sender: a member of staff's e-mail address, an API
    key's name and id, a customer's id. Staff have roles, a key has scopes.
    """

    id: str = ""
    name: str = ""
    kind: str = ""
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()

    @property
    def has_refund_limit(self) -> bool:
        """Whether the sender gives money back only up to the limit of the settings."""
        return refunds_are_limited(self.roles)


GUEST = Caller()


def bearer_token(headers: Mapping[str, str]) -> str:
    """Give the token of a request's `Authorization`, with or without `Bearer`."""
    scheme, _, token = headers.get("authorization", "").strip().rpartition(" ")
    return token if scheme.lower() in {"", "bearer"} else ""


def caller_of(event: Mapping[str, Any], route: str) -> Caller:
    """Tell who sent a request to a route such as `GET /admin/orders`.

    Raises
    ------
    Unauthenticated
        The route is not for guests, and nobody signed in sent it.
    Forbidden
        The route is for staff, and the sender has no role or scope that may use it.
    """
    audience = Audience.of(route.partition(" ")[2])
    if audience is Audience.PUBLIC:
        return GUEST
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    if audience is Audience.STAFF:
        return _staff(authorizer, route)
    claims = authorizer.get("claims") or {}
    if not claims.get("sub"):
        raise _nobody()
    customer_id = customer_id_of(claims["sub"])
    return Caller(customer_id, customer_id, kind=audience.value)


def _staff(context: Mapping[str, Any], route: str) -> Caller:
    principal = Principal.from_context(context)
    if principal is None:
        raise _nobody()
    roles, scopes = frozenset(principal.roles), frozenset(principal.scopes)
    access = access_to(route)
    if not access.admits(roles, scopes):
        raise Forbidden(access.sentence)
    return Caller(principal.id, principal.name, principal.kind, roles, scopes)


def _nobody() -> Unauthenticated:
    return Unauthenticated("sign in and send the token in the Authorization header")
