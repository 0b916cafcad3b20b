"""What the authorizer of the admin API makes of an `Authorization` header."""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

from builders import NOW
from commerce.api_keys.model import SECRET, USE_NOTED_EVERY, ApiKey, hash_of, secret_text
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import to_text
from commerce.entry.authorizer import Unauthorized, authorizer
from commerce.errors import SignInUnavailable, Unauthenticated
from commerce.staff.model import API_KEY, STAFF, Principal
from commerce.staff.operations import identify
from commerce.staff_directory import (
    KEYS_FETCHED_EVERY,
    KEYS_TRIED_EVERY,
    REMEMBERED,
    StaffDirectory,
    fetch,
)
from unit.test_http_edge import Context

POOL, CLIENT = "us-east-1_Staff", "back-office"
ENDPOINT = "https://cognito-idp.us-east-1.amazonaws.com"
ISSUER = f"{ENDPOINT}/{POOL}"
CLAIMS = {
    "token_use": "access",
    "client_id": CLIENT,
    "iss": ISSUER,
    "exp": int((NOW + timedelta(hours=1)).timestamp()),
    "cognito:groups": ["packer", "chess-club", "support"],
}
ARN = "arn:aws:execute-api:us-east-1:000000000000:api1/live/GET/admin/orders"
SECOND = timedelta(seconds=1)


@cache
def _rsa_key(name: str) -> rsa.RSAPrivateKey:
    del name  # another name, another key
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _token(key: str = "key-1", *, said_key: str | None = None, **changes: Any) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not None}
    headers = {"kid": said_key or key}
    return jwt.encode(claims, _rsa_key(key), algorithm="RS256", headers=headers)


def _public_key(name: str) -> bytes:
    return _rsa_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class Publisher:
    """Publishes the public keys of a pool, or is not there."""

    def __init__(self, *keys: str, down: bool = False) -> None:
        self.keys = keys or ("key-1",)
        self.down = down
        self.fetched: list[str] = []

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if self.down:
            raise TimeoutError
        keys = [
            {
                **RSAAlgorithm.to_jwk(_rsa_key(name).public_key(), as_dict=True),
                "kid": name,
                "alg": "RS256",
                "use": "sig",
            }
            for name in self.keys
        ]
        return json.dumps({"keys": keys}).encode()


class Meta:
    endpoint_url = ENDPOINT


class Cognito:
    """Knows one user behind every token, or has an error to tell."""

    meta = Meta()

    def __init__(self, error: str = "") -> None:
        self.error = error
        self.asked: list[str] = []

    def get_user(self, *, AccessToken: str) -> dict[str, Any]:  # noqa: N803 - its name there
        self.asked.append(AccessToken)
        if self.error:
            raise ClientError({"Error": {"Code": self.error, "Message": "no"}}, "GetUser")
        attributes = {"sub": "sub-1", "email": "ada@example.com"}
        return {"UserAttributes": [{"Name": n, "Value": v} for n, v in attributes.items()]}


class Door:
    """The authorizer's rules in one process, which Cognito and the pool's keys are behind."""

    def __init__(self, cognito: Cognito | None = None, publisher: Publisher | None = None) -> None:
        self.cognito = cognito or Cognito()
        self.publisher = publisher or Publisher()
        client: Any = self.cognito
        self._directory = StaffDirectory(ISSUER, CLIENT, client, self.publisher.fetch)

    def enter(self, header: str, now: datetime = NOW, keys: ApiKeyStore | None = None) -> Principal:
        return identify(
            header,
            now,
            directory=self._directory,
            keys=keys or Keys(),
            staff_usage_key="staff-usage",
        )

    def is_open_to(self, header: str, now: datetime = NOW) -> bool:
        try:
            self.enter(header, now)
        except Unauthenticated:
            return False
        return True


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
    header: str,
    cognito: Cognito | None = None,
    keys: ApiKeyStore | None = None,
    now: datetime = NOW,
) -> Principal:
    return Door(cognito).enter(header, now, keys)


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
        {"iss": f"https://cognito-idp.us-east-1.amazonaws.com.evil.example/{POOL}"},
        {"exp": int(NOW.timestamp())},
        {"exp": None},
        {"exp": True},
        {"exp": str(CLAIMS["exp"])},
    ],
)
def test_a_token_made_for_something_else_or_too_old_is_refused_unseen(
    changes: dict[str, Any],
) -> None:
    door = Door()

    assert not door.is_open_to(_token(**changes))
    assert (door.cognito.asked, door.publisher.fetched) == ([], [])


