"""A buyer takes a line out of a cart."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView
from commerce.entry import http
from commerce.environment import environment

ports = Ports.of(environment())


@http.operation(
    "DELETE /store/carts/{id}/line-items/{line_id}",
    "Remove a line",
    returns=CartView,
    problems=operations.EDIT_REFUSALS,
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the changed cart."""
    cart_id, line_id = request.path["id"], request.path["line_id"]
    return http.Response(operations.remove_line_item(cart_id, line_id, ports))
