"""Publish what a change of a table means: the one consumer of the tables' streams."""

from commerce.dynamo.table import Table
from commerce.entry.stream import stream
from commerce.environment import environment
from commerce.event_bus import EventBus
from commerce.events.model import Change, event_of
from commerce.events.schema import document
from commerce.settings.recent import RecentSettings
from commerce.settings.store import SettingsStore

bus = EventBus(environment().event_bus)
settings = RecentSettings(SettingsStore(Table(environment().settings_table)))


@stream
def handler(change: Change) -> None:
    """Publish the change's event, if it has one."""
    event = event_of(change, settings.current().policies.low_stock_units)
    if event is not None:
        bus.publish(document(event))
