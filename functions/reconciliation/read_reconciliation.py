"""Read a reconciliation and what it found."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.pages import PageQuery
from commerce.reconciliation.schema import RunDetails, run_details
from commerce.reconciliation.store import ReconciliationStore

runs = ReconciliationStore(Table(environment().reconciliations_table))


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
    name, key = f"findings {run.run_id}", environment().cursor_key
    after = open_cursor(query.cursor, name, key)["after"] if query.cursor else None
    page, last = runs.findings_page(run.run_id, limit=query.limit, after=after)
    cursor = seal({"after": last}, name, key) if last else None
    return http.Response(run_details(run, page, cursor))
