"""List API keys, newest first."""

from commerce.api_keys.schema import ApiKeyList, ApiKeyView
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import system_clock
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.pages import PageQuery
from commerce.secret import Secret

keys = ApiKeyStore(Table(environment().api_keys_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/api-keys",
    "List API keys, newest first",
    query=PageQuery,
    returns=ApiKeyList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, PageQuery]) -> http.Response:
    """Answer with a page of keys, revoked ones too, and with no secret."""
    query, now = request.query, system_clock()
    page, cursor = cursors.page(
        "keys", query.cursor, lambda before: keys.newest(query.limit, before)
    )
    items = [ApiKeyView.of(key, now) for key in page]
    return http.Response(ApiKeyList(items=items, next_cursor=cursor))
