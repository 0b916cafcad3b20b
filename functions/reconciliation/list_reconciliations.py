"""List reconciliations, newest first."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.pages import PageQuery
from commerce.reconciliation.schema import RunList, run_view
from commerce.reconciliation.store import ReconciliationStore
from commerce.secret import Secret

runs = ReconciliationStore(Table(environment().reconciliations_table))
cursors = Cursors(Secret(environment().cursor_secret))


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
    page, cursor = cursors.page(
        "reconciliations",
        query.cursor,
        lambda before: runs.newest(limit=query.limit, before=before),
    )
    return http.Response(RunList(items=[run_view(run) for run in page], next_cursor=cursor))
