"""Read an account of the books."""

from commerce.dynamo.cursor import open_cursor, seal
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InvalidCursor, NotFound
from commerce.ledger.operations import read_account
from commerce.ledger.schema import AccountQuery, AccountView, account_view
from commerce.ledger.store import LedgerStore

ledger = LedgerStore(Table(environment().ledger_table))


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
    name, key = f"postings {account}", environment().cursor_key
    before = open_cursor(query.cursor, name, key)["before"] if query.cursor else None
    balances = read_account(account, ledger=ledger)
    postings, last = ledger.postings(account, limit=query.limit, before=before)
    cursor = seal({"before": last}, name, key) if last else None
    return http.Response(account_view(account, balances, postings, cursor))
