"""Read a reconciliation and what it found."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.pages import PageQuery
from commerce.reconciliation.schema import RunDetails, run_details
from commerce.reconciliation.store import ReconciliationStore
from commerce.secret import Secret

runs = ReconciliationStore(Table(environment().reconciliations_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/reconciliations/{id}",
    "Read a reconciliation and what it found",
    query=PageQuery,
    returns=RunDetails,
    problems=(NotFound, InvalidCursor),
)
def handler(request: http.Request[http.Nothing, PageQuery]) -> http.Response:
    """Answer with the run and a page of its findings."""
    run, query = runs.get(request.path["id"]), request.query
    page, cursor = cursors.page(
        f"findings {run.run_id}",
        query.cursor,
        lambda after: runs.findings_page(run.run_id, limit=query.limit, after=after),
    )
    return http.Response(run_details(run, page, cursor))
