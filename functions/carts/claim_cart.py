"""A customer makes a cart theirs."""

from commerce.carts.operations import EDIT_REFUSALS
from commerce.carts.ports import Ports
from commerce.carts.schema import CartView
from commerce.customers.belongings import claim_own_cart
from commerce.customers.store import CustomerStore
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import SessionEnded

ports = Ports.of(environment())
customers = CustomerStore(Table(environment().customers_table))


@http.operation(
    "POST /store/customers/me/carts/{id}/claim",
    "Make a cart mine, so that its order is mine",
    returns=CartView,
    problems=(*EDIT_REFUSALS, SessionEnded),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the cart; it is still used by its id."""
    cart_id, customer_id = request.path["id"], request.caller.id
    cart = claim_own_cart(cart_id, customer_id, ports=ports, customers=customers)
    return http.Response(cart)
