"""The port to the staff's user pool: who signed a token, whose it is, and whether it still holds.

The signature is checked here, with the public keys that the pool publishes. Whether the user
was signed out or disabled since is known to Cognito alone, which may be asked 120 times a
second for a whole account, and ten times for one user: what it says is remembered for seconds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.request import ProxyHandler, build_opener

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from commerce.errors import SignInUnavailable

if TYPE_CHECKING:
    from jwt import PyJWK
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

# How long a sign-out, a deletion or a new name may go unnoticed.
REMEMBERED = timedelta(seconds=5)
# A token of a key that nobody knows may be made by anybody: it has the keys fetched so often at
# most. A pool that changes its keys goes on with the old ones for longer.
KEYS_FETCHED_EVERY = timedelta(minutes=1)
KEYS_TRIED_EVERY = timedelta(seconds=5)
ALGORITHM = "RS256"

_KEYS_WITHIN_SECONDS = 2
_KEYS_BYTES_MAX = 64 * 1024
_AN_OUTAGE = "it cannot be found out at the moment whose the token is"
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

# Gives the document at an address; raises OSError where there is none.
Fetch = Callable[[str], bytes]


@cache
def cognito_client() -> CognitoIdentityProviderClient:
    """Give this process's client: a request waits for it, so it waits briefly."""
    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "max_attempts": 2}
    )
    return boto3.client("cognito-idp", config=config)


def fetch(url: str) -> bytes:
    """Give what stands at an address of the SDK's own choice.

    Raises
    ------
    OSError
        There was no answer in time, or another than 200.
    """
    with build_opener(ProxyHandler({})).open(url, timeout=_KEYS_WITHIN_SECONDS) as answer:
        document: bytes = answer.read(_KEYS_BYTES_MAX)
    return document


class PoolKeys:
    """The public keys that a user pool signs its tokens with, fetched when first needed."""

    def __init__(self, url: str, fetch: Fetch = fetch) -> None:
        self._url = url
        self._fetch = fetch
        self._keys: Mapping[str, PyJWK] = {}
        self._fetch_not_before: datetime | None = None
        self._failed = False

    def claims_in(self, token: str, now: datetime) -> Mapping[str, Any] | None:
        """Give the claims of a token that one of these keys signed; None of any other.

        What the claims say, such as an expiry, is for the caller to look at.

        Raises
        ------
        SignInUnavailable
            The keys cannot be had.
        """
        # Here, for it takes a tenth of a second that a call with an API key need not wait.
        import jwt  # noqa: PLC0415

        try:
            key = self._key(str(jwt.get_unverified_header(token).get("kid")), now)
            if key is None:
                return None
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
        except (jwt.InvalidTokenError, RecursionError):
            return None
        return claims

    def _key(self, name: str, now: datetime) -> PyJWK | None:
        if name not in self._keys and (
            self._fetch_not_before is None or now >= self._fetch_not_before
        ):
            self._fetch_all(now)
        if name not in self._keys and self._failed:
            raise SignInUnavailable(_AN_OUTAGE)
        return self._keys.get(name)

    def _fetch_all(self, now: datetime) -> None:
        import jwt  # noqa: PLC0415 - as above

        try:
            document = json.loads(self._fetch(self._url))
            found = jwt.PyJWKSet(document["keys"]).keys
        except (OSError, ValueError, TypeError, LookupError, jwt.PyJWTError):
            self._failed, self._fetch_not_before = True, now + KEYS_TRIED_EVERY
            return
        self._keys = {str(key.key_id): key for key in found}
        self._failed, self._fetch_not_before = False, now + KEYS_FETCHED_EVERY


class StaffDirectory:
    """The members of staff, as Cognito knows them.

    Parameters
    ----------
    issuer
        What the pool calls itself in its tokens, such as
        `https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Ab12`.
    client_id
        The pool's client that staff sign in at.
    """

    def __init__(
        self,
        issuer: str,
        client_id: str,
        client: CognitoIdentityProviderClient | None = None,
        fetch: Fetch = fetch,
    ) -> None:
        self.issuer = issuer
        self.client_id = client_id
        self._client = client or cognito_client()
        # Where the SDK calls Cognito, which is the issuer's own address on AWS.
        pool_id = issuer.rpartition("/")[2]
        url = f"{self._client.meta.endpoint_url}/{pool_id}/.well-known/jwks.json"
        self._keys = PoolKeys(url, fetch)
        self._remembered: dict[bytes, tuple[datetime, dict[str, str] | None]] = {}

    def claims_in(self, access_token: str, now: datetime) -> Mapping[str, Any] | None:
        """Give the claims of a token that the pool signed; None of any other.

        Raises
        ------
        SignInUnavailable
            Nobody can say; the same token may hold a moment later.
        """
        return self._keys.claims_in(access_token, now)

    def attributes_behind(self, access_token: str, now: datetime) -> dict[str, str] | None:
        """Give the attributes of the user whose access token this is, as they were of late.

        Cognito sees that the user is there, enabled and was not signed out since. It does so
        for the tokens of every pool, so the caller checks which pool's this is.

        Returns
        -------
        dict[str, str] | None
            None where the token does not hold, or not any more.

        Raises
        ------
        SignInUnavailable
            Cognito could not say; the same token may hold a moment later.
        """
        name = hashlib.sha256(access_token.encode()).digest()
        remembered = self._remembered.get(name)
        if remembered is not None and now - remembered[0] < REMEMBERED:
            return remembered[1]
        attributes = self._ask(access_token)
        still = {key: one for key, one in self._remembered.items() if now - one[0] < REMEMBERED}
        self._remembered = {**still, name: (now, attributes)}
        return attributes

    def _ask(self, access_token: str) -> dict[str, str] | None:
        try:
            user = self._client.get_user(AccessToken=access_token)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _TOKEN_REFUSED:
                raise SignInUnavailable(_AN_OUTAGE) from error
            return None
        except BotoCoreError as error:
            raise SignInUnavailable(_AN_OUTAGE) from error
        return {each["Name"]: each.get("Value", "") for each in user["UserAttributes"]}
