"""What Cognito refuses with, and what the shop makes of it: nothing that tells of an account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from commerce import errors
from commerce.user_pool import UserPool

EMAIL, PASSWORD, CODE, TOKEN = "ada@example.com", "a password of hers", "123456", "a.b.c"
Call = Callable[[UserPool], Any]

CALLS: dict[str, Call] = {
    "sign_up": lambda pool: pool.sign_up(EMAIL, PASSWORD),
    "send_code_again": lambda pool: pool.send_code_again(EMAIL),
    "confirm": lambda pool: pool.confirm(EMAIL, CODE),
    "sign_in": lambda pool: pool.sign_in(EMAIL, PASSWORD),
    "refresh": lambda pool: pool.refresh(TOKEN),
    "send_reset_code": lambda pool: pool.send_reset_code(EMAIL),
    "reset_password": lambda pool: pool.reset_password(EMAIL, CODE, PASSWORD),
    "user_of": lambda pool: pool.user_of(TOKEN),
    "change_password": lambda pool: pool.change_password(TOKEN, PASSWORD, PASSWORD),
    "sign_out_everywhere": lambda pool: pool.sign_out_everywhere(TOKEN),
    "delete": lambda pool: pool.delete(TOKEN),
}


class Cognito:
    """A service that answers every call alike."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(**_sent: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


def answering(answer: Any) -> UserPool:
    return UserPool("client", cast("Any", Cognito(answer)))


def refusing(code: str, message: str = "", status: int = 400) -> UserPool:
    said: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return answering(ClientError(said, "Call"))


@pytest.mark.parametrize(
    "code",
    [
        "NotAuthorizedException",
        "UserNotFoundException",
        "UserNotConfirmedException",
        "PasswordResetRequiredException",
    ],
)
def test_a_sign_in_is_refused_in_the_same_words_whatever_the_reason(code: str) -> None:
    with pytest.raises(errors.WrongCredentials) as refused:
        CALLS["sign_in"](refusing(code))
    with pytest.raises(errors.WrongCredentials) as wrong:
        CALLS["sign_in"](refusing("NotAuthorizedException", "Incorrect username or password."))
    assert refused.value.sentence == wrong.value.sentence


def test_who_must_do_more_than_give_a_password_is_not_let_in() -> None:
    with pytest.raises(errors.WrongCredentials):
        CALLS["sign_in"](answering({"ChallengeName": "NEW_PASSWORD_REQUIRED", "Session": "s"}))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("NotAuthorizedException", "Password attempts exceeded"),
        ("TooManyRequestsException", "Rate exceeded"),
        ("LimitExceededException", "Attempt limit exceeded, please try after some time."),
        ("TooManyFailedAttemptsException", ""),
    ],
)
def test_whoever_guesses_passwords_is_told_to_wait(code: str, message: str) -> None:
    for name in ("sign_in", "change_password"):
        with pytest.raises(errors.TooManyRequests):
            CALLS[name](refusing(code, message))


@pytest.mark.parametrize("name", ["send_code_again", "send_reset_code"])
@pytest.mark.parametrize(
    "code",
    [
        "UserNotFoundException",
        "InvalidParameterException",
        "NotAuthorizedException",
        "LimitExceededException",
    ],
)
def test_that_no_code_is_sent_is_told_to_nobody(name: str, code: str) -> None:
    assert CALLS[name](refusing(code)) is None


def test_an_address_that_is_taken_is_no_error() -> None:
    assert CALLS["sign_up"](refusing("UsernameExistsException")) is None


@pytest.mark.parametrize(
    "code",
    [
        "CodeMismatchException",
        "ExpiredCodeException",
        "NotAuthorizedException",
        "UserNotFoundException",
    ],
)
def test_a_code_is_refused_in_the_same_words_whatever_the_reason(code: str) -> None:
    for name in ("confirm", "reset_password"):
        with pytest.raises(errors.InvalidCode) as refused:
            CALLS[name](refusing(code))
        assert refused.value.sentence == "the code is wrong, used or too old; ask for another"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("sign_up", "$.password"),
        ("reset_password", "$.password"),
        ("change_password", "$.new_password"),
    ],
)
def test_a_password_that_the_pool_does_not_take_is_named(name: str, path: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        CALLS[name](refusing("InvalidPasswordException", f"{PASSWORD} is too short"))
    assert [each["path"] for each in refused.value.details["errors"]] == [path]


def test_an_address_that_no_user_can_have_waits_for_no_code() -> None:
    with pytest.raises(errors.InvalidCode):
        CALLS["confirm"](refusing("InvalidParameterException"))
    with pytest.raises(errors.WrongCredentials):
        CALLS["change_password"](refusing("InvalidParameterException"))


@pytest.mark.parametrize("name", ["refresh", "user_of", "sign_out_everywhere", "delete"])
def test_a_token_that_is_over_ends_the_session(name: str) -> None:
    for code in ("NotAuthorizedException", "UserNotFoundException"):
        with pytest.raises(errors.SessionEnded):
            CALLS[name](refusing(code, "Access Token has been revoked"))


@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_foreseen_is_raised_without_what_was_sent(name: str) -> None:
    text = f"1 validation error detected: Value '{EMAIL}' with '{PASSWORD}', '{CODE}', '{TOKEN}'"
    with pytest.raises(Exception, match="ResourceNotFoundException") as raised:
        CALLS[name](refusing("ResourceNotFoundException", text))
    shown = repr(raised.value) + str(raised.value.__cause__)
    assert not [said for said in (EMAIL, PASSWORD, CODE, TOKEN) if said in shown]
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("name", CALLS)
def test_a_service_that_does_not_answer_is_worth_another_try(name: str) -> None:
    unreachable = EndpointConnectionError(endpoint_url="https://cognito")
    for pool in (answering(unreachable), refusing("InternalErrorException", status=500)):
        with pytest.raises(errors.AccountsUnavailable):
            CALLS[name](pool)
