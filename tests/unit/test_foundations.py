"""Ids, money, cursors, times and the environment."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import SecretsInMemory, cursors
from commerce import clock, errors, money
from commerce.dynamo.cursor import Cursors
from commerce.entry.problems import status_of
from commerce.environment import Environment
from commerce.ids import derived_id, is_id, new_id
from commerce.secret import Secret

moments = st.integers(0, 4_000_000_000_000_000).map(
    lambda microseconds: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
)


@given(moments, moments)
def test_ids_sort_by_their_time(one: datetime, other: datetime) -> None:
    earlier, later = sorted((one, other))
    if later - earlier >= timedelta(milliseconds=1):
        assert new_id("cart", earlier) < new_id("cart", later)


@given(moments)
def test_an_id_says_its_kind_and_is_never_made_twice(moment: datetime) -> None:
    first, second = new_id("cart", moment), new_id("cart", moment)
    assert first != second
    assert is_id(first, "cart")
    assert not is_id(first, "order")


def test_a_derived_id_is_one_per_source_and_number_and_hides_its_source() -> None:
    cart = new_id("cart", datetime(2026, 1, 1, tzinfo=UTC))
    ids = {derived_id("order", cart, attempt) for attempt in range(1, 50)}
    assert len(ids) == 49
    assert derived_id("order", cart, 1) in ids
    assert all(is_id(one, "order") and cart[-26:] not in one for one in ids)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_division_rounds_half_away_from_zero(numerator: int, denominator: int) -> None:
    rounded = money.divide_half_up(numerator, denominator)
    rest = abs(numerator) - abs(rounded) * denominator
    assert -denominator <= 2 * rest < denominator
    assert money.divide_half_up(-numerator, denominator) == -rounded


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [(1234, "GBP", "12.34 GBP"), (-5, "EUR", "-0.05 EUR"), (1200, "JPY", "1,200 JPY")],
)
def test_an_amount_is_written_in_its_currencys_digits(
    amount: int, currency: str, text: str
) -> None:
    assert money.to_text(amount, currency) == text


positions = st.text() | st.tuples(st.text(), st.text())


@given(positions)
def test_a_cursor_comes_back_as_it_was_sealed(position: str | tuple[str, str]) -> None:
    assert cursors().open(cursors().seal(position, "orders"), "orders") == position


@given(positions, st.data())
def test_an_altered_cursor_is_refused(position: str | tuple[str, str], data: st.DataObject) -> None:
    cursor = cursors().seal(position, "orders")
    at = data.draw(st.integers(0, len(cursor) - 2))
    other = data.draw(st.sampled_from("ABCxyz019-_").filter(lambda char: char != cursor[at]))
    with pytest.raises(errors.InvalidCursor):
        cursors().open(cursor[:at] + other + cursor[at + 1 :], "orders")


@pytest.mark.parametrize("cursor", ["", "x", "ä", "A" * 40, "!!!!"])
def test_what_was_never_a_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(errors.InvalidCursor):
        cursors().open(cursor, "orders")


def test_a_cursor_fits_only_its_own_list_and_key() -> None:
    cursor = cursors().seal("a", "orders")
    for other, list_name in ((cursors(), "products"), (cursors("another key"), "orders")):
        with pytest.raises(errors.InvalidCursor):
            other.open(cursor, list_name)


def test_pages_are_walked_to_the_end_of_a_list() -> None:
    one_at_a_time = {None: "a", "a": "b", "b": "c"}

    def read(after: str | None) -> tuple[list[str], str | None]:
        thing = one_at_a_time[after]
        return [thing], thing if thing in one_at_a_time else None

    page, cursor = cursors().page("letters", None, read)
    while cursor:
        more, cursor = cursors().page("letters", cursor, read)
        page += more
    assert page == ["a", "b", "c"]


def test_the_key_of_cursors_is_read_for_a_second_page_and_only_once() -> None:
    secrets = SecretsInMemory("key")
    sealing = Cursors(Secret("cursor-secret", secrets))

    def whole(_after: str | None) -> tuple[list[str], str | None]:
        return ["a"], None

    assert sealing.page("letters", None, whole) == (["a"], None)
    with pytest.raises(errors.InvalidCursor):
        sealing.page("letters", "x", whole)
    assert secrets.reads == 0
    sealing.page("letters", sealing.seal("z", "letters"), whole)
    assert secrets.reads == 1


@given(moments)
def test_a_time_comes_back_from_its_text_to_the_millisecond(moment: datetime) -> None:
    back = clock.from_text(clock.to_text(moment))
    assert timedelta() <= moment - back < timedelta(milliseconds=1)


def test_times_are_written_in_utc() -> None:
    moment = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert clock.to_text(moment) == "2026-03-01T10:00:00.000Z"


def test_a_missing_environment_names_everything_that_is_missing() -> None:
    names = [field.name.upper() for field in fields(Environment)]
    with pytest.raises(LookupError) as missing:
        Environment.read(dict.fromkeys(names[2:], "x"))
    assert str(missing.value) == f"missing environment variables: {names[0]}, {names[1]}"


def test_every_named_error_has_a_status() -> None:
    def kinds(base: type[errors.DomainError]) -> list[type[errors.DomainError]]:
        return [one for kind in base.__subclasses__() for one in (kind, *kinds(kind))]

    # One travels between states and is answered as something else; one is a 500 by its nature.
    inside = {errors.PlacedByAnother, errors.InternalError}
    without = {kind for kind in kinds(errors.DomainError) if status_of(kind) == 500}
    assert without == inside
