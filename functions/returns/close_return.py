"""Last step of a return: record that the money was given back."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.orders.records import RecordStore
from commerce.returns.operations import close_return
from commerce.returns.tasks import ReturnStep

records = RecordStore(Table(environment().orders_table))


@task(ReturnStep)
def handler(step: ReturnStep) -> dict[str, str]:
    """Give the return's id."""
    close_return(step.return_id, system_clock(), records=records)
    return {"return_id": step.return_id}
