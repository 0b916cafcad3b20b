"""A message is taken only from who has the key, and only while it is fresh."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest

from commerce.errors import InvalidSignature
from commerce.signatures import TOLERANCE, secret_of, signed_headers, verified_id

# The example that the libraries of Standard Webhooks are tested with.
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
BODY = b'{"test": 2432232314}'
SIGNED_AT = datetime.fromtimestamp(1614265330, UTC)
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_we_sign_as_standard_webhooks_does() -> None:
    assert signed_headers(HEADERS["webhook-id"], BODY.decode(), [KEY], SIGNED_AT) == HEADERS


@pytest.mark.parametrize("late", [TOLERANCE, -TOLERANCE])
def test_a_message_signed_with_our_key_is_taken_while_it_is_fresh(late: timedelta) -> None:
    assert verified_id(HEADERS, BODY, KEY, SIGNED_AT + late) == HEADERS["webhook-id"]


def test_one_right_signature_among_others_is_enough() -> None:
    both = {**HEADERS, "webhook-signature": f"v1,bm8= v2,x {HEADERS['webhook-signature']}"}
    assert verified_id(both, BODY, KEY, SIGNED_AT)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "msg_other"},
        {"webhook-id": ""},
        {"webhook-id": "m" * 129},
        {"webhook-timestamp": "1614265331"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,bm8="},
        {"webhook-signature": HEADERS["webhook-signature"].removeprefix("v1,")},
        {"webhook-signature": "v1,\u00fc"},
    ],
)
def test_what_was_altered_or_never_signed_is_refused(changed: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        verified_id({**HEADERS, **changed}, BODY, KEY, SIGNED_AT)


def test_another_body_another_key_or_an_old_message_is_refused() -> None:
    second = timedelta(seconds=1)
    for body, key, now in [
        (BODY + b" ", KEY, SIGNED_AT),
        (b"\xff" + BODY, KEY, SIGNED_AT),
        (BODY, KEY + b"x", SIGNED_AT),
        (BODY, KEY, SIGNED_AT + TOLERANCE + second),
        (BODY, KEY, SIGNED_AT - TOLERANCE - second),
    ]:
        with pytest.raises(InvalidSignature):
            verified_id(HEADERS, body, key, now)


def test_while_a_secret_is_changed_either_one_proves_a_message() -> None:
    old, new = secret_of(b"1" * 32), secret_of(b"2" * 32)
    headers = signed_headers("evt_1", "{}", [new, old], SIGNED_AT)

    for secret in (old, new):
        assert verified_id(headers, b"{}", secret, SIGNED_AT) == "evt_1"
    with pytest.raises(InvalidSignature):
        verified_id(headers, b"{}", secret_of(b"3" * 32), SIGNED_AT)
