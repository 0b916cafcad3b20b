"""Who stands behind a credential, and what a verified token says of a member of staff."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from commerce.access import Role

STAFF = "staff"
API_KEY = "key"

_BEARER = re.compile(r"(?:Bearer +)?([\x21-\x7e]+)", re.IGNORECASE)
_JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)


@dataclass(frozen=True)
class Principal:
    """A person or machine that may use the admin API, as the authorizer found it.

    `name` is what histories call it. A person has roles, a key has scopes. `usage_key` is
    the value of the API Gateway key under whose usage plan it calls.
    """

    kind: str
    id: str
    name: str
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    usage_key: str = ""

    def to_context(self) -> dict[str, str]:
        """Write it as an authorizer's context, which carries flat texts alone."""
        return {
            "kind": self.kind,
            "id": self.id,
            "name": self.name,
            "roles": " ".join(self.roles),
            "scopes": " ".join(self.scopes),
        }

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Principal | None:
        """Read what `to_context` wrote; None where an authorizer of another kind let it in."""
        if context.get("kind") not in (STAFF, API_KEY) or not context.get("id"):
            return None
        return cls(
            context["kind"],
            context["id"],
            context.get("name", ""),
            tuple(context.get("roles", "").split()),
            tuple(context.get("scopes", "").split()),
        )


def credential_in(header: str) -> str | None:
    """Give what an `Authorization` header shows, with or without `Bearer`; None for nonsense."""
    found = _BEARER.fullmatch(header.strip())
    return found[1] if found else None


def claims_of(token: str) -> Mapping[str, Any] | None:
    """Read the claims of a JWT whose signature somebody else checks; None where it is none."""
    if not _JWT.fullmatch(token):
        return None
    part = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def is_access_token(claims: Mapping[str, Any], issuer: str, client_id: str, now: datetime) -> bool:
    """Tell whether claims are those of an access token of this pool and client, not yet expired."""
    expires = claims.get("exp")
    return (
        claims.get("token_use") == "access"
        and claims.get("client_id") == client_id
        and claims.get("iss") == issuer
        and isinstance(expires, int | float)
        and not isinstance(expires, bool)
        and now.timestamp() < expires
    )


def roles_in(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the roles among a token's groups; other groups are none of ours."""
    groups = claims.get("cognito:groups") or []
    return tuple(role.value for role in Role if role in groups)
