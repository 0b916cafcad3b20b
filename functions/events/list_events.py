"""List events for staff, newest first."""

from typing import get_args

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.events.schema import EventList, EventsQuery, EventType, event_view
from commerce.events.store import EventStore

events = EventStore(Table(environment().events_table))


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
    name, key = f"events {query.aggregate_id} {query.type}", environment().cursor_key
    before = open_cursor(query.cursor, name, key)["before"] if query.cursor else None
    types = (query.type,) if query.type else get_args(EventType)
    page, last = events.newest(types, query.aggregate_id, limit=query.limit, before=before)
    cursor = seal({"before": last}, name, key) if last else None
    return http.Response(EventList(items=[event_view(each) for each in page], next_cursor=cursor))
