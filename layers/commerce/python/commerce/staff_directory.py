"""The port to the staff's user pool: whose an access token is, and whether it still holds."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

# Any other error is not about the token, so it lets nobody in and tells nobody to sign in.
_TOKEN_REFUSED = {
    "ForbiddenException",
    "InvalidParameterException",
    "NotAuthorizedException",
    "PasswordResetRequiredException",
    "ResourceNotFoundException",
    "UserNotConfirmedException",
    "UserNotFoundException",
}


@cache
def cognito_client() -> CognitoIdentityProviderClient:
    """Give this process's client: a request waits for it, so it waits briefly."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 2}
    )
    return boto3.client("cognito-idp", config=config)


class StaffDirectory:
    """The members of staff, as Cognito knows them."""

    def __init__(
        self, pool_id: str, client_id: str, client: CognitoIdentityProviderClient | None = None
    ) -> None:
        self.pool_id = pool_id
        self.client_id = client_id
        self._client = client or cognito_client()

    def attributes_behind(self, access_token: str) -> dict[str, str] | None:
        """Give the attributes of the user whose access token this is.

        Cognito checks signature and expiry, and that the user is there, enabled and was
        not signed out since. It does so for the tokens of every pool, so the caller checks
        which pool's this is.

        Returns
        -------
        dict[str, str] | None
            None where the token does not hold, or not any more.

        Raises
        ------
        ClientError, BotoCoreError
            Cognito could not say; the same token may hold a moment later.
        """
        try:
            user = self._client.get_user(AccessToken=access_token)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TOKEN_REFUSED:
                raise
            return None
        return {each["Name"]: each.get("Value", "") for each in user["UserAttributes"]}
