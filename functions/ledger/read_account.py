"""Read an account of the books."""

from commerce.dynamo.cursor import Cursors
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.ledger.operations import read_account
from commerce.ledger.schema import AccountQuery, AccountView, account_view
from commerce.ledger.store import LedgerStore
from commerce.secret import Secret

ledger = LedgerStore(Table(environment().ledger_table))
cursors = Cursors(Secret(environment().cursor_secret))


@http.operation(
    "GET /admin/accounts/{id}",
    "Read an account: its balances, and its entries, newest first",
    query=AccountQuery,
    returns=AccountView,
    problems=(NotFound, InvalidCursor),
)
def handler(request: http.Request[http.Nothing, AccountQuery]) -> http.Response:
    """Answer with the balances and a page of the entries."""
    account, query = request.path["id"], request.query
    balances = read_account(account, ledger=ledger)
    postings, cursor = cursors.page(
        f"postings {account}",
        query.cursor,
        lambda before: ledger.postings(account, limit=query.limit, before=before),
    )
    return http.Response(account_view(account, balances, postings, cursor))
