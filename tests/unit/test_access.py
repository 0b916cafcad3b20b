"""Who may do what is one table, and it has every route of the admin API."""

from __future__ import annotations

import pytest

from cloud_in_memory import ROOT
from commerce.access import ACCESS, GRANTABLE_SCOPES, Role, access_to
from deployed import resources
from pushcart.api_document import endpoints


def _may(role: Role) -> set[str]:
    return {route for route, access in ACCESS.items() if access.admits(frozenset([role]), NONE)}


NONE: frozenset[str] = frozenset()
READS = {route for route in ACCESS if route.startswith("GET ")}


def test_the_table_has_exactly_the_admin_routes() -> None:
    published = {each.operation.route for each in endpoints(ROOT)}
    assert set(ACCESS) == {route for route in published if " /admin/" in route}


def test_every_role_is_a_group_of_the_staffs_pool() -> None:
    groups = {each["GroupName"] for each in resources("UserPoolGroup").values()}
    assert groups == set(Role)


def test_a_scope_reads_or_writes_as_its_name_says() -> None:
    for route, access in ACCESS.items():
        assert access.scope.endswith(":read") == (route in READS), route


def test_an_owner_may_do_everything() -> None:
    assert _may(Role.OWNER) == set(ACCESS)


def test_a_manager_may_do_everything_but_give_out_keys_and_read_what_all_did() -> None:
    of_owners = {
        route for route, access in ACCESS.items() if access.scope.startswith(("keys:", "audit:"))
    }
    assert _may(Role.MANAGER) == set(ACCESS) - of_owners


def test_an_auditor_reads_everything_and_changes_nothing() -> None:
    assert _may(Role.AUDITOR) == READS


def test_a_packer_changes_parcels_and_nothing_else() -> None:
    writes = {ACCESS[route].scope for route in _may(Role.PACKER) - READS}
    reads = {ACCESS[route].scope for route in _may(Role.PACKER) & READS}
    assert writes == {"fulfillments:write"}
    assert reads == {"fulfillments:read", "orders:read", "stock:read"}


def test_support_cancels_and_gives_money_back_and_moves_no_other_money() -> None:
    may = _may(Role.SUPPORT)
    assert {"POST /admin/orders/{id}/cancel", "POST /admin/orders/{id}/refund"} <= may
    assert {ACCESS[route].scope for route in may - READS} == {
        "orders:write",
        "returns:write",
        "payments:write",
    }
    assert "POST /admin/orders/{id}/capture" not in may
    assert not {ACCESS[route].scope for route in may} & {"books:read", "webhooks:read"}


@pytest.mark.parametrize("route", ["GET /admin/nothing", "DELETE /admin/orders", ""])
def test_what_is_not_in_the_table_admits_nobody(route: str) -> None:
    everything = frozenset([*Role, *GRANTABLE_SCOPES])
    assert not access_to(route).admits(everything, everything)


def test_no_key_can_be_given_what_makes_keys() -> None:
    assert not {scope for scope in GRANTABLE_SCOPES if scope.startswith("keys:")}
    assert "orders:read" in GRANTABLE_SCOPES
