"""What staff can do with the settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from commerce.errors import InvalidRequest, LocationInUse
from commerce.settings.model import ShopSettings, faults_of
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore

UnitsAt = Callable[[Collection[str]], Mapping[str, Sequence[str]]]


def replace_settings(
    body: SettingsBody,
    expected_version: int,
    *,
    by: str,
    settings: SettingsStore,
    now: datetime,
    units_at: UnitsAt,
) -> ShopSettings:
    """Put other settings in force.

    Parameters
    ----------
    units_at
        Names SKUs of which units are at locations, by location.

    Raises
    ------
    InvalidRequest
        They would break pricing; `errors` lists every fault by its JSON path.
    StaleVersion
        The settings in force are not of `expected_version`.
    LocationInUse
        They leave out a stock location that has units.
    """
    wanted = body.to_settings(expected_version)
    faults = faults_of(wanted)
    if faults:
        raise InvalidRequest(
            "with these settings carts could not be priced",
            errors=[asdict(fault) for fault in faults],
        )
    before = settings.current(consistent=True)
    removed = [
        place.location_id
        for place in before.stock_locations
        if not wanted.has_location(place.location_id)
    ]
    used = units_at(removed) if removed and before.version == expected_version else {}
    if used:
        raise LocationInUse(
            f"there are units at {', '.join(sorted(used))}: move them to another location, or "
            "send what orders hold there, before it is removed",
            locations=[{"id": place, "skus": [*used[place]]} for place in sorted(used)],
        )
    return settings.replace(wanted, expected_version, by, now)
