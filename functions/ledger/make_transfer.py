"""Move an amount from one account of the books to another."""

from commerce.clock import system_clock
from commerce.dynamo.table import Table
from commerce.entry import http
from commerce.environment import environment
from commerce.errors import InsufficientBalance, NotFound, TransferNotAllowed
from commerce.ledger.operations import make_transfer
from commerce.ledger.schema import EntryView, MakeTransfer, entry_view
from commerce.ledger.store import LedgerStore
from commerce.settings.store import SettingsStore

ledger = LedgerStore(Table(environment().ledger_table))
settings = SettingsStore(Table(environment().settings_table))


@http.operation(
    "POST /admin/accounts/{id}/transfers",
    "Debit an account and credit another",
    body=MakeTransfer,
    returns=EntryView,
    status=201,
    creates=True,
    problems=(NotFound, InsufficientBalance, TransferNotAllowed),
)
def handler(request: http.Request[MakeTransfer, http.Nothing]) -> http.Response:
    """Answer with the entry."""
    entry = make_transfer(
        request.path["id"],
        request.body,
        request.call_key,
        request.caller.name,
        system_clock(),
        ledger=ledger,
        settings=settings,
    )
    return http.Response(entry_view(entry))
