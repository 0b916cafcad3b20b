"""A buyer says who buys and where the goods go."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView, PatchCart
from commerce.entry import http
from commerce.environment import environment

ports = Ports.of(environment())


@http.operation(
    "PATCH /store/carts/{id}",
    "Change buyer, destination or fulfillment option",
    body=PatchCart,
    returns=CartView,
    problems=(*operations.EDIT_REFUSALS, *operations.OPTION_REFUSALS),
)
def handler(request: http.Request[PatchCart, http.Nothing]) -> http.Response:
    """Answer with the changed cart."""
    cart = operations.patch_cart(request.path["id"], request.body, ports)
    return http.Response(cart)
