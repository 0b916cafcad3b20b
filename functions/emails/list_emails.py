"""List e-mails to buyers for staff, those of the newest events first."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.emails.model import STATUSES
from commerce.emails.schema import EmailList, EmailsQuery, email_view
from commerce.emails.store import EmailStore
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret

emails = EmailStore(Table(environment().emails_table))
cursors = Cursors(Secret(environment().cursor_secret))


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
    statuses = (query.status,) if query.status else STATUSES
    page, cursor = cursors.page(
        f"emails {query.order_id} {query.status}",
        query.cursor,
        lambda before: emails.newest(statuses, query.order_id, limit=query.limit, before=before),
    )
    return http.Response(EmailList(items=[email_view(each) for each in page], next_cursor=cursor))
