"""Staff take the catalogue with them."""

from commerce.catalog import exports
from commerce.catalog.schema import ExportPage, ExportQuery
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret
from commerce.settings.store import SettingsStore

catalog = CatalogStore(Table(environment().catalog_table))
settings = SettingsStore(Table(environment().settings_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/products/export",
    "Export products of any status as Shopify product CSV, a file a page",
    query=ExportQuery,
    returns=ExportPage,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, ExportQuery]) -> http.Response:
    """Answer with one page."""
    return http.Response(
        exports.export_products(request.query, catalog, cursors, settings.current())
    )
