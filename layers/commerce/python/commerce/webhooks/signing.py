"""Signatures of Standard Webhooks: who has the secret can tell that a delivery is ours."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime

from standardwebhooks import Webhook

SECRET_PREFIX = "whsec_"  # noqa: S105 - not a secret, but how each of them begins
SECRET_BITS = 256


def new_secret(bits: int) -> str:
    """Write 256 random bits as a signing secret."""
    return SECRET_PREFIX + base64.b64encode(bits.to_bytes(SECRET_BITS // 8, "big")).decode()


def signed_headers(
    message_id: str, body: str, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Give the headers that prove a body: one signature a secret, any of which is enough.

    Parameters
    ----------
    message_id
        The event's id: the same on every attempt, so that a receiver knows a repeat.
    now
        In UTC; receivers refuse what was signed more than five minutes away.
    """
    signatures = [Webhook(secret).sign(message_id, now, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
