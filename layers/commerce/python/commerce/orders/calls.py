"""What a repeat of a call is known by, so that it is decided once."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

_DIGEST_CHARS = 32
_MARK_BYTES = 8


@dataclass(frozen=True)
class Call:
    """One call of an operation: `key` is the same for all its repeats, `content` what it asks for.

    A key is one operation's: another operation under the same key is another call. A call
    that has no key gets a mark of its own, by which it knows what it did itself where the
    answer of a write was lost.
    """

    key: str
    content: str

    @classmethod
    def of(cls, operation: str, key: str, *content: Any) -> Call:
        """Make it of what the caller sent.

        Parameters
        ----------
        operation
            What is asked for, by a name that no other operation has.
        key
            What the caller's repeats come with; empty where they come with nothing.
        content
            All that the operation is given; another one is another request.
        """
        mark = _digest([operation, key]) if key else secrets.token_hex(_MARK_BYTES)
        return cls(mark, _digest(content) if key else "")


def _digest(facts: Any) -> str:
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARS]
