"""Read a SKU's stock and who changed it."""

from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.secret import Secret
from commerce.stock.operations import read_stock
from commerce.stock.schema import StockQuery, StockView, stock_view
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/stock/{sku}",
    "Read a SKU's stock, by location, and its adjustments",
    query=StockQuery,
    returns=StockView,
    problems=(NotFound, InvalidCursor),
)
def handler(request: http.Request[http.Nothing, StockQuery]) -> http.Response:
    """Answer with the stock and a page of its adjustments."""
    sku, query = request.path["sku"], request.query
    found = read_stock(sku, stock=stock, catalog=catalog)
    adjustments, cursor = cursors.page(
        f"adjustments {sku}",
        query.cursor,
        lambda before: stock.adjustments(sku, limit=query.limit, before=before),
    )
    return http.Response.versioned(stock_view(found, adjustments, cursor), found.version)
