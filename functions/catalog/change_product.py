"""Staff change a product."""

from commerce.catalog import operations
from commerce.catalog.schema import AdminProduct, ProductChanges
from commerce.catalog.store import CatalogStore
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import (
    HandleTaken,
    NotFound,
    PreconditionRequired,
    SkuHasStock,
    SkuTaken,
    StaleVersion,
)
from commerce.stock.store import StockStore

stock = StockStore(Table(environment().stock_table))
catalog = CatalogStore(Table(environment().catalog_table), stock.none_left)


@http.operation(
    "PATCH /admin/products/{id}",
    "Change a product at the version in If-Match",
    body=ProductChanges,
    returns=AdminProduct,
    problems=(NotFound, PreconditionRequired, StaleVersion, HandleTaken, SkuTaken, SkuHasStock),
    before=lambda request: AdminProduct.of(operations.read_product(request.path["id"], catalog)),
)
def handler(request: http.Request[ProductChanges, http.Nothing]) -> http.Response:
    """Answer with the product as it is now."""
    product = operations.change_product(
        request.path["id"], request.body, request.if_match, system_clock(), catalog
    )
    return http.Response.versioned(AdminProduct.of(product), product.version)
