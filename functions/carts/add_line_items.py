"""A buyer puts goods into a cart."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import AddLines, CartView
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import CurrencyNotSold

ports = Ports.of(environment())


@http.operation(
    "POST /store/carts/{id}/line-items",
    "Add one line, or up to 250",
    body=AddLines,
    returns=CartView,
    creates=True,
    problems=(*operations.EDIT_REFUSALS, CurrencyNotSold, *operations.LINE_REFUSALS),
)
def handler(request: http.Request[AddLines, http.Nothing]) -> http.Response:
    """Answer with the changed cart."""
    cart = operations.add_line_items(request.path["id"], request.body, ports, request.call)
    return http.Response(cart)
