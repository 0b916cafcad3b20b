"""List e-mails to buyers for staff, those of the newest events first."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.emails.model import STATUSES
from commerce.emails.schema import EmailList, EmailsQuery, email_view
from commerce.emails.store import EmailStore
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor

emails = EmailStore(Table(environment().emails_table))


@http.operation(
    "GET /admin/emails",
    "List e-mails to buyers, newest first",
    query=EmailsQuery,
    returns=EmailList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, EmailsQuery]) -> http.Response:
    """Answer with a page of the e-mails of the last 90 days."""
    query = request.query
    name, key = f"emails {query.order_id} {query.status}", environment().cursor_key
    before = open_cursor(query.cursor, name, key)["before"] if query.cursor else None
    statuses = (query.status,) if query.status else STATUSES
    page, last = emails.newest(statuses, query.order_id, limit=query.limit, before=before)
    cursor = seal({"before": last}, name, key) if last else None
    return http.Response(EmailList(items=[email_view(each) for each in page], next_cursor=cursor))
