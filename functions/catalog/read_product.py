"""Staff look at one product."""

from commerce.catalog import operations
from commerce.catalog.schema import AdminProduct
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

catalog = CatalogStore(Table(environment().catalog_table))


@http.operation(
    "GET /admin/products/{id}",
    "Read a product by its id or handle",
    returns=AdminProduct,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the product and its version."""
    product = operations.read_product(request.path["id"], catalog)
    return http.Response.versioned(AdminProduct.of(product), product.version)
