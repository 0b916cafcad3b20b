"""Read a return."""

from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import NotFound
from commerce.orders.records import RecordStore
from commerce.returns.operations import read_return
from commerce.returns.schema import ReturnView, return_view

records = RecordStore(Table(environment().orders_table))


@http.operation(
    "GET /admin/returns/{id}",
    "Read a return",
    returns=ReturnView,
    problems=(NotFound,),
)
def handler(request: http.Request[http.Nothing, http.Nothing]) -> http.Response:
    """Answer with the return."""
    return http.Response(return_view(*read_return(request.path["id"], records=records)))
