"""Record an event in the log, once however often it comes."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.events.schema import Delivery
from commerce.events.store import EventStore

events = EventStore(Table(environment().events_table))


@task(Delivery)
def handler(delivery: Delivery) -> dict[str, bool]:
    """Tell whether the event was new."""
    return {"recorded": events.record_once(delivery.detail.told(), system_clock())}
