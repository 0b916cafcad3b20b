"""Have an execution wait until a person decides about a part of an order."""

from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.fulfillment.tasks import AwaitDecision
from commerce.orders.continuations import await_decision
from commerce.orders.records import RecordStore, Wait
from commerce.workflows import TaskTokens

records = RecordStore(Table(environment().orders_table))
tokens = TaskTokens()


@task(AwaitDecision)
def handler(step: AwaitDecision) -> dict[str, str]:
    """Give the part's status; the execution goes on at once where that is another one."""
    wait = Wait(step.part, step.status, step.task_token)
    return {"status": await_decision(wait, records=records, tokens=tokens)}
