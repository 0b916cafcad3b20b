"""A real shop's month: its sales placed as orders and sent, its cancellations taken back.

The file's SKUs become products, and each SKU's stock is set to the units the file sells,
so that all orders fit and only what is returned is left over. A second run finds the
products, sets the stock again and places new orders.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from commerce.catalog.model import Category, Product, ProductVariant
from commerce.catalog.store import PRODUCT_ID_PREFIX
from commerce.ids import new_id
from commerce.stock.model import Adjustment, Stock
from commerce.stock.store import StockStore
from pushcart.cancellations import Matching
from pushcart.checkouts import Checkout
from pushcart.cloud import Cloud
from pushcart.counting import Check, Stores, count, each_of
from pushcart.invoices import Invoice, units_sold
from pushcart.problems import CommandFailed
from pushcart.progress import Report, Step
from pushcart.warehouse import Warehouse

_CURRENCY = "GBP"
# With its lists, handle and category a product of so many variants is one transaction.
_VARIANTS_A_PRODUCT = 90
_TITLE_CHARS_MAX = 200
_CATEGORY = Category("online-retail", "Online Retail")

# Gives the id of what it made or did something with.
Job = Callable[[], str]


@dataclass(frozen=True)
class Run:
    """What came of some jobs; `ids` by name of the job, `failed` likewise with why."""

    ids: Mapping[str, str]
    failed: Mapping[str, str]
    seconds: float

    @property
    def pace(self) -> str:
        """How many were done a second."""
        return f"{len(self.ids) / self.seconds:.1f} a second"


class Replay:
    """One replay of a file's sales and of the cancellations that match them."""

    def __init__(
        self,
        cloud: Cloud,
        sales: Sequence[Invoice],
        matching: Matching,
        checkout: Checkout,
        warehouse: Warehouse,
        workers: int,
    ) -> None:
        self._stores = Stores(cloud)
        self._sales, self._matching = sales, matching
        self._checkout, self._warehouse, self._workers = checkout, warehouse, workers
        self._order_ids: Mapping[str, str] = {}
        self.failed: dict[str, str] = {}
        self.checks: list[Check] = []

    @property
    def went_well(self) -> bool:
        """Whether nothing was refused and every count is right."""
        return not self.failed and all(check.holds for check in self.checks)

    @property
    def steps(self) -> Sequence[Step]:
        """What is done, in this order."""
        return (
            Step("Preparing", lambda _, report: prepare(self._stores, self._sales, report)),
            Step("Placing", lambda _, report: self._place(report)),
            Step("Sending", lambda _, report: self._send(report)),
            Step("Returning", lambda _, report: self._take_back(report)),
            Step("Counting", lambda _, report: self._count(report)),
        )

    def _place(self, report: Report) -> str:
        jobs = {sale.number: partial(self._checkout, sale) for sale in self._sales}
        done = self._run("invoice", jobs, report)
        self._order_ids = done.ids
        return f"{len(done.ids):,} orders, {done.pace}"

    def _send(self, report: Report) -> str:
        def send(order_id: str) -> str:
            self._warehouse.send(order_id)
            return order_id

        jobs = {number: partial(send, order_id) for number, order_id in self._order_ids.items()}
        done = self._run("parcel of invoice", jobs, report)
        return f"{len(done.ids):,} orders packed, shipped and delivered, {done.pace}"

    def _take_back(self, report: Report) -> str:
        jobs = {
            each.name: partial(self._warehouse.take_back, self._order_ids[each.invoice], each.units)
            for each in self._matching.returns
            if each.invoice in self._order_ids
        }
        done = self._run("return", jobs, report)
        return "\n".join([f"{len(done.ids):,} returns, {done.pace}", *summary(self._matching)])

    def _count(self, report: Report) -> str:
        self.checks = count(self._stores, self._sales, self._matching, self._order_ids, report)
        return "all right" if all(check.holds for check in self.checks) else "not all right"

    def _run(self, what: str, jobs: Mapping[str, Job], report: Report) -> Run:
        done = run(jobs, self._workers, report)
        self.failed |= {f"{what} {name}": why for name, why in done.failed.items()}
        return done


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
    _stock_exactly(stores.stock, stores.settings.current().first_location, units, report)
    return f"{len(units):,} SKUs, {len(variants):,} of them new, {sum(units.values()):,} units"


def run(jobs: Mapping[str, Job], workers: int, report: Report) -> Run:
    """Do jobs, some at a time; one that is refused does not stop the rest."""
    ids: dict[str, str] = {}
    failed: dict[str, str] = {}
    started = time.monotonic()
    pool = ThreadPoolExecutor(workers)
    try:
        running = {pool.submit(job): name for name, job in jobs.items()}
        for done, future in enumerate(as_completed(running), start=1):
            name = running[future]
            try:
                ids[name] = future.result()
            except CommandFailed as failure:
                failed[name] = str(failure)
            pace = done / (time.monotonic() - started)
            report.doing(f"{done:,} of {len(jobs):,}, {pace:.1f} a second")
            report.at(done, len(jobs))
    finally:
        # After Ctrl-C only what is under way is waited for.
        pool.shutdown(cancel_futures=True)
    return Run(ids, failed, time.monotonic() - started)


def summary(matching: Matching) -> list[str]:
    """Say what becomes of the cancellations, and of what of them is no return why not."""
    total = matching.wholly + matching.in_part + matching.not_at_all
    left = (f"{count:,} {why}" for why, count in matching.left_out.items())
    how = (
        f"{total:,} cancellations: {matching.wholly:,} whole, {matching.in_part:,} in part, "
        f"{matching.not_at_all:,} not at all"
    )
    return [how, f"lines left out: {', '.join(left) or 'none'}"]


def _stock_exactly(
    stock: StockStore, location: str, units: Mapping[str, int], report: Report
) -> None:
    now = datetime.now(UTC)
    stock.open_many(units, now, by="replay", location=location)
    levels = stock.levels(units)
    wrong = [sku for sku, wanted in units.items() if levels[sku].available != wanted]

    def correct(sku: str) -> Stock:
        delta = units[sku] - levels[sku].available
        return stock.adjust(
            Adjustment(new_id("adj", now), sku, location, delta, "replay", "replay", now)
        )

    for done, _ in enumerate(each_of(correct, wrong), start=1):
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
