"""The sweep of webhooks: have every delivery that is due attempted."""

from commerce.clock import from_text, system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.queues import Queue
from commerce.webhooks import delivering
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.schema import SweepInput

deliveries = DeliveryStore(Table(environment().webhooks_table))
queue = Queue(environment().deliveries_queue)


@task(SweepInput)
def handler(sweep: SweepInput) -> dict[str, int]:
    """Give how many attempts were asked for."""
    now = system_clock()
    as_of = from_text(sweep.as_of) if sweep.as_of else now
    return {"asked": delivering.sweep_deliveries(as_of, now, deliveries=deliveries, queue=queue)}