def _forged() -> dict[str, str]:
    head, _, signature = _token().split(".")
    claims: dict[str, Any] = {"cognito:groups": ["owner"]}
    owner = _token(**claims).split(".")[1]
    return {
        "other claims under a signature": f"{head}.{owner}.{signature}",
        "no signature": jwt.encode(CLAIMS, "", algorithm="none", headers={"kid": "key-1"}),
        "no signature, and it says so of none": f"{head}.{owner}.",
        "a secret that everybody knows": _hmac_of_the_public_key(),
        "another key under the name of ours": _token("another", said_key="key-1"),
        "a key of the token's own": _with_its_own_key(),
    }


def _written(header: str, claims: str) -> str:
    parts = (header.encode(), claims.encode(), b"signed")
    return ".".join(base64url_encode(part).decode() for part in parts)


@pytest.mark.parametrize(
    "header",
    [
        "{}",
        "[]",
        "null",
        '{"alg": "RS256"}',
        '{"alg": "RS256", "kid": 7}',
        '{"alg": "RS256", "kid": null}',
        '{"alg": ["RS256"], "kid": "key-1"}',
        '{"alg": "RS256", "kid": "key-1", "crit": ["exp"]}',
        '{"alg": "RS256", "kid": "key-1", "b64": false}',
        '{"a": ' * 1_500 + "1" + "}" * 1_500,
    ],
)
def test_a_header_that_nobody_would_write_is_refused(header: str) -> None:
    door = Door()

    assert not door.is_open_to(_written(header, json.dumps(CLAIMS)))
    assert not door.is_open_to(_written(json.dumps({"alg": "RS256", "kid": "key-1"}), header))
    assert door.cognito.asked == []


def _hmac_of_the_public_key() -> str:
    """Sign with the pool's public key as if it were a secret, which a careless check takes."""
    parts = [{"alg": "HS256", "typ": "JWT", "kid": "key-1"}, CLAIMS]
    text = ".".join(base64url_encode(json.dumps(part).encode()).decode() for part in parts)
    signature = hmac.digest(_public_key("key-1"), text.encode(), "sha256")
    return f"{text}.{base64url_encode(signature).decode()}"


def _with_its_own_key() -> str:
    own = RSAAlgorithm.to_jwk(_rsa_key("another").public_key(), as_dict=True)
    headers = {"kid": "key-1", "jwk": own, "jku": "https://evil.example/jwks.json"}
    return jwt.encode(CLAIMS, _rsa_key("another"), algorithm="RS256", headers=headers)


@pytest.mark.parametrize("how", list(_forged()))
def test_what_the_pool_did_not_sign_is_refused_and_cognito_never_asked(how: str) -> None:
    door = Door()

    assert not door.is_open_to(_forged()[how])
    assert door.cognito.asked == []
    assert door.publisher.fetched in ([], [f"{ISSUER}/.well-known/jwks.json"])


# --- how often Cognito is asked --------------------------------------------------


def test_cognito_is_asked_once_in_five_seconds_however_many_requests_come() -> None:
    door, token = Door(), _token()
    for tenth in range(100):
        assert door.enter(token, NOW + tenth * SECOND / 10).id == "sub-1"

    assert len(door.cognito.asked) == 2  # at the first request, and five seconds later
    assert len(door.publisher.fetched) == 1


def test_who_is_signed_out_is_out_within_five_seconds_and_stays_out() -> None:
    door, token = Door(), _token()
    assert door.is_open_to(token)
    door.cognito.error = "NotAuthorizedException"

    assert door.is_open_to(token, NOW + REMEMBERED - SECOND)
    for later in (REMEMBERED, REMEMBERED + SECOND, 3 * REMEMBERED):
        assert not door.is_open_to(token, NOW + later)
    # A refusal is remembered, too: whoever repeats a token that is over asks no quota away.
    assert len(door.cognito.asked) == 3


def test_a_token_that_runs_out_is_over_though_cognito_was_just_asked() -> None:
    door = Door()
    token = _token(exp=int((NOW + SECOND).timestamp()))

    assert door.is_open_to(token)
    assert not door.is_open_to(token, NOW + SECOND)


