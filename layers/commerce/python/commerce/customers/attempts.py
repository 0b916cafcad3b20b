"""How often something was tried in the name of an address, whether or not it has an account.

Counted in the customers table, for a digest of the address, by quarters of an hour and hours:

=======================================  ==============================
pk                                       sk
=======================================  ==============================
`attempts#<digest of the address>`       `<what>#<number of the window>`
=======================================  ==============================

Cognito has limits of its own, for addresses that have an account; these come first and are the
same for all, so that nobody learns from a refusal whether there is one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from commerce.dynamo.table import ConditionFailed, Table, Update

_QUARTER = 15 * 60
_HOUR = 60 * 60

FEWER_THAN_MOST = "attribute_not_exists(#tried) OR #tried < :most"


@dataclass(frozen=True)
class Limit:
    """At most so often within each window of so many seconds."""

    what: str
    most: int
    seconds: int


# A person mistypes a few times; who guesses needs millions.
SIGN_INS = Limit("sign_in", 20, _QUARTER)
# A code has six digits.
CODES_TRIED = Limit("code_tried", 10, _HOUR)
# Nobody's mailbox is to be filled by others.
CODES_SENT = Limit("code_sent", 5, _HOUR)


class AttemptStore:
    """Counts attempts, and says when there were too many."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def wait_seconds(self, limit: Limit, email: str, now: datetime) -> int:
        """Count one more, and give how long to wait before it may be made: 0 where it may."""
        window, into = divmod(int(now.timestamp()), limit.seconds)
        update = Update(
            {"pk": f"attempts#{_digest(email)}", "sk": f"{limit.what}#{window}"},
            "SET #tried = if_not_exists(#tried, :none) + :one, #expires_at = :end",
            FEWER_THAN_MOST,
            {"none": 0, "one": 1, "most": limit.most, "end": (window + 1) * limit.seconds},
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return limit.seconds - into
        return 0


def _digest(email: str) -> str:
    return hashlib.sha256(email.encode()).hexdigest()
