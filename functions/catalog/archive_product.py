"""Staff take a product off sale."""

from commerce.catalog import operations
from commerce.catalog.schema import AdminProduct
from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound, StaleVersion

catalog = CatalogStore(Table(environment().catalog_table))


@http.operation(
    "DELETE /admin/products/{id}",
    "Archive a product; with If-Match only at that version",
    returns=AdminProduct,
    problems=(NotFound, StaleVersion),
    before=lambda request: AdminProduct.of(operations.read_product(request.path["id"], catalog)),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the archived product."""
    version = request.if_match if "if-match" in request.headers else None
    product = operations.archive_product(request.path["id"], version, system_clock(), catalog)
    return http.Response.versioned(AdminProduct.of(product), product.version)
