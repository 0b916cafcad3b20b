"""What staff do with endpoints and deliveries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from commerce.clock import to_text
from commerce.errors import EndpointDisabled, TooManyEndpoints
from commerce.queues import Queue
from commerce.webhooks.addresses import check_addresses, target_of
from commerce.webhooks.deliveries import DeliveryStore
from commerce.webhooks.delivering import ring
from commerce.webhooks.endpoints import EndpointStore
from commerce.webhooks.internet import Resolve
from commerce.webhooks.model import (
    BY_STAFF,
    DISABLED,
    ENABLED,
    ENDPOINTS_MAX,
    Delivery,
    Endpoint,
)
from commerce.webhooks.schema import EndpointChanges, NewEndpoint


def register_endpoint(
    wanted: NewEndpoint,
    endpoint_id: str,
    now: datetime,
    *,
    private_allowed: bool,
    endpoints: EndpointStore,
    resolve: Resolve,
) -> Endpoint:
    """Tell an address of events from now on; one of this id that is there stays as it is.

    Raises
    ------
    AddressRefused
        The URL is none that webhooks go to, or its host has no or no public address.
    TooManyEndpoints
        There are 50 already; two registrations at once may make it 51.
    """
    registered = {each.endpoint_id: each for each in endpoints.all()}
    if endpoint_id in registered:
        return registered[endpoint_id]
    _check(wanted.url, resolve, private_allowed=private_allowed)
    if len(registered) >= ENDPOINTS_MAX:
        raise TooManyEndpoints(f"a shop has {ENDPOINTS_MAX} endpoints at most; delete one")
    endpoint = Endpoint(
        endpoint_id=endpoint_id,
        url=wanted.url,
        event_types=tuple(wanted.event_types),
        description=wanted.description,
        status=ENABLED,
        version=1,
        created_at=to_text(now),
        updated_at=to_text(now),
    )
    endpoints.add(endpoint)
    return endpoint


def change_endpoint(
    endpoint_id: str,
    changes: EndpointChanges,
    seen_version: int,
    now: datetime,
    *,
    private_allowed: bool,
    endpoints: EndpointStore,
    resolve: Resolve,
) -> Endpoint:
    """Change an endpoint; enabled again, it starts with a clean record.

    Deliveries given up while it was disabled stay so until they are resent.

    Raises
    ------
    AddressRefused
        As for a registration.
    NotFound, StaleVersion
        There is none, or it is not of `seen_version` any more.
    """
    if changes.url is not None:
        _check(changes.url, resolve, private_allowed=private_allowed)
    old = endpoints.get(endpoint_id)
    new = replace(
        old,
        url=changes.url or old.url,
        event_types=tuple(changes.event_types or old.event_types),
        description=old.description if changes.description is None else changes.description,
        updated_at=to_text(now),
    )
    if changes.status == ENABLED:
        new = replace(new, status=ENABLED)
    if changes.status == DISABLED and old.status == ENABLED:
        new = replace(new, status=DISABLED, disabled_reason=BY_STAFF, disabled_at=to_text(now))
    return endpoints.change(new, seen_version)


def resend_delivery(
    endpoint_id: str,
    delivery_id: str,
    now: datetime,
    *,
    endpoints: EndpointStore,
    deliveries: DeliveryStore,
    queue: Queue,
    call: str = "",
) -> Delivery:
    """Send a delivery again, at once and with all its retries, whatever became of it.

    A `call` that comes again rings for the same round of attempts.

    The receiver gets the same `webhook-id`, so one that took it before may ignore it.

    Raises
    ------
    NotFound
        There is no such endpoint or delivery.
    EndpointDisabled
        The endpoint must be enabled first.
    DeliveryInProgress
        An attempt is under way.
    """
    endpoint = endpoints.get(endpoint_id)
    if endpoint.status == DISABLED:
        raise EndpointDisabled("enable the endpoint first", reason=endpoint.disabled_reason)
    delivery = deliveries.send_again(endpoint_id, delivery_id, now, call)
    ring(delivery, queue)
    return delivery


def _check(url: str, resolve: Resolve, *, private_allowed: bool) -> None:
    target = target_of(url, private_allowed=private_allowed)
    check_addresses(resolve(target.host, target.port), private_allowed=private_allowed)
