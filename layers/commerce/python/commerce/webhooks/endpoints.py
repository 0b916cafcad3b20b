"""The webhooks table: its endpoints.

==================  ===================  ==========================
what                pk                   sk
==================  ===================  ==========================
an endpoint         `endpoints`          `<endpoint id>`
a delivery          `<endpoint id>`      `<delivery id>`
==================  ===================  ==========================

=====================================  ====================================================
question                               answered by
=====================================  ====================================================
all endpoints, oldest first            a query of the one partition, of 50 items at most
one endpoint                           a get
an endpoint's deliveries, newest first  a query by the endpoint's id: ids sort by time
deliveries that are due                index `due`, which holds pending ones alone
=====================================  ====================================================

Deliveries are in `commerce.webhooks.deliveries`.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from commerce.clock import to_text
from commerce.dynamo.table import ConditionFailed, Delete, Item, Key, Put, Table, Update
from commerce.errors import NotFound, StaleVersion
from commerce.ids import is_id, new_id
from commerce.webhooks.model import (
    DISABLED,
    ENABLED,
    ENDPOINT_ID_PREFIX,
    ROTATION_OVERLAP,
    Endpoint,
)

ENDPOINTS = "endpoints"

IS_NEW = "attribute_not_exists(#pk)"
IS_THERE = "attribute_exists(#pk)"
NOT_ROTATED_FOR_IT = f"{IS_THERE} AND (attribute_not_exists(#rotated_for) OR #rotated_for <> :call)"
UNCHANGED = "#version = :seen"
# Staff who changed the endpoint since have the last word on it.
UNCHANGED_AND_ENABLED = "#version = :seen AND #status = :enabled"
FAILED_BEFORE = "attribute_exists(#failing_since)"


def endpoint_key(endpoint_id: str) -> Key:
    """Where an endpoint stands."""
    return {"pk": ENDPOINTS, "sk": endpoint_id}


class EndpointStore:
    """Who is told of events."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def all(self) -> list[Endpoint]:
        """Read all endpoints as they are now, oldest first."""
        items = self._table.query("#pk = :endpoints", {"endpoints": ENDPOINTS}, consistent=True)
        return [_endpoint(item) for item in items]

    def find(self, endpoint_id: str) -> Endpoint | None:
        """Read an endpoint as it is now; None where there is none."""
        if not is_id(endpoint_id, ENDPOINT_ID_PREFIX):
            return None
        item = self._table.get(endpoint_key(endpoint_id))
        return _endpoint(item) if item else None

    def get(self, endpoint_id: str) -> Endpoint:
        """Read an endpoint as it is now.

        Raises
        ------
        NotFound
            There is none.
        """
        endpoint = self.find(endpoint_id)
        if endpoint is None:
            raise _not_found()
        return endpoint

    def add(self, endpoint: Endpoint) -> None:
        """Keep a new endpoint; repeated, the first one stays."""
        try:
            self._table.put(Put(_item(endpoint), IS_NEW))
        except ConditionFailed:
            return

    def change(self, endpoint: Endpoint, seen_version: int) -> Endpoint:
        """Put what staff may change of an endpoint in place of what it was.

        Raises
        ------
        StaleVersion
            It is not of `seen_version` any more.
        NotFound
            It was deleted.
        """
        expression = (
            "SET #url = :url, #event_types = :event_types, #description = :description, "
            "#status = :status, #updated_at = :updated_at, #version = :seen + :one"
        )
        values = {
            "url": endpoint.url,
            "event_types": list(endpoint.event_types),
            "description": endpoint.description,
            "status": endpoint.status,
            "updated_at": endpoint.updated_at,
            "seen": seen_version,
            "one": 1,
        }
        if endpoint.status == ENABLED:
            expression = f"REMOVE #disabled_reason, #disabled_at, #failing_since {expression}"
        else:
            expression += ", #disabled_reason = :reason, #disabled_at = :disabled_at"
            values |= {"reason": endpoint.disabled_reason, "disabled_at": endpoint.disabled_at}
        key = endpoint_key(endpoint.endpoint_id)
        try:
            return _endpoint(self._table.update(Update(key, expression, UNCHANGED, values)))
        except ConditionFailed as failed:
            if failed.item is None:
                raise _not_found() from None
            raise StaleVersion(
                "the endpoint was changed since you read it", version=failed.item["version"]
            ) from None

    def rotate_secret(self, endpoint_id: str, now: datetime, call: str = "") -> Endpoint:
        """Sign with another secret from now on, and for a day with the one before it too.

        For a `call`, once: where it was done before, the endpoint is as it was left.

        Raises
        ------
        NotFound
            There is no such endpoint.
        """
        update = Update(
            endpoint_key(endpoint_id),
            "SET #secret_number = #secret_number + :one, #previous_secret_until = :until, "
            "#updated_at = :now, #version = #version + :one, #rotated_for = :call",
            NOT_ROTATED_FOR_IT,
            {
                "until": to_text(now + ROTATION_OVERLAP),
                "now": to_text(now),
                "one": 1,
                "call": call or new_id("call", now),
            },
        )
        try:
            return _endpoint(self._table.update(update))
        except ConditionFailed as failed:
            if failed.item is None:
                raise _not_found() from None
            return _endpoint(failed.item)

    def disable(self, endpoint: Endpoint, reason: str, now: datetime) -> bool:
        """Send it nothing more; tell whether this call disabled it."""
        update = Update(
            endpoint_key(endpoint.endpoint_id),
            "SET #status = :disabled, #disabled_reason = :reason, #disabled_at = :now, "
            "#updated_at = :now, #version = #version + :one",
            UNCHANGED_AND_ENABLED,
            {
                "seen": endpoint.version,
                "enabled": ENABLED,
                "disabled": DISABLED,
                "reason": reason,
                "now": to_text(now),
                "one": 1,
            },
        )
        try:
            self._table.update(update)
        except ConditionFailed:
            return False
        return True

    def note_given_up(self, endpoint_id: str, now: datetime) -> Endpoint | None:
        """Note that a delivery was given up, at its first time; None where it was deleted."""
        update = Update(
            endpoint_key(endpoint_id),
            "SET #failing_since = if_not_exists(#failing_since, :now)",
            IS_THERE,
            {"now": to_text(now)},
        )
        try:
            return _endpoint(self._table.update(update))
        except ConditionFailed:
            return None

    def note_delivered(self, endpoint_id: str) -> None:
        """Note that it takes deliveries again."""
        update = Update(endpoint_key(endpoint_id), "REMOVE #failing_since", FAILED_BEFORE)
        try:
            self._table.update(update)
        except ConditionFailed:
            return

    def remove(self, endpoint_id: str) -> Endpoint:
        """Forget an endpoint, and give it as it was; its deliveries go with time.

        Raises
        ------
        NotFound
            There is no such endpoint.
        """
        endpoint = self.get(endpoint_id)
        try:
            self._table.delete(Delete(endpoint_key(endpoint_id), IS_THERE))
        except ConditionFailed:
            raise _not_found() from None
        return endpoint


_NOT_OF_AN_ENDPOINT = {"pk", "sk", "rotated_for"}


def _not_found() -> NotFound:
    return NotFound("there is no such webhook endpoint")


def _item(endpoint: Endpoint) -> Item:
    item = {name: value for name, value in asdict(endpoint).items() if value is not None}
    del item["endpoint_id"]
    return {**item, **endpoint_key(endpoint.endpoint_id), "event_types": [*endpoint.event_types]}


def _endpoint(item: Item) -> Endpoint:
    facts = {name: value for name, value in item.items() if name not in _NOT_OF_AN_ENDPOINT}
    return Endpoint(endpoint_id=item["sk"], **{**facts, "event_types": tuple(item["event_types"])})
