"""Compare our books with the provider's now."""

from commerce.clock import system_clock
from commerce.dynamo.calls import Calls
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.reconciliation.operations import start_run
from commerce.reconciliation.schema import RunView, run_view
from commerce.reconciliation.store import RUN_ID_PREFIX, ReconciliationStore
from commerce.workflows import StateMachine

calls = Calls(Table(environment().reconciliations_table))
runs = ReconciliationStore(Table(environment().reconciliations_table))
machine = StateMachine(environment().reconcile_payments_arn)


@http.operation(
    "POST /admin/reconciliations",
    "Compare orders, payments and books with the provider's list",
    returns=RunView,
    status=202,
    creates=True,
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the run, which goes on by itself."""
    now = system_clock()
    run_id = calls.id_for(request.call, RUN_ID_PREFIX, now)
    run = start_run(run_id, request.caller.name, now, runs=runs, machine=machine)
    return http.Response(run_view(run))
