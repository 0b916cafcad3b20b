"""A buyer looks through the shop."""

from commerce.catalog import operations
from commerce.catalog.schema import PUBLIC_SECONDS, StoreProductList, StoreProductsQuery
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret
from commerce.settings.recent import RecentSettings
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore

catalog = CatalogStore(Table(environment().catalog_table))
on_sale = operations.OnSale(
    StockStore(Table(environment().stock_table)).available,
    RecentSettings(SettingsStore(Table(environment().settings_table))),
)
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /store/products",
    "List active products, newest first",
    query=StoreProductsQuery,
    returns=StoreProductList,
    public_seconds=PUBLIC_SECONDS,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, StoreProductsQuery]) -> http.Response:
    """Answer with one page."""
    return http.Response(operations.list_store_products(request.query, catalog, cursors, on_sale))
