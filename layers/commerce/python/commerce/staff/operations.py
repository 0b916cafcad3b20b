"""Find out who shows a credential."""

from __future__ import annotations

from datetime import datetime

from commerce.api_keys.operations import key_shown
from commerce.api_keys.store import ApiKeyStore
from commerce.errors import Unauthenticated
from commerce.staff.model import (
    API_KEY,
    STAFF,
    Principal,
    claims_of,
    credential_in,
    is_access_token,
    roles_in,
)
from commerce.staff_directory import StaffDirectory


def identify(
    header: str,
    now: datetime,
    *,
    directory: StaffDirectory,
    keys: ApiKeyStore,
    staff_usage_key: str,
) -> Principal:
    """Tell who sent an `Authorization` header: a member of staff, or who has an API key.

    Raises
    ------
    Unauthenticated
        It shows nothing that holds; which part of it does not is nobody's business.
    SignInUnavailable
        Nobody can say whether it holds.
    """
    credential = credential_in(header)
    if credential is None:
        raise _nobody()
    if credential.startswith("sk_"):
        principal = _integration(credential, now, keys)
    else:
        principal = _member_of_staff(credential, now, directory, staff_usage_key)
    if principal is None:
        raise _nobody()
    return principal


def _integration(credential: str, now: datetime, keys: ApiKeyStore) -> Principal | None:
    key = key_shown(credential, now, keys=keys)
    if key is None:
        return None
    return Principal(API_KEY, key.key_id, key.signature, scopes=key.scopes, usage_key=key.usage_key)


def _member_of_staff(
    token: str, now: datetime, directory: StaffDirectory, usage_key: str
) -> Principal | None:
    said = claims_of(token)
    # What is no token of ours is told apart before a key is fetched for it.
    if said is None or not is_access_token(said, directory.issuer, directory.client_id, now):
        return None
    claims = directory.claims_in(token, now)
    if claims is None:
        return None
    attributes = directory.attributes_behind(token, now)
    if attributes is None:
        return None
    name = attributes.get("email") or attributes["sub"]
    return Principal(STAFF, attributes["sub"], name, roles_in(claims), usage_key=usage_key)


def _nobody() -> Unauthenticated:
    return Unauthenticated("sign in as staff and send the token in the Authorization header")
