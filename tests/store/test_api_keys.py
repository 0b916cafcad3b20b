"""What the table of API keys takes and refuses, each condition both ways and repeated."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from pydantic import ValidationError

from builders import NOW, table
from commerce.api_keys.model import USE_NOTED_EVERY, hash_of
from commerce.api_keys.operations import key_shown, make_key, rotate_key, storefront_of
from commerce.api_keys.schema import NewApiKey
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import from_text, to_text
from commerce.errors import ApiKeyNotActive, InvalidRequest, NotFound, Unauthenticated
from commerce.ids import new_id
from commerce.settings.store import SettingsStore
from commerce.usage_plans import UsagePlan

pytestmark = pytest.mark.usefixtures("tables")

HOUR = timedelta(hours=1)
SCOPES = ["stock:read", "orders:read", "stock:read"]


class Plan(UsagePlan):
    """Remembers who was let in, or lets in nobody."""

    def __init__(self, *, broken: bool = False) -> None:
        self._broken = broken
        self.admitted: list[str] = []

    def admit(self, usage_key: str, name: str) -> None:  # noqa: ARG002 - the port's
        if self._broken:
            raise TimeoutError("API Gateway did not answer")
        self.admitted.append(usage_key)


class Office:
    """Makes keys and uses them."""

    def __init__(self) -> None:
        self.keys = ApiKeyStore(table("api_keys"))
        self.settings = SettingsStore(table("settings"))
        self.plan = Plan()

    def make(self, number: int = 0, plan: Plan | None = None, **wanted: object) -> tuple[str, str]:
        body = {"name": "Till", "scopes": SCOPES, **wanted}
        now = NOW + timedelta(seconds=number)
        key, secret = make_key(
            NewApiKey.model_validate(body),
            new_id("key", now),
            bytes([number] * 32),
            "ada@example.com",
            NOW,
            keys=self.keys,
            plan=plan or self.plan,
        )
        return key.key_id, secret or key.publishable_text or ""

    def opens(self, secret: str, at: datetime = NOW) -> bool:
        return key_shown(secret, at, keys=self.keys) is not None

    def rotate(self, key_id: str, hours: int, random: bytes, at: datetime = NOW) -> str:
        secret = rotate_key(key_id, hours, random, at, keys=self.keys)[1]
        assert secret
        return secret

    def storefront(self, text: str | None, at: datetime = NOW) -> str | None:
        return storefront_of(text, at, keys=self.keys, settings=self.settings)


@pytest.fixture
def office(tables: None) -> Office:  # noqa: ARG001 - must be there first
    """Give the office of a shop without keys."""
    return Office()


def test_a_key_is_kept_without_its_secret_and_opens_with_it_alone(office: Office) -> None:
    key_id, secret = office.make()
    kept = office.keys.get(key_id)
    assert secret not in str(vars(kept))
    assert (kept.secret_hash, kept.scopes) == (hash_of(secret), ("orders:read", "stock:read"))
    assert office.opens(secret)
    assert not office.opens(secret[:-1] + ("A" if secret[-1] != "A" else "E"))
    assert office.plan.admitted == [key_id.removeprefix("key_")]


def test_a_key_that_api_gateway_was_not_told_of_is_not_made(office: Office) -> None:
    with pytest.raises(TimeoutError):
        office.make(plan=Plan(broken=True))
    assert office.keys.newest(10, None) == ([], None)


def test_a_key_that_would_have_expired_is_not_made(office: Office) -> None:
    with pytest.raises(InvalidRequest):
        office.make(expires_at=to_text(NOW))
    key_id, secret = office.make(expires_at="2026-06-01t12:00:00+02:00".upper())
    expires_at = office.keys.get(key_id).expires_at
    assert expires_at
    assert expires_at.endswith("Z")
    end = from_text(expires_at)
    assert office.opens(secret, end - HOUR)
    assert not office.opens(secret, end)


def test_a_rotated_key_opens_with_the_old_secret_for_the_overlap(office: Office) -> None:
    key_id, first = office.make()
    second = office.rotate(key_id, 2, b"2" * 32)
    assert [office.opens(each, NOW + HOUR) for each in (first, second)] == [True, True]
    assert [office.opens(each, NOW + 2 * HOUR) for each in (first, second)] == [False, True]
    third = office.rotate(key_id, 0, b"3" * 32)
    assert [office.opens(each) for each in (first, second, third)] == [False, False, True]


def test_a_revoked_key_opens_nothing_and_stays_as_it_was_revoked_first(office: Office) -> None:
    key_id, secret = office.make()
    office.rotate(key_id, 5, b"2" * 32)
    first = office.keys.revoke(key_id, "ada@example.com", NOW)
    again = office.keys.revoke(key_id, "bob@example.com", NOW + HOUR)
    assert not office.opens(secret)
    assert first == again == office.keys.get(key_id)
    assert (again.revoked_by, again.secret_hash, again.previous_hash) == (
        "ada@example.com",
        None,
        None,
    )
    with pytest.raises(ApiKeyNotActive):
        office.rotate(key_id, 1, b"3" * 32)
    with pytest.raises(ApiKeyNotActive):
        office.keys.rotate(key_id, hash_of("x"), HOUR, NOW)


def test_a_publishable_key_has_no_secret_to_rotate(office: Office) -> None:
    key_id, _ = office.make(type="publishable", scopes=[])
    with pytest.raises(ApiKeyNotActive):
        office.rotate(key_id, 1, b"3" * 32)
    assert office.plan.admitted == []


@pytest.mark.parametrize("key_id", [f"key_{'0' * 36}", "key_1", "x" * 3000])
def test_what_is_not_there_is_not_found(office: Office, key_id: str) -> None:
    with pytest.raises(NotFound):
        office.keys.get(key_id)
    if len(key_id) == 40:
        with pytest.raises(NotFound):
            office.keys.revoke(key_id, "ada", NOW)
        with pytest.raises(NotFound):
            office.keys.rotate(key_id, hash_of("x"), HOUR, NOW)


def test_a_use_is_noted_at_once_and_then_every_five_minutes(office: Office) -> None:
    key_id, secret = office.make()
    seen = []
    for at in (NOW, NOW + USE_NOTED_EVERY / 2, NOW + USE_NOTED_EVERY):
        assert office.opens(secret, at)
        seen.append(office.keys.get(key_id).last_used_at)
    assert seen == [to_text(NOW), to_text(NOW), to_text(NOW + USE_NOTED_EVERY)]
    office.keys.note_use(key_id, NOW + USE_NOTED_EVERY * 1.5)
    assert office.keys.get(key_id).last_used_at == seen[-1]


def test_keys_are_listed_newest_first_page_by_page(office: Office) -> None:
    made = [office.make(number)[0] for number in range(3)]
    first, last = office.keys.newest(2, None)
    rest, _ = office.keys.newest(2, last)
    assert [key.key_id for key in first + rest] == made[::-1]


# --- publishable keys ---------------------------------------------------------


def test_a_publishable_key_names_its_storefront_until_it_is_revoked(office: Office) -> None:
    key_id, text = office.make(type="publishable", scopes=[], name="App")
    assert office.storefront(text) == key_id
    assert office.storefront(None) is None
    office.keys.revoke(key_id, "ada@example.com", NOW)
    with pytest.raises(Unauthenticated):
        office.storefront(text)


def test_a_secret_key_is_no_storefronts(office: Office) -> None:
    key_id, secret = office.make()
    for text in (secret, f"pk_{key_id.removeprefix('key_')}", "", "pk_", "x" * 3000):
        with pytest.raises(Unauthenticated):
            office.storefront(text)


def test_a_key_expires_in_no_year_that_is_long_gone() -> None:
    body = {"name": "Till", "scopes": ["stock:read"], "expires_at": "0078-09-15T03:12:32.81Z"}
    with pytest.raises(ValidationError, match="must not be before 2000"):
        NewApiKey.model_validate(body)
