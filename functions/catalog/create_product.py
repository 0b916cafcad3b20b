"""Staff add a product."""

from commerce.catalog import operations
from commerce.catalog.schema import AdminProduct, NewProduct
from commerce.catalog.store import PRODUCT_ID_PREFIX, CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.calls import Calls
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import HandleTaken, SkuTaken

catalog = CatalogStore(Table(environment().catalog_table))
calls = Calls(Table(environment().catalog_table))


@http.operation(
    "POST /admin/products",
    "Create a product with up to 100 variants",
    body=NewProduct,
    returns=AdminProduct,
    status=201,
    problems=(HandleTaken, SkuTaken),
    creates=True,
)
def handler(request: http.Request[NewProduct, http.Nothing]) -> http.Response:
    """Answer with the product and where it is."""
    now = system_clock()
    product_id = calls.id_for(request.call, PRODUCT_ID_PREFIX, now)
    product = operations.create_product(request.body, product_id, now, catalog)
    answer = http.Response.versioned(AdminProduct.of(product), product.version)
    answer.headers["Location"] = f"/admin/products/{product_id}"
    return answer
