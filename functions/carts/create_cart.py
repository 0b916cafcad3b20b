"""A buyer opens a cart."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView, CreateCart
from commerce.entry import http
from commerce.environment import environment

ports = Ports.of(environment())


@http.operation(
    "POST /store/carts",
    "Open a cart",
    body=CreateCart,
    returns=CartView,
    status=201,
    creates=True,
    problems=(*operations.LINE_REFUSALS, *operations.OPTION_REFUSALS),
)
def handler(request: http.Request[CreateCart, http.Nothing]) -> http.Response:
    """Answer with the new cart and where it is."""
    cart = operations.create_cart(request.body, ports)
    return http.Response(cart, headers={"Location": f"/store/carts/{cart.id}"})
