"""A buyer looks at one product."""

from commerce.catalog import operations
from commerce.catalog.schema import PUBLIC_SECONDS, StoreProduct
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.settings.recent import RecentSettings
from commerce.settings.store import SettingsStore
from commerce.stock.store import StockStore

catalog = CatalogStore(Table(environment().catalog_table))
on_sale = operations.OnSale(
    StockStore(Table(environment().stock_table)).available,
    RecentSettings(SettingsStore(Table(environment().settings_table))),
)


@http.operation(
    "GET /store/products/{id}",
    "Read an active product by its id or handle",
    returns=StoreProduct,
    public_seconds=PUBLIC_SECONDS,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the product."""
    return http.Response(operations.read_store_product(request.path["id"], catalog, on_sale))
