"""A buyer looks for a shelf."""

from commerce.catalog import operations
from commerce.catalog.schema import PUBLIC_SECONDS, CategoryList
from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment

catalog = CatalogStore(Table(environment().catalog_table))


@http.operation(
    "GET /store/categories",
    "List the categories that active products are in, with their counts",
    returns=CategoryList,
    public_seconds=PUBLIC_SECONDS,
)
def handler(_request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with all of them."""
    return http.Response(operations.list_categories(catalog))
