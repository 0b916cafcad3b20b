"""The settings for who asks often and can live with those of a moment ago."""

from __future__ import annotations

from datetime import datetime, timedelta

from commerce.clock import Clock, system_clock
from commerce.settings.model import ShopSettings
from commerce.settings.store import SettingsStore

_MAX_AGE = timedelta(minutes=1)


class RecentSettings:
    """The settings in force, read at most once a minute; a change is seen within one."""

    def __init__(self, store: SettingsStore, clock: Clock = system_clock) -> None:
        self._store = store
        self._clock = clock
        self._read: tuple[datetime, ShopSettings] | None = None

    def current(self) -> ShopSettings:
        """Give the settings as they were a minute ago or later."""
        now = self._clock()
        if self._read is None or now - self._read[0] >= _MAX_AGE:
            self._read = now, self._store.current()
        return self._read[1]
