"""Who of the staff may do what: the one table, a line a route.

An owner may do everything; a manager everything but hand out API keys and read the audit
trail; support reads what buyers ask about, cancels, and gives money back up to a limit of the
settings; a packer sends parcels, and reads the orders and the stock that takes; an auditor
reads everything and changes nothing. An API key has scopes in place of a role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a member of staff is; a group of the staff's user pool has each one's name."""

    OWNER = "owner"
    MANAGER = "manager"
    SUPPORT = "support"
    PACKER = "packer"
    AUDITOR = "auditor"


@dataclass(frozen=True)
class Access:
    """What a route takes: this scope of an API key, or one of these roles of a person."""

    scope: str
    roles: tuple[Role, ...]

    def admits(self, roles: frozenset[str], scopes: frozenset[str]) -> bool:
        """Tell whether somebody with these roles, or a key with these scopes, may do it."""
        return self.scope in scopes or not roles.isdisjoint(self.roles)

    @property
    def sentence(self) -> str:
        """Say what it takes."""
        roles = ", ".join(self.roles)
        if self.scope not in GRANTABLE_SCOPES:
            return f"this takes one of the roles {roles}"
        return f"this takes one of the roles {roles}, or an API key with the scope {self.scope}"


def refunds_are_limited(roles: frozenset[str]) -> bool:
    """Tell whether somebody gives money back only up to the limit of the settings."""
    return Role.SUPPORT in roles and roles.isdisjoint({Role.OWNER, Role.MANAGER})


_OWNER = (Role.OWNER,)
_MANAGER = (Role.OWNER, Role.MANAGER)
_SUPPORT = (*_MANAGER, Role.SUPPORT)
_PACKER = (*_MANAGER, Role.PACKER)
_OWNER_READS = (Role.OWNER, Role.AUDITOR)
_MANAGER_READS = (*_MANAGER, Role.AUDITOR)
_SUPPORT_READS = (*_SUPPORT, Role.AUDITOR)
_ALL_READ = tuple(Role)

ACCESS: Mapping[str, Access] = {
    "GET /admin/products": Access("products:read", _SUPPORT_READS),
    "POST /admin/products": Access("products:write", _MANAGER),
    "GET /admin/products/export": Access("products:read", _MANAGER_READS),
    "GET /admin/products/{id}": Access("products:read", _SUPPORT_READS),
    "PATCH /admin/products/{id}": Access("products:write", _MANAGER),
    "DELETE /admin/products/{id}": Access("products:write", _MANAGER),
    "POST /admin/imports": Access("products:write", _MANAGER),
    "POST /admin/imports/uploads": Access("products:write", _MANAGER),
    "GET /admin/stock": Access("stock:read", _ALL_READ),
    "GET /admin/stock/{sku}": Access("stock:read", _ALL_READ),
    "POST /admin/stock/{sku}/adjustments": Access("stock:write", _MANAGER),
    "POST /admin/stock-counts": Access("stock:write", _MANAGER),
    "POST /admin/stock-transfers": Access("stock:write", _MANAGER),
    "GET /admin/orders": Access("orders:read", _ALL_READ),
    "GET /admin/orders/{id}": Access("orders:read", _ALL_READ),
    "POST /admin/orders/{id}/cancel": Access("orders:write", _SUPPORT),
    "PUT /admin/orders/{id}/destination": Access("orders:write", _SUPPORT),
    "POST /admin/orders/{id}/redrive": Access("orders:write", _MANAGER),
    "GET /admin/orders/{id}/fulfillments": Access("fulfillments:read", _ALL_READ),
    "POST /admin/orders/{id}/fulfillments": Access("fulfillments:write", _PACKER),
    "POST /admin/fulfillments/{id}/cancel": Access("fulfillments:write", _PACKER),
    "POST /admin/fulfillments/{id}/report-shortage": Access("fulfillments:write", _PACKER),
    "POST /admin/fulfillments/{id}/pack": Access("fulfillments:write", _PACKER),
    "POST /admin/fulfillments/{id}/ship": Access("fulfillments:write", _PACKER),
    "POST /admin/fulfillments/{id}/deliver": Access("fulfillments:write", _PACKER),
    "GET /admin/returns": Access("returns:read", _SUPPORT_READS),
    "GET /admin/returns/{id}": Access("returns:read", _SUPPORT_READS),
    "POST /admin/returns/{id}/approve": Access("returns:write", _SUPPORT),
    "POST /admin/returns/{id}/reject": Access("returns:write", _SUPPORT),
    "POST /admin/returns/{id}/receive": Access("returns:write", _SUPPORT),
    "POST /admin/returns/{id}/refund": Access("payments:write", _SUPPORT),
    "POST /admin/orders/{id}/capture": Access("payments:write", _MANAGER),
    "POST /admin/orders/{id}/refund": Access("payments:write", _SUPPORT),
    "GET /admin/accounts/{id}": Access("books:read", _MANAGER_READS),
    "POST /admin/accounts/{id}/transfers": Access("books:write", _MANAGER),
    "GET /admin/reconciliations": Access("books:read", _MANAGER_READS),
    "POST /admin/reconciliations": Access("books:write", _MANAGER),
    "GET /admin/reconciliations/{id}": Access("books:read", _MANAGER_READS),
    "GET /admin/events": Access("events:read", _SUPPORT_READS),
    "GET /admin/emails": Access("emails:read", _SUPPORT_READS),
    "GET /admin/settings": Access("settings:read", _SUPPORT_READS),
    "PUT /admin/settings": Access("settings:write", _MANAGER),
    "GET /admin/customers": Access("customers:read", _SUPPORT_READS),
    "GET /admin/customers/{id}": Access("customers:read", _SUPPORT_READS),
    "GET /admin/audit-entries": Access("audit:read", _OWNER_READS),
    "GET /admin/audit-entries/{id}": Access("audit:read", _OWNER_READS),
    "GET /admin/webhook-endpoints": Access("webhooks:read", _MANAGER_READS),
    "POST /admin/webhook-endpoints": Access("webhooks:write", _MANAGER),
    "GET /admin/webhook-endpoints/{id}": Access("webhooks:read", _MANAGER_READS),
    "PATCH /admin/webhook-endpoints/{id}": Access("webhooks:write", _MANAGER),
    "DELETE /admin/webhook-endpoints/{id}": Access("webhooks:write", _MANAGER),
    "POST /admin/webhook-endpoints/{id}/rotate-secret": Access("webhooks:write", _MANAGER),
    "GET /admin/webhook-endpoints/{id}/deliveries": Access("webhooks:read", _MANAGER_READS),
    "POST /admin/webhook-endpoints/{id}/deliveries/{delivery_id}/resend": Access(
        "webhooks:write", _MANAGER
    ),
    "GET /admin/api-keys": Access("keys:read", _OWNER_READS),
    "POST /admin/api-keys": Access("keys:write", _OWNER),
    "GET /admin/api-keys/{id}": Access("keys:read", _OWNER_READS),
    "POST /admin/api-keys/{id}/rotate": Access("keys:write", _OWNER),
    "DELETE /admin/api-keys/{id}": Access("keys:write", _OWNER),
}

# A key that could make keys would make one that outlives its own revocation.
_OF_PEOPLE_ALONE = {"keys:read", "keys:write"}

GRANTABLE_SCOPES = tuple(sorted({each.scope for each in ACCESS.values()} - _OF_PEOPLE_ALONE))


def access_to(route: str) -> Access:
    """Tell what a route such as `GET /admin/orders` takes; one that is not listed admits nobody."""
    return ACCESS.get(route, Access("", ()))