def test_what_is_remembered_of_one_token_is_nobody_elses() -> None:
    door = Door()
    assert door.is_open_to(_token(jti="1"))
    door.cognito.error = "NotAuthorizedException"

    assert not door.is_open_to(_token(jti="2"))
    assert door.is_open_to(_token(jti="1"))


def test_what_is_remembered_takes_no_more_room_than_five_seconds_bring() -> None:
    door = Door()
    for second in range(30):
        door.enter(_token(jti=str(second)), NOW + second * SECOND)

    assert len(door._directory._remembered) <= REMEMBERED / SECOND


def test_an_error_of_cognito_is_not_remembered() -> None:
    door, token = Door(Cognito("TooManyRequestsException")), _token()
    with pytest.raises(SignInUnavailable):
        door.enter(token)
    door.cognito.error = ""

    assert door.is_open_to(token)


# --- the pool's keys -------------------------------------------------------------


def test_a_new_key_of_the_pool_is_taken_and_the_old_one_until_it_is_gone() -> None:
    door = Door()
    assert door.is_open_to(_token())
    later = NOW + KEYS_FETCHED_EVERY
    door.publisher.keys = ("key-1", "key-2")
    assert door.is_open_to(_token("key-2"), later)
    assert door.is_open_to(_token("key-1"), later)

    door.publisher.keys = ("key-2", "key-3")
    assert door.is_open_to(_token("key-3"), later + KEYS_FETCHED_EVERY)
    assert not door.is_open_to(_token("key-1", jti="new"), later + KEYS_FETCHED_EVERY)
    assert len(door.publisher.fetched) == 3


def test_tokens_of_unknown_keys_have_the_keys_fetched_once_a_minute_at_most() -> None:
    door = Door()
    for number in range(200):
        token = _token("another", said_key=f"made-up-{number}")
        assert not door.is_open_to(token, NOW + number * SECOND)

    assert len(door.publisher.fetched) == 4
    assert door.cognito.asked == []


@pytest.mark.parametrize("answer", [b"", b"<html>", b"[]", b"{}", b'{"keys": []}'])
def test_where_the_keys_cannot_be_had_nobody_is_told_to_sign_in(answer: bytes) -> None:
    client: Any = Cognito()
    directory = StaffDirectory(ISSUER, CLIENT, client, lambda _url: answer)
    with pytest.raises(SignInUnavailable):
        directory.claims_in(_token(), NOW)


def test_keys_that_could_not_be_had_are_tried_again_but_not_at_each_request() -> None:
    door = Door(publisher=Publisher(down=True))
    for _ in range(10):
        with pytest.raises(SignInUnavailable):
            door.enter(_token())
    assert len(door.publisher.fetched) == 1

    door.publisher.down = False
    assert door.is_open_to(_token(), NOW + KEYS_TRIED_EVERY)


def test_a_key_that_is_known_needs_no_publisher() -> None:
    door = Door()
    assert door.is_open_to(_token())
    door.publisher.down = True

    assert door.is_open_to(_token(), NOW + KEYS_FETCHED_EVERY)
    # Of one that is not, nobody can say now whether the pool has it since.
    with pytest.raises(SignInUnavailable):
        door.enter(_token("key-2"), NOW + KEYS_FETCHED_EVERY)


def test_keys_are_fetched_over_http_and_what_is_not_there_is_an_outage() -> None:
    with publishing({f"/{POOL}/.well-known/jwks.json": Publisher().fetch("")}) as address:
        assert json.loads(fetch(f"{address}/{POOL}/.well-known/jwks.json"))["keys"]
        with pytest.raises(OSError, match="404"):
            fetch(f"{address}/nobody/.well-known/jwks.json")
    with pytest.raises(OSError, match="refused"):
        fetch(f"{address}/{POOL}/.well-known/jwks.json")


def test_a_call_with_an_api_key_waits_for_no_cryptography() -> None:
    program = (
        "import sys; from commerce.staff.operations import identify; print('jwt' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


@contextmanager
def publishing(documents: dict[str, bytes]) -> Iterator[str]:
    """Serve documents by path over HTTP; give the server's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = documents.get(self.path)
            self.send_response(404 if document is None else 200)
            self.end_headers()
            self.wfile.write(document or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# --- what else is refused --------------------------------------------------------


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
    with pytest.raises(SignInUnavailable):
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
