"""List API keys, newest first."""

from commerce.api_keys.schema import ApiKeyList, ApiKeyView
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.pages import PageQuery

keys = ApiKeyStore(Table(environment().api_keys_table))


@http.operation(
    "GET /admin/api-keys",
    "List API keys, newest first",
    query=PageQuery,
    returns=ApiKeyList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, PageQuery]) -> http.Response:
    """Answer with a page of keys, revoked ones too, and with no secret."""
    query, now, sealed_with = request.query, system_clock(), environment().cursor_key
    before = open_cursor(query.cursor, "keys", sealed_with)["before"] if query.cursor else None
    page, last = keys.newest(query.limit, before)
    cursor = seal({"before": last}, "keys", sealed_with) if last else None
    items = [ApiKeyView.of(key, now) for key in page]
    return http.Response(ApiKeyList(items=items, next_cursor=cursor))
