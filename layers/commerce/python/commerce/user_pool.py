"""The port to Amazon Cognito: one user pool, through one of its clients.

Only calls that anybody may make with what they know (a password, a code, a token), so the
functions need no permission for them. Cognito writes what it was sent into its messages, so
no message of it is passed on: errors name its code alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from commerce.errors import (
    AccountsUnavailable,
    InvalidCode,
    InvalidRequest,
    SessionEnded,
    TooManyRequests,
    WrongCredentials,
)
from commerce.outages import outage

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

# Whoever signs in meets these where the password is wrong, and where there is no such user.
_WRONG_CREDENTIALS = {
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "PasswordResetRequiredException",
}
_WRONG_CODE = {
    "CodeMismatchException",
    "ExpiredCodeException",
    # It is confirmed already; that, too, is told to nobody who has no password.
    "NotAuthorizedException",
    "UserNotFoundException",
    "UserNotConfirmedException",
    "AliasExistsException",
}
_TOKEN_IS_OVER = {
    "NotAuthorizedException",
    "UserNotFoundException",
    "PasswordResetRequiredException",
}
_TOO_MANY = {"TooManyRequestsException", "LimitExceededException", "TooManyFailedAttemptsException"}
_OUR_FAULT = {"InternalErrorException", "CodeDeliveryFailureException"}
# How Cognito says that it takes no password for a while.
_LOCKED = "Password attempts exceeded"
# Nobody may learn from a code that is not sent whether there is an account to send it for.
_SENDS_NO_CODE = {
    "UserNotFoundException",
    "InvalidParameterException",
    "LimitExceededException",
    "NotAuthorizedException",
}


@dataclass(frozen=True)
class Tokens:
    """What a sign-in gives; `expires_in` is the access token's life in seconds."""

    access_token: str = field(repr=False)
    expires_in: int
    token_type: str
    refresh_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class PoolUser:
    """Whom an access token belongs to."""

    subject: str
    email: str = field(repr=False)


@cache
def cognito_client() -> CognitoIdentityProviderClient:
    """Give this process's client; a call that may have mailed a code is not sent again unseen."""
    config = Config(
        connect_timeout=2,
        read_timeout=6,
        retries={"mode": "standard", "total_max_attempts": 1},
        signature_version=UNSIGNED,
    )
    return boto3.client("cognito-idp", config=config)


