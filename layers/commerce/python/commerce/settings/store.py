"""Where the settings are kept: each version for good, and the current one once more.

| pk         | sk                  | read by                                        |
|------------|---------------------|------------------------------------------------|
| `settings` | `current`           | every pricing: one eventually consistent get   |
| `settings` | `version#000000007` | whoever asks what an older order was priced by |
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from commerce.clock import to_text
from commerce.dynamo.table import Item, Put, Table, TransactionRefused
from commerce.errors import NotFound, StaleVersion
from commerce.settings.defaults import DEFAULT_SETTINGS, FIRST_VERSION
from commerce.settings.model import (
    SAME_AS,
    FulfillmentOption,
    OrderNumbers,
    Policies,
    ShopSettings,
    StockLocation,
    Zone,
)
from commerce.settings.schema import TaxBody, tax_document

_CURRENT_IS_EXPECTED = "#version = :expected"
# Version 1 is the built-in one, which nobody has stored.
_NOTHING_STORED = "attribute_not_exists(#pk)"
# A version number is given away once.
_VERSION_IS_NEW = "attribute_not_exists(#pk)"


def current_key() -> dict[str, str]:
    """Give the key of the settings in force."""
    return {"pk": "settings", "sk": "current"}


def version_key(version: int) -> dict[str, str]:
    """Give the key of one version."""
    return {"pk": "settings", "sk": f"version#{version:09d}"}


class SettingsStore:
    """The settings in one table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self, *, consistent: bool = False) -> ShopSettings:
        """Give the settings in force; the built-in ones while staff have stored none.

        An eventually consistent read may be a second behind a change. Pricing can
        live with that, for it names the version it used; an editor asks for more.
        """
        item = self._table.get(current_key(), consistent=consistent)
        return _from_item(item) if item else DEFAULT_SETTINGS

    def version(self, version: int) -> ShopSettings:
        """Give the settings as they were in one version.

        Raises
        ------
        NotFound
            There was no such version.
        """
        item = self._table.get(version_key(version), consistent=False)
        if item:
            return _from_item(item)
        if version == FIRST_VERSION:
            return DEFAULT_SETTINGS
        raise NotFound(f"there are no settings of version {version}")

    def replace(
        self, settings: ShopSettings, expected_version: int, by: str, now: datetime
    ) -> ShopSettings:
        """Put other settings in force, under the next version, and give them as stored.

        A retry after an answer that got lost is refused as stale and changes nothing.

        Raises
        ------
        StaleVersion
            The settings in force are not of `expected_version`.
        """
        body = _to_body(settings) | {
            "version": expected_version + 1,
            "updated_at": to_text(now),
            "updated_by": by,
        }
        writes = [
            self._put_current(body, expected_version),
            Put(version_key(expected_version + 1) | body, _VERSION_IS_NEW),
        ]
        if expected_version == FIRST_VERSION:
            # Kept as well, for the built-in settings may be others after the next deployment.
            first = _to_body(DEFAULT_SETTINGS) | {"version": FIRST_VERSION}
            writes.append(Put(version_key(FIRST_VERSION) | first, _VERSION_IS_NEW))
        try:
            self._table.transact(writes)
        except TransactionRefused as refused:
            current = refused.failures.get(0)
            raise StaleVersion(
                "the settings were changed since you read them",
                version=current["version"] if current else FIRST_VERSION,
            ) from None
        return _from_item(body)

    def _put_current(self, body: Item, expected_version: int) -> Put:
        condition = _NOTHING_STORED if expected_version == FIRST_VERSION else _CURRENT_IS_EXPECTED
        return Put(current_key() | body, condition, {"expected": expected_version})


def _to_body(settings: ShopSettings) -> Item:
    return {
        "currencies": list(settings.currencies),
        "base_currency": settings.base_currency,
        "prices_include_tax": settings.prices_include_tax,
        **{f"tax_{name}": value for name, value in tax_document(settings.tax).items()},
        "zones": [_zone_to_body(zone) for zone in settings.zones],
        "stock_locations": [
            {"id": place.location_id, "title": place.title} for place in settings.stock_locations
        ],
        "policies": asdict(settings.policies),
        "order_numbers": asdict(settings.order_numbers),
        "time_zone": settings.time_zone,
    }


def _zone_to_body(zone: Zone) -> Item:
    return {
        "id": zone.zone_id,
        "title": zone.title,
        "countries": list(zone.countries),
        "options": [
            {
                "id": option.option_id,
                "title": option.title,
                "prices": dict(option.prices),
                "free_above": dict(option.free_above),
                "tax_class": option.tax_class,
            }
            for option in zone.options
        ],
    }


def _from_item(item: Item) -> ShopSettings:
    return ShopSettings(
        version=item["version"],
        currencies=tuple(item["currencies"]),
        base_currency=item["base_currency"],
        prices_include_tax=item["prices_include_tax"],
        # Settings stored before there were regions have none; what is taxed as another always was.
        tax=TaxBody.model_validate(
            {
                "origin": item["tax_origin"],
                "rates": item["tax_rates"],
                "regions": item.get("tax_regions", []),
                "same_as": item.get("tax_same_as", SAME_AS),
            }
        ).to_rules(),
        zones=tuple(_zone_from_body(zone) for zone in item["zones"]),
        stock_locations=tuple(
            StockLocation(place["id"], place["title"]) for place in item["stock_locations"]
        ),
        # Settings stored before there were policies have none.
        policies=Policies(**item.get("policies", {})),
        order_numbers=OrderNumbers(**item.get("order_numbers", {})),
        time_zone=item.get("time_zone", "UTC"),
        updated_at=item.get("updated_at"),
        updated_by=item.get("updated_by"),
    )


def _zone_from_body(zone: dict[str, Any]) -> Zone:
    return Zone(
        zone["id"],
        zone["title"],
        tuple(zone["countries"]),
        tuple(
            FulfillmentOption(
                option["id"],
                option["title"],
                option["prices"],
                option["free_above"],
                option["tax_class"],
            )
            for option in zone["options"]
        ),
    )
