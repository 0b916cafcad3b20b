"""Whether the shop can do its work."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from commerce.errors import Unhealthy
from commerce.settings.store import SettingsStore


class Health(BaseModel):
    """The shop is well."""

    status: Literal["ok"] = "ok"
    settings_version: int = Field(
        description="The version of the settings that carts are priced by now.", examples=[1]
    )


def check(settings: SettingsStore) -> Health:
    """Read what every pricing reads: it takes the function, its role, DynamoDB and the table.

    Raises
    ------
    Unhealthy
        The settings cannot be read, whatever the reason.
    """
    try:
        return Health(settings_version=settings.current().version)
    except Exception as error:
        raise Unhealthy("the settings cannot be read; the shop cannot price a cart") from error
