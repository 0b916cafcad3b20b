"""A buyer asks how the goods can be delivered."""

from commerce.carts import operations
from commerce.carts.ports import Ports
from commerce.carts.schema import FulfillmentOptionList
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound

ports = Ports.of(environment())


@http.operation(
    "GET /store/carts/{id}/fulfillment-options",
    "List the fulfillment options of a cart's destination",
    returns=FulfillmentOptionList,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with all options, cheapest first."""
    return http.Response(operations.list_fulfillment_options(request.path["id"], ports))
