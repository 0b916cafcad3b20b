"""List events for staff, newest first."""

from typing import get_args

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.events.schema import EventList, EventsQuery, EventType, event_view
from commerce.events.store import EventStore
from commerce.secret import Secret

events = EventStore(Table(environment().events_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/events",
    "List events, newest first",
    query=EventsQuery,
    returns=EventList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, EventsQuery]) -> http.Response:
    """Answer with a page of the events of the last 90 days."""
    query = request.query
    types = (query.type,) if query.type else get_args(EventType)
    page, cursor = cursors.page(
        f"events {query.aggregate_id} {query.type}",
        query.cursor,
        lambda before: events.newest(types, query.aggregate_id, limit=query.limit, before=before),
    )
    return http.Response(EventList(items=[event_view(each) for each in page], next_cursor=cursor))
