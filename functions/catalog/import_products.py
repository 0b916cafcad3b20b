"""Staff bring in a product file."""

from functools import partial

from commerce.catalog import imports
from commerce.catalog.import_files import ImportFiles
from commerce.catalog.schema import IMPORT_BYTES_MAX, ImportReport, ImportRequest
from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidImport, NotFound
from commerce.settings.store import SettingsStore
from commerce.stock.operations import open_stock
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table), stock.none_left)
settings = SettingsStore(Table(environment().settings_table))
files = ImportFiles(environment().imports_bucket)


@http.operation(
    "POST /admin/imports",
    "Import a Shopify product CSV; the same file again changes nothing",
    body=ImportRequest,
    body_bytes_max=IMPORT_BYTES_MAX,
    returns=ImportReport,
    problems=(InvalidImport, NotFound),
    creates=True,
)
def handler(request: http.Request[ImportRequest, http.Nothing]) -> http.Response:
    """Answer with what was done and what was left out."""
    first_units = partial(open_stock, stock=stock, catalog=catalog, settings=settings)
    base_currency = settings.current().base_currency
    report = imports.import_products(
        request.body, files, catalog, first_units, system_clock, base_currency
    )
    return http.Response(report)
