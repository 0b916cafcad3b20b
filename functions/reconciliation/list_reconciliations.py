"""List reconciliations, newest first."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.pages import PageQuery
from commerce.reconciliation.schema import RunList, run_view
from commerce.reconciliation.store import ReconciliationStore

runs = ReconciliationStore(Table(environment().reconciliations_table))


@http.operation(
    "GET /admin/reconciliations",
    "List reconciliations, newest first",
    query=PageQuery,
    returns=RunList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, PageQuery]) -> http.Response:
    """Answer with a page of runs."""
    query = request.query
    name, key = "reconciliations", environment().cursor_key
    before = open_cursor(query.cursor, name, key)["before"] if query.cursor else None
    page, last = runs.newest(limit=query.limit, before=before)
    cursor = seal({"before": last}, name, key) if last else None
    return http.Response(RunList(items=[run_view(run) for run in page], next_cursor=cursor))
