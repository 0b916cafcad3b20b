"""What the authorizer of the admin API makes of an `Authorization` header."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders import NOW
from commerce.api_keys.model import SECRET, USE_NOTED_EVERY, ApiKey, hash_of, secret_text
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import to_text
from commerce.entry.authorizer import Unauthorized, authorizer
from commerce.errors import Unauthenticated
from commerce.staff.model import API_KEY, STAFF, Principal
from commerce.staff.operations import identify
from commerce.staff_directory import StaffDirectory
from unit.test_http_edge import Context

POOL, CLIENT = "us-east-1_Staff", "back-office"
ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"
CLAIMS = {
    "token_use": "access",
    "client_id": CLIENT,
    "iss": ISSUER,
    "cognito:groups": ["packer", "chess-club", "support"],
}
ARN = "arn:aws:execute-api:us-east-1:000000000000:api1/live/GET/admin/orders"


def _token(**changes: Any) -> str:
    parts = [{"alg": "RS256"}, {**CLAIMS, **changes}, {"signed": True}]
    return ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts
    )


class Cognito:
    """Knows one user behind every token, or has an error to tell."""

    def __init__(self, error: str = "") -> None:
        self._error = error
        self.asked: list[str] = []

    def get_user(self, *, AccessToken: str) -> dict[str, Any]:  # noqa: N803 - its name there
        self.asked.append(AccessToken)
        if self._error:
            raise ClientError({"Error": {"Code": self._error, "Message": "no"}}, "GetUser")
        attributes = {"sub": "sub-1", "email": "ada@example.com"}
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in attributes.items()]}


class Keys(ApiKeyStore):
    """Has one key, and remembers when its use was noted."""

    def __init__(self, key: ApiKey | None = None) -> None:
        self._key = key
        self.noted: list[datetime] = []

    def find(self, key_id: str) -> ApiKey | None:
        return self._key if self._key and key_id == self._key.key_id else None

    def note_use(self, key_id: str, now: datetime) -> None:
        assert self._key
        assert key_id == self._key.key_id
        self.noted.append(now)


def _identify(
    header: str, cognito: Any = None, keys: ApiKeyStore | None = None, now: datetime = NOW
) -> Principal:
    client: Any = cognito or Cognito()
    return identify(
        header,
        now,
        directory=StaffDirectory(POOL, CLIENT, client),
        keys=keys or Keys(),
        staff_usage_key="staff-usage",
    )


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer  "])
def test_a_token_that_holds_tells_who_it_is_and_which_roles_they_have(prefix: str) -> None:
    found = _identify(prefix + _token())
    assert found == Principal(
        STAFF, "sub-1", "ada@example.com", ("support", "packer"), (), "staff-usage"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"token_use": "id"},
        {"client_id": "another app"},
        {"iss": ISSUER + "2"},
        {"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Customers"},
        {"iss": None},
    ],
)
def test_a_token_made_for_something_else_is_refused_unseen(changes: dict[str, Any]) -> None:
    cognito = Cognito()
    with pytest.raises(Unauthenticated):
        _identify(_token(**changes), cognito)
    assert cognito.asked == []


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic YTpi", "a.b.c", "a.b", "Bearer x y", "Bearer é.é.é", "...."]
)
def test_nonsense_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        _identify(header)


@pytest.mark.parametrize("error", ["NotAuthorizedException", "UserNotFoundException"])
def test_a_token_that_cognito_refuses_is_refused(error: str) -> None:
    with pytest.raises(Unauthenticated):
        _identify(_token(), Cognito(error))


@pytest.mark.parametrize("error", ["TooManyRequestsException", "InternalErrorException"])
def test_where_cognito_cannot_say_nobody_is_let_in_and_nobody_is_told_to_sign_in(
    error: str,
) -> None:
    handler = authorizer(lambda header: _identify(header, Cognito(error)))
    with pytest.raises(ClientError):
        handler({"headers": {"Authorization": _token()}, "methodArn": ARN}, _context())


def test_who_is_let_in_may_call_this_stage_and_no_other() -> None:
    handler = authorizer(_identify)
    answer = handler({"headers": {"authorization": _token()}, "methodArn": ARN}, _context())
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:000000000000:api1/live/*"
    assert answer["usageIdentifierKey"] == "staff-usage"
    told = Principal.from_context(answer["context"])
    assert told == Principal(STAFF, "sub-1", "ada@example.com", ("support", "packer"))


def test_who_is_refused_is_refused_with_the_one_word_api_gateway_knows() -> None:
    handler = authorizer(_identify)
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        handler({"headers": None, "methodArn": ARN}, _context())


# --- API keys -----------------------------------------------------------------

KEY_ID = f"key_{'1' * 36}"
TEXT, OTHER = secret_text(KEY_ID, b"a" * 32), secret_text(KEY_ID, b"b" * 32)
KEY = ApiKey(
    key_id=KEY_ID,
    kind=SECRET,
    name="Warehouse",
    scopes=("orders:read", "stock:read"),
    created_at=to_text(NOW),
    created_by="ada@example.com",
    secret_hash=hash_of(TEXT),
)
HOUR = timedelta(hours=1)


def test_a_key_tells_which_it_is_and_what_it_may_do() -> None:
    cognito = Cognito()
    found = _identify(f"Bearer {TEXT}", cognito, Keys(KEY))
    name = f"Warehouse ({KEY_ID})"
    assert found == Principal(
        API_KEY, KEY_ID, name, scopes=("orders:read", "stock:read"), usage_key="1" * 36
    )
    assert Principal.from_context(found.to_context()) == replace(found, usage_key="")
    assert cognito.asked == []


@pytest.mark.parametrize(
    "key",
    [
        None,
        replace(KEY, secret_hash=hash_of(OTHER)),
        replace(KEY, secret_hash=None),
        replace(KEY, kind="publishable"),
        replace(KEY, revoked_at=to_text(NOW - HOUR)),
        replace(KEY, expires_at=to_text(NOW)),
        replace(
            KEY,
            secret_hash=hash_of(OTHER),
            previous_hash=hash_of(TEXT),
            previous_until=to_text(NOW),
        ),
        replace(KEY, secret_hash=hash_of(OTHER), previous_hash=hash_of(TEXT)),
    ],
)
def test_a_key_that_does_not_hold_opens_nothing(key: ApiKey | None) -> None:
    keys = Keys(key)
    with pytest.raises(Unauthenticated):
        _identify(TEXT, keys=keys)
    assert keys.noted == []


@pytest.mark.parametrize("text", ["sk_", TEXT[:-1], TEXT + "a", TEXT.upper(), f"pk_{'1' * 36}"])
def test_what_is_no_secret_key_opens_nothing(text: str) -> None:
    with pytest.raises(Unauthenticated):
        _identify(text, keys=Keys(KEY))


def test_both_secrets_open_until_the_overlap_ends() -> None:
    rotated = replace(
        KEY,
        secret_hash=hash_of(OTHER),
        previous_hash=hash_of(TEXT),
        previous_until=to_text(NOW + HOUR),
    )
    for text in (TEXT, OTHER):
        assert _identify(text, keys=Keys(rotated)).id == KEY_ID


@pytest.mark.parametrize(
    ("since", "noted"), [(None, True), (USE_NOTED_EVERY, True), (USE_NOTED_EVERY / 2, False)]
)
def test_a_use_is_noted_once_in_five_minutes(since: timedelta | None, noted: bool) -> None:
    keys = Keys(replace(KEY, last_used_at=to_text(NOW - since) if since else None))
    _identify(TEXT, keys=keys)
    assert bool(keys.noted) == noted


def test_no_text_of_a_key_shows_its_hashes() -> None:
    assert hash_of(TEXT) not in repr(KEY)


def _context() -> Any:
    return Context()
