"""Compare our books with the provider's every night."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.environment import environment
from commerce.ids import new_id
from commerce.reconciliation.operations import start_run
from commerce.reconciliation.store import RUN_ID_PREFIX, ReconciliationStore
from commerce.reconciliation.tasks import NightlyInput
from commerce.workflows import StateMachine

runs = ReconciliationStore(Table(environment().reconciliations_table))
machine = StateMachine(environment().reconcile_payments_arn)


@task(NightlyInput)
def handler(_event: NightlyInput) -> dict[str, str]:
    """Give the run's id."""
    now = system_clock()
    run_id = new_id(RUN_ID_PREFIX, now)
    return {"run_id": start_run(run_id, "nightly", now, runs=runs, machine=machine).run_id}
