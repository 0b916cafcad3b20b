"""Find out who shows a credential."""

from __future__ import annotations

from commerce.errors import Unauthenticated
from commerce.staff.model import (
    STAFF,
    Principal,
    claims_of,
    credential_in,
    is_access_token,
    roles_in,
)
from commerce.staff_directory import StaffDirectory


def identify(header: str, *, directory: StaffDirectory) -> Principal:
    """Tell who sent an `Authorization` header.

    Raises
    ------
    Unauthenticated
        It shows nothing that holds; which part of it does not is nobody's business.
    """
    credential = credential_in(header)
    principal = _member_of_staff(credential, directory) if credential else None
    if principal is None:
        raise Unauthenticated("sign in as staff and send the token in the Authorization header")
    return principal


def _member_of_staff(token: str, directory: StaffDirectory) -> Principal | None:
    claims = claims_of(token)
    if claims is None or not is_access_token(claims, directory.pool_id, directory.client_id):
        return None
    # The claims are worth nothing before Cognito has said that the token holds.
    attributes = directory.attributes_behind(token)
    if attributes is None:
        return None
    name = attributes.get("email") or attributes["sub"]
    return Principal(STAFF, attributes["sub"], name, roles_in(claims))
