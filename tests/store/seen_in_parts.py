"""DynamoDB as its queries really see it: a transaction's items come one by one, pages one by one.

AWS isolates a transaction from a read of one item, and not from a Query, which may come upon
any of its items before the others; and between two pages of a Query anything may happen.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

Key = tuple[str, str, str]


class SeenOneByOne:
    """A database whose last transaction has not come to be seen by queries.

    After each query, one more of its items is visible, in an order that follows from the seed.
    All other calls see all of it.
    """

    def __init__(self, inner: Any, seed: int = 0) -> None:
        self._inner = inner
        self._random = Random(seed)
        self._last: dict[Key, dict[str, Any] | None] = {}
        self._hidden: dict[Key, dict[str, Any] | None] = {}

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        return getattr(self._inner, name)

    def hide_last(self) -> None:
        """Go back to the moment when nothing of the last transaction was visible yet."""
        self._hidden = dict(self._last)

    def transact_write_items(self, **call: Any) -> Any:
        """Write, and remember what was there before."""
        before = {}
        for each in call["TransactItems"]:
            (write,) = each.values()
            key = {name: (write.get("Item") or write["Key"])[name] for name in ("pk", "sk")}
            found = self._inner.get_item(TableName=write["TableName"], Key=key, ConsistentRead=True)
            before[write["TableName"], key["pk"]["S"], key["sk"]["S"]] = found.get("Item")
        answer = self._inner.transact_write_items(**call)
        self._last = before
        return answer

    def query(self, **call: Any) -> Any:
        """Answer with the items that are visible by now, and make another one visible."""
        answer = dict(self._inner.query(**call))
        if "IndexName" not in call:
            seen = [self._seen(call["TableName"], item) for item in answer["Items"]]
            answer["Items"] = [item for item in seen if item is not None]
        if self._hidden:
            del self._hidden[self._random.choice(sorted(self._hidden))]
        return answer

    def _seen(self, table: str, item: dict[str, Any]) -> dict[str, Any] | None:
        place = table, item["pk"]["S"], item["sk"]["S"]
        return self._hidden.get(place, item)


class SeenPageByPage:
    """A database whose queries give few items a page, with something done before one of them."""

    def __init__(self, inner: Any, page: int, number: int, meanwhile: Callable[[], object]) -> None:
        self._inner, self._page = inner, page
        self._number, self._meanwhile = number, meanwhile
        self.queries = 0

    def __getattr__(self, name: str) -> Any:
        """Give a call by its name in the SDK."""
        return getattr(self._inner, name)

    def query(self, **call: Any) -> Any:
        """Answer with a page, as late as the test says."""
        self.queries += 1
        if self.queries == self._number:
            self._meanwhile()
        return self._inner.query(**{"Limit": self._page, **call})
