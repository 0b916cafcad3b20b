"""Paging cursors: opaque to the caller, and of no use once altered."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from commerce.errors import InvalidCursor

_SIGNATURE_BYTES = 16


def seal(position: dict[str, Any], list_name: str, key: str) -> str:
    """Make a cursor for a position in one list; it fits no other list or filter."""
    payload = json.dumps(position, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(_sign(payload, list_name, key) + payload).decode().rstrip("=")


def open_cursor(cursor: str, list_name: str, key: str) -> dict[str, Any]:
    """Read a cursor.

    Raises
    ------
    InvalidCursor
        It was not sealed here, or for another list.
    """
    try:
        raw = base64.b64decode(
            cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True
        )
    except (ValueError, binascii.Error):
        raise InvalidCursor("the cursor is not one of ours") from None
    signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _sign(payload, list_name, key)):
        raise InvalidCursor("the cursor was altered or belongs to another list")
    position: dict[str, Any] = json.loads(payload)
    return position


def _sign(payload: bytes, list_name: str, key: str) -> bytes:
    message = list_name.encode() + b"\0" + payload
    return hmac.digest(key.encode(), message, hashlib.sha256)[:_SIGNATURE_BYTES]
