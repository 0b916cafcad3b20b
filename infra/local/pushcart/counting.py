"""What must be true after a replay: everything is read back and compared with the file."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from commerce.catalog.store import CatalogStore
from commerce.dynamo.table import Table
from commerce.ledger.store import LedgerStore
from commerce.lifecycle import COMPLETED, DELIVERED, PARTIALLY_RETURNED, RETURNED
from commerce.money import to_text
from commerce.orders.record import OrderRecord
from commerce.orders.records import RecordStore
from commerce.payments.model import Payment
from commerce.payments.provider import ProviderPayment
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.settings.store import SettingsStore
from commerce.stock.model import Stock
from commerce.stock.store import StockStore
from pushcart.cancellations import Matching
from pushcart.cloud import Cloud
from pushcart.invoices import Invoice, units_sold
from pushcart.progress import Report

_CURRENCY = "GBP"
_READERS = 8

Given = TypeVar("Given")
Got = TypeVar("Got")


@dataclass(frozen=True)
class Check:
    """Something that was counted, and what it must be."""

    what: str
    expected: str
    found: str

    @property
    def holds(self) -> bool:
        """Whether the count is right."""
        return self.expected == self.found


class Stores:
    """The shop's own stores, with the rights of the account's owner."""

    def __init__(self, cloud: Cloud) -> None:
        outputs = cloud.stack_outputs()

        def table(name: str) -> Table:
            return Table(outputs[f"{name}TableName"], cloud.dynamodb)

        self.catalog = CatalogStore(table("Catalog"))
        self.stock = StockStore(table("Stock"))
        self.settings = SettingsStore(table("Settings"))
        self.records = RecordStore(table("Orders"))
        self.payments = PaymentStore(table("Payments"))
        self.ledger = LedgerStore(table("Ledger"))
        self.provider = SandboxProvider(table("Sandbox"))


def count(
    stores: Stores,
    sales: Sequence[Invoice],
    matching: Matching,
    order_ids: Mapping[str, str],
    report: Report,
) -> list[Check]:
    """Read every order, payment and SKU back, the ledger and the provider's books, and compare.

    Parameters
    ----------
    order_ids
        The orders that were placed, by invoice number.
    """
    ids = list(order_ids.values())
    report.doing("orders")
    records = list(each_of(stores.records.get, ids))
    report.doing("payments, the ledger and the provider's books")
    payments = [paid for paid in each_of(stores.payments.get, ids) if paid]
    found = list(each_of(stores.provider.find, ids))
    books = [held for held in found if held]
    cash = [sum(entries.values()) for entries in each_of(stores.ledger.cash_of_order, ids)]
    agreeing = sum(ours == held.net for ours, held in zip(cash, found, strict=True) if held)
    trial = stores.ledger.trial_balance()
    report.doing("stock")
    units = units_sold(sales)
    levels = stores.stock.levels(units)
    return [
        *_of_orders(records, sales, matching),
        *_of_money(records, matching, payments, books),
        _number("ledger as the provider's books", len(sales), agreeing),
        *(
            Check(
                "trial balance", to_text(0, currency), to_text(left.debits - left.credits, currency)
            )
            for currency, left in trial.items()
        ),
        _number("SKUs at initial - sold + returned", len(units), _right(levels, matching)),
    ]


def each_of(read: Callable[[Given], Got], given: Sequence[Given]) -> Iterator[Got]:
    """Read, some at a time; in the order of what is given."""
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(read, given)


def _of_orders(
    records: Sequence[OrderRecord], sales: Sequence[Invoice], matching: Matching
) -> Iterator[Check]:
    orders = [record.order for record in records]
    yield _number("orders completed", len(sales), sum(one.status == COMPLETED for one in orders))
    found = Counter(one.fulfillment_status for one in orders)
    expected = _expected_statuses(sales, matching)
    for status in (DELIVERED, PARTIALLY_RETURNED, RETURNED):
        yield _number(f"of them {status.replace('_', ' ')}", expected[status], found[status])
    goods = sum(sale.goods for sale in sales)
    yield _amount("goods total", goods, sum(one.totals["subtotal"] for one in orders))


def _expected_statuses(sales: Sequence[Invoice], matching: Matching) -> Counter[str]:
    """Count the orders by what the file says becomes of their units."""
    back: Counter[str] = Counter()
    for each in matching.returns:
        back[each.invoice] += sum(each.units.values())
    expected: Counter[str] = Counter()
    for sale in sales:
        sold = sum(line.quantity for line in sale.lines)
        some = PARTIALLY_RETURNED if back[sale.number] else DELIVERED
        expected[RETURNED if back[sale.number] == sold else some] += 1
    return expected


def _of_money(
    records: Sequence[OrderRecord],
    matching: Matching,
    payments: Sequence[Payment],
    books: Sequence[ProviderPayment],
) -> Iterator[Check]:
    """Compare what was moved with the orders' totals, and with the file's cancellations."""
    total = sum(record.order.total for record in records)
    yield _amount("captured", total, sum(paid.captured for paid in payments))
    yield _amount("captured at the provider", total, sum(held.captured for held in books))
    yield _amount("still held there", 0, sum(held.held for held in books))
    worth = sum(each.worth for each in matching.returns)
    yield _amount("refunded", worth, sum(paid.refunded for paid in payments))
    yield _amount("refunded at the provider", worth, sum(held.refunded for held in books))


def _right(levels: Mapping[str, Stock], matching: Matching) -> int:
    """Count the SKUs of which exactly what was returned is left; their stock was what is sold."""
    back = matching.units
    return sum(
        (level.available, level.reserved) == (back.get(sku, 0), 0) for sku, level in levels.items()
    )


def _number(what: str, expected: int, found: int) -> Check:
    return Check(what, f"{expected:,}", f"{found:,}")


def _amount(what: str, expected: int, found: int) -> Check:
    return Check(what, to_text(expected, _CURRENCY), to_text(found, _CURRENCY))
