"""Plan an event's deliveries: the bus's consumer for webhooks."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.queues import Queue
from commerce.webhooks import delivering
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.schema import Published

endpoints = EndpointStore(Table(environment().webhooks_table))
deliveries = DeliveryStore(Table(environment().webhooks_table))
queue = Queue(environment().deliveries_queue)


@task(Published)
def handler(published: Published) -> dict[str, int]:
    """Give how many deliveries the event made; an event that comes again makes none."""
    planned = delivering.plan_deliveries(
        published.detail,
        system_clock(),
        endpoints=endpoints,
        deliveries=deliveries,
        queue=queue,
    )
    return {"planned": planned}
