"""What an audit entry tells of a change, and what it never tells."""

from __future__ import annotations

from typing import Any

import pytest

from commerce.audit.model import REDACTED, Change, changes_between


def changes(before: Any, after: Any) -> dict[str, tuple[Any, Any]]:
    found, left_out = changes_between(before, after)
    assert left_out == 0
    return {each.path: (each.before, each.after) for each in found}


def test_only_the_fields_that_differ_are_told() -> None:
    before = {"title": "Mug", "tags": ["a", "b"], "prices": {"GBP": 950, "EUR": 1100}}
    after = {"title": "Mug", "tags": ["a"], "prices": {"GBP": 900, "EUR": 1100, "JPY": 1}}
    assert changes(before, after) == {
        "$.tags[1]": ("b", None),
        "$.prices.GBP": (950, 900),
        "$.prices.JPY": (None, 1),
    }


def test_what_is_new_or_gone_is_told_field_by_field() -> None:
    thing = {"id": "x", "lines": [{"sku": "MUG", "quantity": 2}], "notes": []}
    fields = {"$.id": "x", "$.lines[0].sku": "MUG", "$.lines[0].quantity": 2}
    assert changes(None, thing) == {path: (None, value) for path, value in fields.items()}
    assert changes(thing, None) == {path: (value, None) for path, value in fields.items()}


@pytest.mark.parametrize(("before", "after"), [({"a": 1}, [1]), ([], {"a": 1}), ("1", {"a": 1})])
def test_a_value_of_another_shape_is_told_in_parts(before: Any, after: Any) -> None:
    paths = changes({"value": before}, {"value": after}).keys()
    assert paths
    assert paths <= {"$.value", "$.value.a", "$.value[0]"}


def test_that_personal_data_and_secrets_changed_is_told_and_not_how() -> None:
    before = {"buyer": {"email": "ada@example.com"}, "secret": "whsec_1", "lines": [{"name": "A"}]}
    after = {"buyer": {"email": "bob@example.com"}, "secret": "whsec_2", "lines": [{"name": "B"}]}
    hidden = (REDACTED, REDACTED)
    assert changes(before, after) == {
        "$.buyer": hidden,
        "$.secret": hidden,
        "$.lines[0].name": hidden,
    }
    assert changes(before, before) == {}
    assert changes({}, after)["$.secret"] == (None, REDACTED)


def test_a_redacted_field_stays_so_where_the_shape_around_it_changes() -> None:
    assert changes({"to": "x"}, {"to": {"email": "ada@example.com"}}) == {
        "$.to": ("x", None),
        "$.to.email": (None, REDACTED),
    }


def test_a_change_that_is_too_large_for_an_entry_is_counted() -> None:
    found, left_out = changes_between(None, {f"field_{n}": "x" * 5000 for n in range(1000)})
    assert found[0] == Change("$.field_0", None, f"{'x' * 500}…")
    assert len(found) + left_out == 1000
    assert left_out > 0
