"""What staff can do with the settings."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from commerce.errors import InvalidRequest
from commerce.settings.model import ShopSettings, faults_of
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore


def replace_settings(
    body: SettingsBody, expected_version: int, *, by: str, settings: SettingsStore, now: datetime
) -> ShopSettings:
    """Put other settings in force.

    Raises
    ------
    InvalidRequest
        They would break pricing; `errors` lists every fault by its JSON path.
    StaleVersion
        The settings in force are not of `expected_version`.
    """
    wanted = body.to_settings(expected_version)
    faults = faults_of(wanted)
    if faults:
        raise InvalidRequest(
            "with these settings carts could not be priced",
            errors=[asdict(fault) for fault in faults],
        )
    return settings.replace(wanted, expected_version, by, now)
