"""Paging cursors: opaque to the caller, and of no use once altered."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, TypeVar

from commerce.errors import InvalidCursor
from commerce.secret import Secret

_SIGNATURE_BYTES = 16

Thing = TypeVar("Thing")
# Where a page ended, as its store tells it: what an entry is sorted by.
Position = TypeVar("Position", str, tuple[str, str])


class Cursors:
    """Seals and opens the cursors of all lists with one key.

    The key is read when a cursor comes in or goes out, so a list of one page never reads it.
    """

    def __init__(self, key: Secret) -> None:
        self._key = key

    def page(
        self,
        list_name: str,
        cursor: str | None,
        read: Callable[[Position | None], tuple[list[Thing], Position | None]],
    ) -> tuple[list[Thing], str | None]:
        """Read the page of a list that a cursor asks for, the first one where there is none.

        Parameters
        ----------
        list_name
            The list with its conditions: a cursor of it fits no other.
        read
            Gives what comes after a position, and the position to go on from, None on the
            last page.

        Returns
        -------
        tuple
            The page, and the cursor of the next one, None on the last page.

        Raises
        ------
        InvalidCursor
            It was altered, or sealed for another list.
        """
        things, last = read(self.open(cursor, list_name) if cursor else None)
        return things, None if last is None else self.seal(last, list_name)

    def seal(self, position: str | tuple[str, str], list_name: str) -> str:
        """Make a cursor for a position in one list."""
        payload = json.dumps(position, separators=(",", ":")).encode()
        sealed = self._sign(payload, list_name) + payload
        return base64.urlsafe_b64encode(sealed).decode().rstrip("=")

    def open(self, cursor: str, list_name: str) -> Any:
        """Give the position that a cursor was sealed for.

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
        if not payload:
            raise InvalidCursor("the cursor is not one of ours")
        if not hmac.compare_digest(signature, self._sign(payload, list_name)):
            raise InvalidCursor("the cursor was altered or belongs to another list")
        position = json.loads(payload)
        return tuple(position) if isinstance(position, list) else position

    def _sign(self, payload: bytes, list_name: str) -> bytes:
        message = list_name.encode() + b"\0" + payload
        key = self._key.value.encode()
        return hmac.digest(key, message, hashlib.sha256)[:_SIGNATURE_BYTES]
