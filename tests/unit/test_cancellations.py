"""Which cancelled units of the Online Retail data set are returns of which sales."""

from __future__ import annotations

from pathlib import Path

from pushcart import invoices
from pushcart.cancellations import LeftOut, Matching, match
from pushcart.invoices import Invoice, InvoiceLine, sku_of

DATA = Path(__file__).parents[2] / "../shared/data/online_retail_2010-12.csv.gz"
LANTERN = "85123A"


def invoice(
    number: str, at: int, *units: int, code: str = LANTERN, price: int = 255, customer: str = "ada"
) -> Invoice:
    """Make an invoice of one line for each of these units, at a day of the month."""
    lines = tuple(InvoiceLine(sku_of(code, price), "A LANTERN", count, price) for count in units)
    return Invoice(number, customer, "GB", lines, f"2010-12-{at:02}T09:00:00")


def sent_back(matching: Matching) -> dict[tuple[str, str], list[int]]:
    """Give the units of each return."""
    return {
        (each.cancellation, each.invoice): list(each.units.values()) for each in matching.returns
    }


def test_units_go_back_to_the_newest_earlier_invoice_first_and_none_twice() -> None:
    sales = [invoice("1", 1, 4), invoice("2", 2, 1, 2), invoice("3", 8, 9)]
    cancellations = [invoice("C5", 6, 5), invoice("C6", 5, 1, 3), invoice("C7", 7, 1)]

    matching = match(cancellations, sales)

    # The earlier cancellation comes first, whichever the file has first.
    assert sent_back(matching) == {("C6", "2"): [3], ("C6", "1"): [1], ("C5", "1"): [3]}
    assert (matching.wholly, matching.in_part, matching.not_at_all) == (1, 1, 1)
    assert matching.left_out == {LeftOut.TOO_MANY: 2}
    assert matching.units == {"85123A@255": 7}
    assert sum(each.worth for each in matching.returns) == 7 * 255


def test_what_matches_nothing_is_left_out_with_its_reason() -> None:
    sales = [
        invoice("1", 5, 9),
        invoice("4", 8, 9),
        invoice("2", 5, 9, customer=""),
        invoice("3", 5, 1, code="POST"),
    ]
    cases = {
        LeftOut.NO_CUSTOMER: invoice("C1", 6, 1, customer=""),
        LeftOut.NO_GOODS: invoice("C2", 6, 1, code="POST"),
        LeftOut.OTHER_PRICE: invoice("C4", 6, 1, price=250),
    }
    never_bought = [
        invoice("C5", 6, 1, customer="grace"),
        invoice("C6", 6, 1, code="22745"),
        # Before it, or at the same moment.
        invoice("C7", 4, 1),
        invoice("C8", 5, 1),
        invoice("C9", 4, 1, price=250),
    ]

    for why, cancellation in cases.items():
        assert match([cancellation], sales).left_out == {why: 1}
    matching = match([*cases.values(), *never_bought], sales)
    assert matching.left_out[LeftOut.NOT_BOUGHT] == len(never_bought)
    assert matching.returns == ()
    assert matching.not_at_all == len(cases) + len(never_bought)


if DATA.exists():  # It is no part of the project.

    def test_the_cancellations_of_december_2010_are_counted() -> None:
        matching = match(invoices.read_cancellations(DATA), invoices.read(DATA))

        assert (matching.wholly, matching.in_part, matching.not_at_all) == (120, 23, 183)
        assert (len(matching.lines), sum(matching.units.values())) == (728, 3190)
        assert (len(matching.returns), len({each.invoice for each in matching.returns})) == (
            157,
            146,
        )
        assert sum(each.worth for each in matching.returns) == 800_407
        assert matching.left_out == {
            LeftOut.NOT_BOUGHT: 371,
            LeftOut.NO_CUSTOMER: 38,
            LeftOut.NO_GOODS: 15,
            LeftOut.OTHER_PRICE: 10,
            LeftOut.TOO_MANY: 8,
        }
