"""Signatures of messages from providers, as Standard Webhooks has them.

A message has three headers: `webhook-id`, the same on every delivery; `webhook-timestamp`,
when this delivery was signed; and `webhook-signature`, one or more of `v1,<base64>`, each
the HMAC-SHA256 of `<id>.<timestamp>.<body>` with a key that both sides know.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from commerce.errors import InvalidSignature

# How far a message's time may be from ours, so that nobody keeps one to send it again.
TOLERANCE = timedelta(minutes=5)
MESSAGE_ID_CHARS_MAX = 128


def signed_headers(message_id: str, body: bytes, key: bytes, now: datetime) -> dict[str, str]:
    """Give the headers that prove a message."""
    timestamp = str(int(now.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": _signature(message_id, timestamp, body, key),
    }


def verified_id(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> str:
    """Give the id of a message that is surely from who has the key.

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
    wanted = _signature(message_id, timestamp, body, key).encode()
    given = headers.get("webhook-signature", "").encode().split()
    # Every one is compared, and in constant time: how long it took tells nothing.
    if sum(hmac.compare_digest(wanted, one) for one in given) == 0:
        raise InvalidSignature("no signature of the message is right")
    return message_id


def _signature(message_id: str, timestamp: str, body: bytes, key: bytes) -> str:
    message = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(key, message, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"
