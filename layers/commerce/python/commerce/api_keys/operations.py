"""What is done with API keys: made, rotated, used."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from commerce.api_keys.model import (
    ACTIVE,
    KEY_ID_PREFIX,
    PUBLISHABLE,
    SECRET,
    ApiKey,
    hash_of,
    key_id_in,
    secret_text,
)
from commerce.api_keys.schema import NewApiKey
from commerce.api_keys.store import ApiKeyStore
from commerce.clock import from_text, to_text
from commerce.errors import ApiKeyNotActive, InvalidRequest, Unauthenticated
from commerce.ids import new_id
from commerce.settings.store import SettingsStore
from commerce.usage_plans import UsageKeyTaken, UsagePlan


def make_key(
    wanted: NewApiKey,
    key_id: str,
    random_bytes: bytes,
    by: str,
    now: datetime,
    *,
    keys: ApiKeyStore,
    plan: UsagePlan,
    call: str = "",
) -> tuple[ApiKey, str | None]:
    """Make a key, and give it with its secret, which is kept nowhere.

    One of this id that was made before, by the same call, is given without its secret.

    API Gateway is told of a secret key first: one that it does not know opens nothing.

    Raises
    ------
    InvalidRequest
        It would have expired already.
    """
    expires_at = to_text(from_text(wanted.expires_at)) if wanted.expires_at else None
    if expires_at is not None and from_text(expires_at) <= now:
        sentence = "the key would have expired already"
        fault = {"path": "$.expires_at", "code": "in_the_past", "detail": sentence}
        raise InvalidRequest(sentence, errors=[fault])
    made_before = keys.find(key_id)
    if made_before is not None:
        return made_before, None
    secret = secret_text(key_id, random_bytes) if wanted.type == SECRET else None
    key = ApiKey(
        key_id=key_id,
        kind=wanted.type,
        name=wanted.name,
        scopes=tuple(sorted(set(wanted.scopes))),
        created_at=to_text(now),
        created_by=by,
        expires_at=expires_at,
        secret_hash=hash_of(secret) if secret else None,
    )
    if secret is None:
        keys.add(key)
        return key, None
    try:
        plan.admit(key.usage_key, key.name)
    except UsageKeyTaken:
        # An earlier run of this call died on the way. What it left at API Gateway opens nothing.
        instead = new_id(KEY_ID_PREFIX, now)
        secret = secret_text(instead, random_bytes)
        key = replace(key, key_id=instead, secret_hash=hash_of(secret))
        plan.admit(key.usage_key, key.name)
        keys.add_instead(key, call, key_id)
    else:
        keys.add(key)
    return key, secret


def rotate_key(
    key_id: str,
    overlap_hours: int,
    random_bytes: bytes,
    now: datetime,
    *,
    keys: ApiKeyStore,
    call: str = "",
) -> tuple[ApiKey, str | None]:
    """Give a key another secret; the one before opens on for the overlap.

    A `call` that comes again gives it no other, and gets the key without its secret, which
    is kept nowhere.

    Raises
    ------
    NotFound
        There is no such key.
    ApiKeyNotActive
        It was revoked, has expired, or has no secret.
    """
    if keys.get(key_id).status(now) != ACTIVE:
        raise ApiKeyNotActive("the key was revoked or has expired; make another")
    secret = secret_text(key_id, random_bytes)
    overlap = timedelta(hours=overlap_hours)
    key = keys.rotate(key_id, hash_of(secret), overlap, now, call)
    return key, secret if key.secret_hash == hash_of(secret) else None


def key_shown(text: str, now: datetime, *, keys: ApiKeyStore) -> ApiKey | None:
    """Give the key whose secret a text is, and note its use; None where it opens nothing."""
    key_id = key_id_in(text, SECRET)
    key = keys.find(key_id) if key_id else None
    if key is None or not key.opened_by(text, now):
        return None
    if key.use_is_worth_noting(now):
        keys.note_use(key.key_id, now)
    return key


def storefront_of(
    text: str | None, now: datetime, *, keys: ApiKeyStore, settings: SettingsStore
) -> str | None:
    """Tell which storefront's key a publishable key is; None where none is sent or needed.

    Raises
    ------
    Unauthenticated
        There is no such key, or it was revoked or has expired; or none is sent, and the
        settings ask for one.
    """
    if text is None:
        if settings.current().policies.require_publishable_key:
            raise Unauthenticated("send your storefront's key in the X-Publishable-Key header")
        return None
    key_id = key_id_in(text.strip(), PUBLISHABLE)
    key = keys.find(key_id) if key_id else None
    if key is None or key.kind != PUBLISHABLE or key.status(now) != ACTIVE:
        raise Unauthenticated("the X-Publishable-Key is none of this shop's, or not any more")
    return key.key_id
