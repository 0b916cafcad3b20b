"""Consumer: bring the execution back that waits for what an event tells."""

from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.events.schema import Delivery
from commerce.orders.continuations import answer_wait
from commerce.orders.records import RecordStore
from commerce.workflows import TaskTokens

records = RecordStore(Table(environment().orders_table))
tokens = TaskTokens()


@task(Delivery)
def handler(delivery: Delivery) -> dict[str, bool]:
    """Tell whether an execution waited."""
    part = delivery.detail.aggregate.id
    answered = answer_wait(part, records=records, tokens=tokens)
    return {"answered": answered}
