"""Read what staff and integrations changed, newest first."""

from commerce.audit.schema import AuditEntryList, AuditQuery, entry_view
from commerce.audit.store import AuditTrail, Wanted
from commerce.clock import system_clock
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret

trail = AuditTrail(Table(environment().audit_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/audit-entries",
    "List what staff and integrations changed, newest first",
    query=AuditQuery,
    returns=AuditEntryList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, AuditQuery]) -> http.Response:
    """Answer with a page of entries; one with few matches may be short, and not the last."""
    query = request.query
    wanted = Wanted(query.actor, query.about, query.route, query.day)
    page, cursor = cursors.page(
        f"audit entries {wanted}",
        query.cursor,
        lambda before: trail.newest(wanted, system_clock(), limit=query.limit, before=before),
    )
    items = [entry_view(each) for each in page]
    return http.Response(AuditEntryList(items=items, next_cursor=cursor))
