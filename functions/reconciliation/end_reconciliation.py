"""Last step of a reconciliation: record how it ended, and count what is still wrong."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry.task import task
from commerce.entry.telemetry import count
from commerce.environment import environment
from commerce.reconciliation.model import FAILED
from commerce.reconciliation.operations import end_run
from commerce.reconciliation.store import ReconciliationStore
from commerce.reconciliation.tasks import EndInput

runs = ReconciliationStore(Table(environment().reconciliations_table))


@task(EndInput)
def handler(step: EndInput) -> dict[str, int]:
    """Give how much was found, and how much of it still is wrong."""
    run = end_run(step.run_id, step.checked, system_clock(), runs=runs, status=step.status)
    count("ReconciliationUnrepaired", run.unrepaired)
    count("ReconciliationFailed", int(run.status == FAILED))
    return {"found": run.found, "unrepaired": run.unrepaired}
