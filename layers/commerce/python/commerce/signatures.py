"""Signatures of Standard Webhooks: of what we send, and of what providers send us.

A message has three headers: `webhook-id`, the same on every delivery; `webhook-timestamp`,
when this delivery was signed; and `webhook-signature`, one or more of `v1,<base64>`, any of
which is enough, made with a key that both sides know.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks import Webhook

from commerce.errors import InvalidSignature

SECRET_PREFIX = "whsec_"  # noqa: S105 - not a secret, but how each of them begins

# How far a message's time may be from ours, so that nobody keeps one to send it again.
TOLERANCE = timedelta(minutes=5)
MESSAGE_ID_CHARS_MAX = 128

# A key as it is, or written as `whsec_` and base64.
Secret = str | bytes


def secret_of(key: bytes) -> str:
    """Write a key, of 24 to 64 bytes, as a signing secret."""
    return SECRET_PREFIX + base64.b64encode(key).decode()


def signed_headers(
    message_id: str, body: str, secrets: Sequence[Secret], now: datetime
) -> dict[str, str]:
    """Give the headers that prove a body: one signature a secret.

    Parameters
    ----------
    message_id
        The same on every attempt, so that a receiver knows a repeat.
    now
        In UTC; receivers refuse what was signed more than five minutes away.
    """
    signatures = [Webhook(secret).sign(message_id, now, body) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def verified_id(headers: Mapping[str, str], body: bytes, secret: Secret, now: datetime) -> str:
    """Give the id of a message that is surely from who has the secret.

    By hand but for the signature itself: the library's `verify` knows no clock but the
    machine's, and fails with errors of its own on headers that are no signatures.

    Parameters
    ----------
    headers
        With names in lower case.

    Raises
    ------
    InvalidSignature
        A header is missing, the time is too far from `now`, or no signature is right.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not 0 < len(message_id) <= MESSAGE_ID_CHARS_MAX or not message_id.isascii():
        raise InvalidSignature("send a webhook-id header")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidSignature("send a webhook-timestamp header of seconds since 1970")
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise InvalidSignature("the message was signed more than five minutes from now")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise InvalidSignature("what is signed is text, and the body is none") from None
    signed_at = datetime.fromtimestamp(int(timestamp), UTC)
    wanted = Webhook(secret).sign(message_id, signed_at, text).encode()
    given = headers.get("webhook-signature", "").encode().split()
    # Every one is compared, and in constant time: how long it took tells nothing.
    if sum(hmac.compare_digest(wanted, one) for one in given) == 0:
        raise InvalidSignature("no signature of the message is right")
    return message_id
