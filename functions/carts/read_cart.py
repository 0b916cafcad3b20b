"""A buyer looks at a cart."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

ports = Ports.of(environment())


@http.operation(
    "GET /store/carts/{id}",
    "Read a cart, priced now",
    returns=CartView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the cart."""
    return http.Response(operations.read_cart(request.path["id"], ports))
