"""A buyer changes how many units a line has."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView, ChangeLine
from commerce.entry import http
from commerce.environment import environment

ports = Ports.of(environment())


@http.operation(
    "PATCH /store/carts/{id}/line-items/{line_id}",
    "Set a line's quantity; 0 removes it",
    body=ChangeLine,
    returns=CartView,
    problems=operations.EDIT_REFUSALS,
)
def handler(request: http.Request[ChangeLine, http.Nothing]) -> http.Response:
    """Answer with the changed cart."""
    cart_id, line_id = request.path["id"], request.path["line_id"]
    quantity = request.body.quantity
    return http.Response(operations.change_line_item(cart_id, line_id, quantity, ports))
