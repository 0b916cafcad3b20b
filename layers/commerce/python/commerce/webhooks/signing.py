"""The secrets that endpoints' deliveries are signed with: made again each time, kept nowhere."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

from commerce.secret import Secret
from commerce.signatures import secret_of
from commerce.webhooks.model import Endpoint


class SigningSecrets:
    """Makes each endpoint's secrets out of one key, its id and how often it changed.

    Who reads the webhooks table has none of them, and a receiver's says nothing of another's.
    """

    def __init__(self, key: Secret) -> None:
        self._key = key

    def newest(self, endpoint: Endpoint) -> str:
        """Give the secret that staff are shown."""
        return self._make(endpoint, endpoint.secret_number)

    def at(self, endpoint: Endpoint, now: datetime) -> tuple[str, ...]:
        """Give what to sign with, newest first: two secrets for a day after a change."""
        return tuple(self._make(endpoint, number) for number in endpoint.secret_numbers(now))

    def _make(self, endpoint: Endpoint, number: int) -> str:
        of_what = f"{endpoint.endpoint_id}#{number}".encode()
        return secret_of(hmac.digest(self._key.value.encode(), of_what, hashlib.sha256))
