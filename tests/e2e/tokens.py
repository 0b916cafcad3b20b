"""Tokens of all kinds, and what they open."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import httpx

from commerce.access import Role
from e2e.customers import new_email
from e2e.recovery import wait_until
from pushcart.cloud import Cloud

# Calls a route, such as `GET /admin/orders`, with a token.
Ask = Callable[[str, str], httpx.Response]
# What every pool takes; tests/e2e/test_logs.py looks for it.
PASSWORD = "a-Long-passw0rd!"
_NOT_UPDATED = {"ClientSecret", "CreationDate", "LastModifiedDate"}


def sign_in(cloud: Cloud, pool: str, client: str, *groups: str, name: str = "") -> dict[str, Any]:
    """Make a user of a pool, in its groups; give the tokens of its sign-in."""
    cognito: Any = cloud.cognito
    name = name or new_email()
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True
    )
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)
    signed_in: dict[str, Any] = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": name, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    return signed_in


@contextmanager
def access_tokens_last(
    cloud: Cloud, pool: str, client: str, count: int, unit: Literal["seconds", "hours"]
) -> Iterator[None]:
    """Have access tokens that a pool gives out meanwhile hold for so long."""
    made: Any = cloud.cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client)
    kept = {
        name: value
        for name, value in made["UserPoolClient"].items()
        if value and name not in _NOT_UPDATED
    }
    usual = {"AccessTokenValidity": 1, "TokenValidityUnits": {"AccessToken": "hours"}} | kept
    units = {**usual["TokenValidityUnits"], "AccessToken": unit}
    other = {**usual, "AccessTokenValidity": count, "TokenValidityUnits": units}
    cloud.cognito.update_user_pool_client(**other)
    try:
        yield
    finally:
        cloud.cognito.update_user_pool_client(**usual)


def expired_token(cloud: Cloud, pool: str, client: str) -> str:
    """Give an access token that was good."""
    with access_tokens_last(cloud, pool, client, 1, "seconds"):
        token: str = sign_in(cloud, pool, client)["AccessToken"]
    wait_until(lambda: time.time() > _claims(token)["exp"], "the token to run out")
    return token


def another_pools_token(cloud: Cloud) -> str:
    """Give an access token that Cognito knows, of somebody who is an owner in another pool."""
    cognito = cloud.cognito
    pool = cognito.create_user_pool(PoolName="another shop")["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool, ClientName="another", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
    )["UserPoolClient"]["ClientId"]
    cognito.create_group(UserPoolId=pool, GroupName=Role.OWNER)
    token: str = sign_in(cloud, pool, client, Role.OWNER)["AccessToken"]
    return token


def forged_token(token: str, claims: Mapping[str, Any]) -> str:
    """Write other claims into a token, under the signature that it has."""
    head, _, signature = token.split(".")
    document = json.dumps({**_claims(token), **claims}).encode()
    return ".".join([head, base64.urlsafe_b64encode(document).decode().rstrip("="), signature])


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