class UserPool:
    """The users of one pool, who come through the pool's client of this id."""

    def __init__(self, client_id: str, client: CognitoIdentityProviderClient | None = None) -> None:
        self._client_id = client_id
        self._client = client or cognito_client()

    # --- before anybody is signed in --------------------------------------------

    def sign_up(self, email: str, password: str) -> str | None:
        """Make a user and mail a code; give the user's `sub`, None where the address is taken.

        Raises
        ------
        InvalidRequest
            The password or the address is none that the pool takes.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                answer = self._client.sign_up(
                    ClientId=self._client_id, Username=email, Password=password
                )
        except _Refused as refused:
            if refused.code == "UsernameExistsException":
                return None
            raise refused.of_field("$.password") from None
        return answer["UserSub"]

    def send_code_again(self, email: str) -> None:
        """Mail another code to whoever registered and has not confirmed; else nothing.

        Raises
        ------
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        self._mail(self._client.resend_confirmation_code, email)

    def confirm(self, email: str, code: str) -> None:
        """Confirm an address with the code that was mailed to it.

        Raises
        ------
        InvalidCode
            The code is another, too old or used, or nobody waits for one.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                self._client.confirm_sign_up(
                    ClientId=self._client_id, Username=email, ConfirmationCode=code
                )
        except _Refused as refused:
            # No user can have an address that is refused, such as one of over 128 characters.
            wrong = {*_WRONG_CODE, "InvalidParameterException"}
            raise refused.among(wrong, _wrong_code()) from None

    def sign_in(self, email: str, password: str) -> Tokens:
        """Give tokens for an address and its password.

        Raises
        ------
        WrongCredentials
            The password is wrong, there is no such user, or the address is not confirmed.
        TooManyRequests
            Too many wrong passwords; Cognito takes none for a while.
        AccountsUnavailable
            Cognito did not answer.
        """
        return self._tokens(
            "USER_PASSWORD_AUTH", {"USERNAME": email, "PASSWORD": password}, _wrong_credentials()
        )

    def refresh(self, refresh_token: str) -> Tokens:
        """Give a new access token for a refresh token, which stays as it is.

        Raises
        ------
        SessionEnded
            The refresh token is not one, is too old, or its user has signed out everywhere.
        TooManyRequests, AccountsUnavailable
            Cognito gave no answer to it.
        """
        return self._tokens(
            "REFRESH_TOKEN_AUTH", {"REFRESH_TOKEN": refresh_token}, _session_ended()
        )

    def send_reset_code(self, email: str) -> None:
        """Mail a code that a new password can be set with, where there is an account.

        Raises
        ------
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        self._mail(self._client.forgot_password, email)

    def reset_password(self, email: str, code: str, password: str) -> None:
        """Set a new password with the code that was mailed.

        Raises
        ------
        InvalidCode
            The code is another, too old or used, or nobody waits for one.
        InvalidRequest
            The password or the address is none that the pool takes.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                self._client.confirm_forgot_password(
                    ClientId=self._client_id,
                    Username=email,
                    ConfirmationCode=code,
                    Password=password,
                )
        except _Refused as refused:
            if refused.code in _WRONG_CODE:
                raise _wrong_code() from None
            raise refused.of_field("$.password") from None

    def _mail(self, code_to: Callable[..., object], email: str) -> None:
        try:
            with _translated(_SENDS_NO_CODE):
                code_to(ClientId=self._client_id, Username=email)
        except _Refused as refused:
            refused.pass_over(_SENDS_NO_CODE)

    # --- with the access token of somebody who is --------------------------------

    def user_of(self, access_token: str) -> PoolUser:
        """Ask whose token it is, and so whether it still holds.

        Raises
        ------
        SessionEnded
            It is no access token, is too old, or its user signed out everywhere or is gone.
        TooManyRequests, AccountsUnavailable
            Cognito gave no answer to it.
        """
        try:
            with _translated():
                answer = self._client.get_user(AccessToken=access_token)
        except _Refused as refused:
            raise refused.among(_TOKEN_IS_OVER, _session_ended()) from None
        known = {each["Name"]: each.get("Value", "") for each in answer["UserAttributes"]}
        return PoolUser(known["sub"], known["email"])

    def change_password(self, access_token: str, password: str, new_password: str) -> None:
        """Set a new password in place of the one that is known.

        Raises
        ------
        WrongCredentials
            The old password is wrong, or the token does not hold any more.
        InvalidRequest
            The new password is none that the pool takes.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                self._client.change_password(
                    AccessToken=access_token,
                    PreviousPassword=password,
                    ProposedPassword=new_password,
                )
        except _Refused as refused:
            # The new password has been looked at, so a parameter that is none is the old one.
            if refused.code in {*_WRONG_CREDENTIALS, "InvalidParameterException"}:
                raise _wrong_credentials() from None
            raise refused.of_field("$.new_password") from None

    def sign_out_everywhere(self, access_token: str) -> None:
        """End all sessions of a token's user.

        Raises
        ------
        SessionEnded
            The token's own has ended before.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                self._client.global_sign_out(AccessToken=access_token)
        except _Refused as refused:
            raise refused.among(_TOKEN_IS_OVER, _session_ended()) from None

    def delete(self, access_token: str) -> None:
        """Delete a token's user.

        Raises
        ------
        SessionEnded
            The token does not hold any more; so where the user is deleted already.
        TooManyRequests, AccountsUnavailable
            It was not done, or nobody knows.
        """
        try:
            with _translated():
                self._client.delete_user(AccessToken=access_token)
        except _Refused as refused:
            raise refused.among(_TOKEN_IS_OVER, _session_ended()) from None

    def _tokens(self, flow: Any, parameters: dict[str, str], refusal: Exception) -> Tokens:
        try:
            with _translated():
                answer = self._client.initiate_auth(
                    ClientId=self._client_id, AuthFlow=flow, AuthParameters=parameters
                )
        except _Refused as refused:
            raise refused.among(_WRONG_CREDENTIALS, refusal) from None
        given = answer.get("AuthenticationResult")
        if given is None:
            # A challenge, such as that of a user whose password an administrator set.
            raise refusal
        return Tokens(
            given["AccessToken"],
            given["ExpiresIn"],
            given["TokenType"],
            given.get("RefreshToken"),
        )


class _Refused(Exception):
    """What Cognito refused with, for whoever called to make sense of."""

    def __init__(self, code: str) -> None:
        super().__init__(f"Cognito refused: {code}")
        self.code = code

    def among(self, codes: set[str], meaning: Exception) -> Exception:
        """Give what the codes mean, or this as it is: a mistake of ours."""
        return meaning if self.code in codes else self

    def of_field(self, path: str) -> Exception:
        """Give what a refusal of a field means: of the password at `path`, or the address."""
        if self.code == "InvalidPasswordException":
            return _refused_field(path, "password_refused", "choose another password")
        if self.code == "InvalidParameterException":
            return _refused_field("$.email", "email_refused", "no account can have this address")
        return self

    def pass_over(self, codes: set[str]) -> None:
        """Let these codes be no error."""
        if self.code not in codes:
            raise self


@contextmanager
def _translated(silent: Set[str] = frozenset()) -> Iterator[None]:
    """Name what is the same for every call; what else Cognito refuses with is for the caller."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in silent:
            raise _Refused(code) from None
        if code in _TOO_MANY or _LOCKED in error.response["Error"].get("Message", ""):
            raise TooManyRequests("too many attempts; try again later") from None
        if code in _OUR_FAULT or outage(error, "the pool of accounts"):
            raise _unavailable() from None
        raise _Refused(code) from None
    except (BotoCoreError, ResponseParserError):
        raise _unavailable() from None


def _wrong_credentials() -> WrongCredentials:
    return WrongCredentials("the address or the password is wrong, or the address not confirmed")


def _refused_field(path: str, code: str, detail: str) -> InvalidRequest:
    return InvalidRequest(
        "the pool of accounts does not take this",
        errors=[{"path": path, "code": code, "detail": detail}],
    )


def _wrong_code() -> InvalidCode:
    return InvalidCode("the code is wrong, used or too old; ask for another")


def _session_ended() -> SessionEnded:
    return SessionEnded("the session has ended; sign in again")


def _unavailable() -> AccountsUnavailable:
    return AccountsUnavailable("the accounts cannot be asked at the moment")
