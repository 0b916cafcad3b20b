"""A real shop's sales, placed as orders and counted afterwards.

The file's SKUs become products, and each SKU's stock is set to the units the file sells,
so that all orders fit and nothing is left over. A second run finds the products, sets
the stock again and places new orders.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from commerce.catalog.model import Category, Product, ProductVariant
from commerce.catalog.store import PRODUCT_ID_PREFIX, CatalogStore
from commerce.dynamo.table import Table
from commerce.ids import new_id
from commerce.lifecycle import CONFIRMED
from commerce.money import to_text
from commerce.orders.store import OrderStore
from commerce.payments.sandbox import SandboxProvider
from commerce.payments.store import PaymentStore
from commerce.stock.model import MAIN_LOCATION, Adjustment, Stock
from commerce.stock.store import StockStore
from pushcart.checkouts import Checkout
from pushcart.cloud import Cloud
from pushcart.invoices import Invoice, units_sold
from pushcart.problems import CommandFailed
from pushcart.progress import Report

_CURRENCY = "GBP"
# With its lists, handle and category a product of so many variants is one transaction.
_VARIANTS_A_PRODUCT = 90
_TITLE_CHARS_MAX = 200
_READERS = 8
_CATEGORY = Category("online-retail", "Online Retail")

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


@dataclass(frozen=True)
class Run:
    """What came of a replay; `order_ids` by invoice number, `refused` likewise with why."""

    order_ids: Mapping[str, str]
    refused: Mapping[str, str]
    seconds: float

    @property
    def orders_per_second(self) -> float:
        """The pace of the checkouts alone."""
        return len(self.order_ids) / self.seconds


class Stores:
    """The shop's own stores, with the rights of the account's owner."""

    def __init__(self, cloud: Cloud) -> None:
        outputs = cloud.stack_outputs()

        def table(name: str) -> Table:
            return Table(outputs[f"{name}TableName"], cloud.dynamodb)

        self.catalog = CatalogStore(table("Catalog"))
        self.stock = StockStore(table("Stock"))
        self.orders = OrderStore(table("Orders"))
        self.payments = PaymentStore(table("Payments"))
        self.provider = SandboxProvider(table("Sandbox"))


def prepare(stores: Stores, invoices: Sequence[Invoice], report: Report) -> str:
    """Make a variant of each SKU the invoices sell, and stock exactly the units they sell."""
    units = units_sold(invoices)
    report.doing(f"{len(units):,} SKUs")
    lines = {line.sku: line for invoice in invoices for line in invoice.lines}
    known = stores.catalog.variants(units)
    variants = [
        _variant(sku, line.title, line.unit_price)
        for sku, line in lines.items()
        if sku not in known
    ]
    for done, some in enumerate(_parts(variants), start=1):
        stores.catalog.add(_product(some))
        report.at(done * _VARIANTS_A_PRODUCT, len(variants))
    report.doing("stock")
    _stock_exactly(stores.stock, units, report)
    return f"{len(units):,} SKUs, {len(variants):,} of them new, {sum(units.values()):,} units"


def run(invoices: Sequence[Invoice], checkout: Checkout, workers: int, report: Report) -> Run:
    """Place an order for each invoice, some at a time; a refused one does not stop the rest."""
    order_ids: dict[str, str] = {}
    refused: dict[str, str] = {}
    started = time.monotonic()
    pool = ThreadPoolExecutor(workers)
    try:
        running = {pool.submit(checkout, invoice): invoice for invoice in invoices}
        for done, future in enumerate(as_completed(running), start=1):
            number = running[future].number
            try:
                order_ids[number] = future.result()
            except CommandFailed as failure:
                refused[number] = str(failure)
            pace = done / (time.monotonic() - started)
            report.doing(f"{done:,} of {len(invoices):,}, {pace:.1f} a second")
            report.at(done, len(invoices))
    finally:
        # After Ctrl-C only what is under way is waited for.
        pool.shutdown(cancel_futures=True)
    return Run(order_ids, refused, time.monotonic() - started)


def count(stores: Stores, invoices: Sequence[Invoice], run: Run, report: Report) -> list[Check]:
    """Read every order, payment and SKU back, and the provider's books, and compare."""
    report.doing("orders")
    order_ids = list(run.order_ids.values())
    orders = [order for order in _all(stores.orders.get, order_ids) if order.status == CONFIRMED]
    report.doing("payments and the provider's books")
    payments = [paid for paid in _all(stores.payments.get, order_ids) if paid]
    books = [held for held in _all(stores.provider.find, order_ids) if held and held.held]
    report.doing("stock")
    units = units_sold(invoices)
    empty = [level for level in stores.stock.levels(units).values() if level.available == 0]
    total = sum(order.total for order in orders)
    return [
        Check("orders confirmed", f"{len(invoices):,}", f"{len(orders):,}"),
        _amounts(
            "goods total",
            sum(invoice.goods for invoice in invoices),
            sum(order.totals["subtotal"] for order in orders),
        ),
        Check("SKUs with nothing left", f"{len(units):,}", f"{len(empty):,}"),
        _amounts("payments recorded", total, sum(paid.amount for paid in payments)),
        _amounts("held at the provider", total, sum(held.amount for held in books)),
    ]


def _amounts(what: str, expected: int, found: int) -> Check:
    return Check(what, to_text(expected, _CURRENCY), to_text(found, _CURRENCY))


def _stock_exactly(stock: StockStore, units: Mapping[str, int], report: Report) -> None:
    now = datetime.now(UTC)
    stock.open_many(units, now, by="replay")
    levels = stock.levels(units)
    wrong = [sku for sku, wanted in units.items() if levels[sku].available != wanted]

    def correct(sku: str) -> Stock:
        delta = units[sku] - levels[sku].available
        return stock.adjust(
            Adjustment(new_id("adj", now), sku, MAIN_LOCATION, delta, "replay", "replay", now)
        )

    for done, _ in enumerate(_all(correct, wrong), start=1):
        report.at(done, len(wrong))


def _variant(sku: str, title: str, unit_price: int) -> ProductVariant:
    return ProductVariant(
        sku=sku,
        title=title[:_TITLE_CHARS_MAX],
        prices={_CURRENCY: unit_price},
        option_values={"Item": sku},
        compare_at_prices={},
        weight_grams=0,
        tax_class="standard",
        requires_shipping=True,
        barcode="",
    )


def _product(variants: Sequence[ProductVariant]) -> Product:
    now = datetime.now(UTC)
    product_id = new_id(PRODUCT_ID_PREFIX, now)
    return Product(
        product_id=product_id,
        handle=f"online-retail-{product_id[-12:]}",
        title=f"Online Retail, {variants[0].sku} and more",
        description="",
        vendor="UCI Online Retail",
        tags=(),
        status="active",
        categories=(_CATEGORY,),
        media=(),
        variants=tuple(variants),
        version=1,
        created_at=now,
        updated_at=now,
    )


def _parts(variants: Sequence[ProductVariant]) -> Iterator[Sequence[ProductVariant]]:
    for start in range(0, len(variants), _VARIANTS_A_PRODUCT):
        yield variants[start : start + _VARIANTS_A_PRODUCT]


def _all(read: Callable[[Given], Got], given: Sequence[Given]) -> Iterator[Got]:
    with ThreadPoolExecutor(_READERS) as pool:
        yield from pool.map(read, given)
