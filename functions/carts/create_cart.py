"""A buyer opens a cart."""

from commerce.api_keys.operations import storefront_of
from commerce.api_keys.store import ApiKeyStore
from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView, CreateCart
from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import Unauthenticated

ports = Ports.of(environment())
keys = ApiKeyStore(Table(environment().api_keys_table))


@http.operation(
    "POST /store/carts",
    "Open a cart",
    body=CreateCart,
    returns=CartView,
    status=201,
    creates=True,
    publishable_key=True,
    problems=(Unauthenticated, *operations.LINE_REFUSALS, *operations.OPTION_REFUSALS),
)
def handler(request: http.Request[CreateCart, http.Nothing]) -> http.Response:
    """Answer with the new cart and where it is."""
    storefront = storefront_of(
        request.publishable_key, system_clock(), keys=keys, settings=ports.settings
    )
    cart = operations.create_cart(request.body, ports, storefront, request.call)
    return http.Response(cart, headers={"Location": f"/store/carts/{cart.id}"})
