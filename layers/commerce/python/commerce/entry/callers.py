"""Who calls: what API Gateway's authorizers found out about a request's sender."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from commerce.customers.model import customer_id_of
from commerce.errors import Forbidden, Unauthenticated

STAFF_GROUP = "staff"


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

    `name` is what histories call the sender: a member of staff's e-mail address, a
    customer's id.
    """

    id: str = ""
    name: str = ""


GUEST = Caller()


def bearer_token(headers: Mapping[str, str]) -> str:
    """Give the token of a request's `Authorization`, with or without `Bearer`."""
    scheme, _, token = headers.get("authorization", "").strip().rpartition(" ")
    return token if scheme.lower() in {"", "bearer"} else ""


def caller_of(event: Mapping[str, Any], audience: Audience) -> Caller:
    """Tell who sent a request.

    Raises
    ------
    Unauthenticated
        The route is not for guests, and nobody signed in sent it.
    Forbidden
        The route is for staff, and somebody else sent it.
    """
    if audience is Audience.PUBLIC:
        return GUEST
    authorizer = (event.get("requestContext") or {}).get("authorizer") or {}
    claims = authorizer.get("claims") or {}
    if not claims.get("sub"):
        raise Unauthenticated("sign in and send the token in the Authorization header")
    if audience is Audience.CUSTOMER:
        customer_id = customer_id_of(claims["sub"])
        return Caller(customer_id, customer_id)
    # API Gateway flattens the list claim to text: "staff", "a,staff" or "[a staff]".
    groups = claims.get("cognito:groups") or ""
    if not isinstance(groups, str):
        groups = ",".join(groups)
    if STAFF_GROUP not in groups.strip("[]").replace(",", " ").split():
        raise Forbidden("only staff may do this")
    name = claims.get("email") or claims.get("cognito:username") or claims["sub"]
    return Caller(claims["sub"], name)
