"""Read one entry of the audit trail."""

from commerce.audit.schema import AuditEntryView, entry_view
from commerce.audit.store import AuditTrail
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

trail = AuditTrail(Table(environment().audit_table))


@http.operation(
    "GET /admin/audit-entries/{id}",
    "Read an audit entry",
    returns=AuditEntryView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the entry, and how it ended where that is known."""
    return http.Response(entry_view(trail.get(request.path["id"])))
