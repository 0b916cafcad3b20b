from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import table
from commerce.errors import InvalidRequest, LocationInUse, NotFound, StaleVersion
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.model import ShopSettings, StockLocation
from commerce.settings.operations import UnitsAt, replace_settings
from commerce.settings.recent import RecentSettings
from commerce.settings.schema import SettingsBody
from commerce.settings.store import SettingsStore

pytestmark = pytest.mark.usefixtures("tables")

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def store() -> SettingsStore:
    return SettingsStore(table("settings"))


def replaced(settings: ShopSettings, expected_version: int) -> ShopSettings:
    return store().replace(settings, expected_version, "ada@example.com", NOW)


def test_while_nothing_is_stored_the_built_in_settings_are_in_force_as_version_1() -> None:
    assert store().current() == DEFAULT_SETTINGS
    assert store().version(1) == DEFAULT_SETTINGS
    assert DEFAULT_SETTINGS.version == 1


def test_replaced_settings_are_in_force_with_the_next_version_and_their_author() -> None:
    on_top = replace(DEFAULT_SETTINGS, prices_include_tax=False)

    given = replaced(on_top, 1)

    assert given == replace(
        on_top, version=2, updated_at="2030-01-01T00:00:00.000Z", updated_by="ada@example.com"
    )
    assert store().current() == given


def test_every_version_stays_readable() -> None:
    second = replaced(replace(DEFAULT_SETTINGS, prices_include_tax=False), 1)
    third = replaced(replace(second, base_currency="EUR"), 2)

    assert store().version(1) == DEFAULT_SETTINGS
    assert store().version(2) == second
    assert store().version(3) == third == store().current()


def test_a_version_that_never_was_is_not_found() -> None:
    with pytest.raises(NotFound):
        store().version(2)


def test_the_built_in_settings_are_kept_once_they_are_replaced() -> None:
    replaced(DEFAULT_SETTINGS, 1)

    assert table("settings").get({"pk": "settings", "sk": "version#000000001"}) is not None


def test_replacing_what_somebody_else_replaced_is_refused_and_changes_nothing() -> None:
    second = replaced(replace(DEFAULT_SETTINGS, base_currency="EUR"), 1)

    with pytest.raises(StaleVersion) as refused:
        replaced(DEFAULT_SETTINGS, 1)

    assert refused.value.details["version"] == 2
    assert store().current() == second


def test_a_version_from_the_future_is_refused() -> None:
    with pytest.raises(StaleVersion) as refused:
        replaced(DEFAULT_SETTINGS, 7)

    assert refused.value.details["version"] == 1
    assert store().current() == DEFAULT_SETTINGS


def test_the_settings_in_force_fit_half_a_read_unit() -> None:
    replaced(DEFAULT_SETTINGS, 1)

    item = table("settings").get({"pk": "settings", "sk": "current"})
    assert size(item) < 4096


def size(value: Any) -> int:
    """Give the size DynamoDB counts, a little rounded up."""
    if isinstance(value, dict):
        return 3 + sum(len(name) + 1 + size(part) for name, part in value.items())
    if isinstance(value, list):
        return 3 + sum(1 + size(part) for part in value)
    return len(str(value).encode()) + 1


def nothing(_locations: Collection[str]) -> dict[str, list[str]]:
    return {}


def test_settings_that_would_break_pricing_are_refused_with_their_paths() -> None:
    body = SettingsBody.of(replace(DEFAULT_SETTINGS, base_currency="USD"))

    with pytest.raises(InvalidRequest) as refused:
        replace_settings(body, 1, by="ada@example.com", settings=store(), now=NOW, units_at=nothing)

    assert [error["path"] for error in refused.value.details["errors"]] == ["$.base_currency"]
    assert store().current() == DEFAULT_SETTINGS


def test_recent_settings_show_a_change_after_a_minute_and_not_before() -> None:
    times = iter([NOW, NOW + timedelta(seconds=59), NOW + timedelta(seconds=60)])
    recent = RecentSettings(store(), lambda: next(times))
    assert recent.current() == DEFAULT_SETTINGS

    second = replaced(replace(DEFAULT_SETTINGS, base_currency="EUR"), 1)

    assert recent.current() == DEFAULT_SETTINGS
    assert recent.current() == second


def test_a_location_is_removed_only_where_nothing_is_left_there() -> None:
    two = replace(
        DEFAULT_SETTINGS,
        stock_locations=(StockLocation("berlin", "Berlin"), StockLocation("main", "Main")),
    )
    replaced(two, 1)
    body = SettingsBody.of(replace(two, stock_locations=two.stock_locations[:1]))

    def asked(locations: Collection[str]) -> dict[str, list[str]]:
        return {place: ["MUG"] for place in locations}

    def replace_with(units_at: UnitsAt) -> ShopSettings:
        return replace_settings(body, 2, by="ada", settings=store(), now=NOW, units_at=units_at)

    with pytest.raises(LocationInUse) as refused:
        replace_with(asked)
    assert refused.value.details["locations"] == [{"id": "main", "skus": ["MUG"]}]
    assert store().current().has_location("main")
    assert replace_with(nothing).first_location == "berlin"
