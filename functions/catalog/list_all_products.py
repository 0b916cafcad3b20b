"""Staff look through all products, drafts and archived ones too."""

from commerce.catalog import operations
from commerce.catalog.schema import AdminProductList, AdminProductsQuery
from commerce.catalog.store import CatalogStore
from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor
from commerce.secret import Secret

catalog = CatalogStore(Table(environment().catalog_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/products",
    "List products of any status, newest first",
    query=AdminProductsQuery,
    returns=AdminProductList,
    problems=(InvalidCursor,),
)
def handler(request: http.Request[http.Nothing, AdminProductsQuery]) -> http.Response:
    """Answer with one page."""
    return http.Response(operations.list_all_products(request.query, catalog, cursors))
