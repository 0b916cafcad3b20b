"""Move units of a SKU between two stock locations."""

from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.entry.idempotency import digest
from commerce.environment import environment
from commerce.errors import InsufficientStock, NotFound, TransactionConflict
from commerce.settings.store import SettingsStore
from commerce.stock.operations import read_stock, transfer_stock
from commerce.stock.schema import StockView, TransferStock, stock_view
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "POST /admin/stock-transfers",
    "Move units of a SKU from one location to another",
    body=TransferStock,
    returns=StockView,
    status=201,
    creates=True,
    problems=(NotFound, InsufficientStock, TransactionConflict),
    before=lambda request: stock_view(read_stock(request.body.sku, stock=stock, catalog=catalog)),
)
def handler(request: http.Request[TransferStock, http.Nothing]) -> http.Response:
    """Answer with the stock as it is now."""
    changed = transfer_stock(
        request.body,
        digest(request.call_key),
        request.caller.name,
        system_clock(),
        stock=stock,
        catalog=catalog,
        settings=settings,
    )
    return http.Response.versioned(stock_view(changed), changed.version)
