"""What the authorizer of the admin API makes of an `Authorization` header."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from commerce.entry.authorizer import Unauthorized, authorizer
from commerce.errors import Unauthenticated
from commerce.staff.model import STAFF, Principal
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


def _directory(cognito: Any) -> StaffDirectory:
    return StaffDirectory(POOL, CLIENT, cognito)


@pytest.mark.parametrize("prefix", ["", "Bearer ", "bearer  "])
def test_a_token_that_holds_tells_who_it_is_and_which_roles_they_have(prefix: str) -> None:
    found = identify(prefix + _token(), directory=_directory(Cognito()))
    assert found == Principal(STAFF, "sub-1", "ada@example.com", ("support", "packer"))


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
        identify(_token(**changes), directory=_directory(cognito))
    assert cognito.asked == []


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic YTpi", "a.b.c", "a.b", "Bearer x y", "Bearer é.é.é", "...."]
)
def test_nonsense_is_refused(header: str) -> None:
    with pytest.raises(Unauthenticated):
        identify(header, directory=_directory(Cognito()))


@pytest.mark.parametrize("error", ["NotAuthorizedException", "UserNotFoundException"])
def test_a_token_that_cognito_refuses_is_refused(error: str) -> None:
    with pytest.raises(Unauthenticated):
        identify(_token(), directory=_directory(Cognito(error)))


@pytest.mark.parametrize("error", ["TooManyRequestsException", "InternalErrorException"])
def test_where_cognito_cannot_say_nobody_is_let_in_and_nobody_is_told_to_sign_in(
    error: str,
) -> None:
    directory = _directory(Cognito(error))
    handler = authorizer(lambda header: identify(header, directory=directory))
    with pytest.raises(ClientError):
        handler({"headers": {"Authorization": _token()}, "methodArn": ARN}, _context())


def test_who_is_let_in_may_call_this_stage_and_no_other() -> None:
    handler = authorizer(lambda header: identify(header, directory=_directory(Cognito())))
    answer = handler({"headers": {"authorization": _token()}, "methodArn": ARN}, _context())
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Allow", "execute-api:Invoke")
    assert statement["Resource"] == "arn:aws:execute-api:us-east-1:000000000000:api1/live/*"
    told = Principal.from_context(answer["context"])
    assert told == Principal(STAFF, "sub-1", "ada@example.com", ("support", "packer"))


def test_who_is_refused_is_refused_with_the_one_word_api_gateway_knows() -> None:
    handler = authorizer(lambda header: identify(header, directory=_directory(Cognito())))
    with pytest.raises(Unauthorized, match=r"^Unauthorized$"):
        handler({"headers": None, "methodArn": ARN}, _context())


def _context() -> Any:
    return Context()
