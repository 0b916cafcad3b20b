"""The HTTP shapes of API keys."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from commerce.access import GRANTABLE_SCOPES
from commerce.api_keys.model import OVERLAP_HOURS_MAX, PUBLISHABLE, SECRET, ApiKey
from commerce.clock import from_text
from commerce.pages import Page
from commerce.texts import Line

Kind = Literal["secret", "publishable"]
Scope = Literal[GRANTABLE_SCOPES]  # type: ignore[valid-type] # the table has them

_FIRST_YEAR = 2000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(text: str) -> str:
    if not _MOMENT.fullmatch(text):
        raise ValueError("must be a time such as 2027-01-31T00:00:00Z")
    if from_text(text.upper()).year < _FIRST_YEAR:
        raise ValueError(f"must not be before {_FIRST_YEAR}")
    return text.upper()


Moment = Annotated[
    str, AfterValidator(_moment), Field(max_length=40, json_schema_extra={"format": "date-time"})
]


class _Write(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class NewApiKey(_Write):
    """A key to be made."""

    name: Annotated[str, Line(80, 1)] = Field(
        description="Who uses it, for the people who read the list.", examples=["Warehouse robot"]
    )
    type: Kind = Field(
        default="secret",
        description="`secret` calls /admin routes; `publishable` names a storefront, and is none.",
    )
    scopes: Annotated[list[Scope], Field(max_length=len(GRANTABLE_SCOPES))] = Field(
        default_factory=list,
        description="What a secret key may do; one at least. A publishable one has none.",
        examples=[["orders:read", "fulfillments:write"]],
    )
    expires_at: Moment | None = Field(
        default=None, description="It opens nothing from then on; never, if absent."
    )

    @model_validator(mode="after")
    def _has_scopes_where_it_needs_them(self) -> NewApiKey:
        if self.type == SECRET and not self.scopes:
            raise ValueError("a secret key needs a scope")
        if self.type == PUBLISHABLE and self.scopes:
            raise ValueError("a publishable key has no scopes")
        return self


class RotateApiKey(_Write):
    """How long the secret before it opens on."""

    overlap_hours: int = Field(
        default=24,
        ge=0,
        le=OVERLAP_HOURS_MAX,
        description="So long both secrets open, for whoever uses it to change over.",
    )


class ApiKeyView(BaseModel):
    """A key; its secret is not shown again."""

    id: str
    type: Kind
    name: str
    scopes: list[str]
    status: Literal["active", "expired", "revoked"]
    key: str | None = Field(
        default=None,
        description="A publishable key, for `X-Publishable-Key`; it is no secret.",
        examples=["pk_01j9x3vq8m2c7h5k4w6t0r1y9zabcdefghjk"],
    )
    created_at: str
    created_by: str
    expires_at: str | None = None
    rotated_at: str | None = None
    previous_until: str | None = Field(
        default=None, description="Until then the secret before the last rotation opens, too."
    )
    last_used_at: str | None = Field(
        default=None, description="Five minutes exact; absent where it was never used."
    )
    revoked_at: str | None = None
    revoked_by: str | None = None

    @classmethod
    def of(cls, key: ApiKey, now: datetime) -> ApiKeyView:
        """Show a key without its secret."""
        return cls.model_validate(_shown(key, now))


class ApiKeySecret(ApiKeyView):
    """A key with its new secret, which is shown this once."""

    secret: str | None = Field(
        default=None,
        description="What to send as `Authorization: Bearer`. It is in the first answer alone: a "
        "repeat with the same `Idempotency-Key` gets the answer without it, for the shop does "
        "not keep it. Rotate the key if it got lost.",
    )

    @classmethod
    def made(cls, key: ApiKey, secret: str | None, now: datetime) -> ApiKeySecret:
        """Show a key with its secret, where it has one."""
        return cls.model_validate({**_shown(key, now), "secret": secret})


class ApiKeyList(Page):
    """A page of keys, newest first."""

    items: list[ApiKeyView]


def _shown(key: ApiKey, now: datetime) -> dict[str, Any]:
    return {
        **vars(key),
        "id": key.key_id,
        "type": key.kind,
        "scopes": [*key.scopes],
        "status": key.status(now),
        "key": key.publishable_text,
    }
