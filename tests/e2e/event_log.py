"""The log of events."""

from __future__ import annotations

from collections import Counter
from typing import Any

from e2e.recovery import wait_until
from e2e.storefront import Storefront


class Log:
    """The log of events as staff read it."""

    def __init__(self, storefront: Storefront) -> None:
        self._shop = storefront.shop

    def about(self, id_: str) -> list[dict[str, Any]]:
        """Read the events of one thing, newest first."""
        query: dict[str, str | int] = {"aggregate_id": id_, "limit": 100}
        found: list[dict[str, Any]] = self._shop.ask("GET", "/admin/events", query=query)["items"]
        return found

    def types(self, id_: str) -> Counter[str]:
        """Count the events of one thing by type."""
        return Counter(event["type"] for event in self.about(id_))

    def wait_for(self, id_: str, *types: str) -> None:
        """Wait until the log has events of these types about one thing."""
        wait_until(lambda: set(types) <= set(self.types(id_)), f"{types} of {id_}")
