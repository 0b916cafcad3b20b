"""Staff look through the stock of all SKUs."""

from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret
from commerce.settings.store import SettingsStore
from commerce.stock.listing import list_stock
from commerce.stock.schema import StockList, StockListQuery
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table))
settings = SettingsStore(Table(environment().settings_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/stock",
    "List stock by SKU; by location, by what is low, out or backordered",
    query=StockListQuery,
    returns=StockList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, StockListQuery]) -> http.Response:
    """Answer with one page."""
    return http.Response(
        list_stock(request.query, stock=stock, catalog=catalog, settings=settings, cursors=cursors)
    )
