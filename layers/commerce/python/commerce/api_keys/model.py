"""What an API key is, how it is written, and when it opens something."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from commerce.clock import from_text

KEY_ID_PREFIX = "key"

SECRET = "secret"  # noqa: S105 - a kind of key
PUBLISHABLE = "publishable"

ACTIVE = "active"
EXPIRED = "expired"
REVOKED = "revoked"

SECRET_BYTES = 32
OVERLAP_HOURS_MAX = 168
# Each use would be a write; a person wants to know the day, and an intruder's first use shows.
USE_NOTED_EVERY = timedelta(minutes=5)

PUBLISHABLE_PATTERN = "^pk_([0-9a-z]{36})$"
_SECRET_TEXT = re.compile(r"sk_([0-9a-z]{36})_[A-Za-z0-9_-]{43}", re.ASCII)
_PUBLISHABLE_TEXT = re.compile(PUBLISHABLE_PATTERN, re.ASCII)


@dataclass(frozen=True)
class ApiKey:
    """A key of one integration or storefront.

    Of a secret key only hashes are kept. After a rotation the one before opens as well,
    until `previous_until`. A publishable key is not secret and has neither hashes nor
    scopes: it names a storefront.
    """

    key_id: str
    kind: str
    name: str
    scopes: tuple[str, ...]
    created_at: str
    created_by: str
    expires_at: str | None = None
    rotated_at: str | None = None
    revoked_at: str | None = None
    revoked_by: str | None = None
    last_used_at: str | None = None
    secret_hash: str | None = field(default=None, repr=False)
    previous_hash: str | None = field(default=None, repr=False)
    previous_until: str | None = None

    def status(self, now: datetime) -> str:
        """Tell whether it is active, expired or revoked."""
        if self.revoked_at:
            return REVOKED
        return EXPIRED if self.expires_at and from_text(self.expires_at) <= now else ACTIVE

    @property
    def signature(self) -> str:
        """What histories call who uses it; two keys may have one name, and not one id."""
        return f"{self.name} ({self.key_id})"

    @property
    def usage_key(self) -> str:
        """Under which value API Gateway counts its calls; not secret."""
        return self.key_id.removeprefix(f"{KEY_ID_PREFIX}_")

    @property
    def publishable_text(self) -> str | None:
        """What a storefront sends; None of a secret key."""
        return f"pk_{self.usage_key}" if self.kind == PUBLISHABLE else None

    def opened_by(self, text: str, now: datetime) -> bool:
        """Tell whether a text is this key's secret now, in a time that tells nothing of it."""
        hashes = [self.secret_hash]
        if self.previous_until and now < from_text(self.previous_until):
            hashes.append(self.previous_hash)
        shown = hash_of(text)
        matches = [hmac.compare_digest(shown, each) for each in hashes if each]
        return self.kind == SECRET and self.status(now) == ACTIVE and any(matches)

    def use_is_worth_noting(self, now: datetime) -> bool:
        """Tell whether its last use was noted too long ago to stand for this one."""
        return self.last_used_at is None or now - from_text(self.last_used_at) >= USE_NOTED_EVERY


def secret_text(key_id: str, random_bytes: bytes) -> str:
    """Write a secret key: its id, so that it is found, and 256 bits that nobody can guess."""
    secret = base64.urlsafe_b64encode(random_bytes).decode().rstrip("=")
    return f"sk_{key_id.removeprefix(f'{KEY_ID_PREFIX}_')}_{secret}"


def hash_of(text: str) -> str:
    """Give what is kept of a secret: 256 random bits need no slow hash and no salt."""
    return hashlib.sha256(text.encode()).hexdigest()


def key_id_in(text: str, kind: str) -> str | None:
    """Give the id in a key's text; None where it is no key of this kind."""
    found = (_SECRET_TEXT if kind == SECRET else _PUBLISHABLE_TEXT).fullmatch(text)
    return f"{KEY_ID_PREFIX}_{found[1]}" if found else None
