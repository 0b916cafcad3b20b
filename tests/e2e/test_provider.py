"""What the payment provider tells late, and what it says otherwise than we do."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from commerce.dynamo.table import Table, Update
from commerce.lifecycle import VOIDING
from commerce.orders.model import order_id_for
from commerce.payments.model import CAPTURE, PaymentCall
from commerce.payments.sandbox import SandboxProvider, payment_key
from commerce.payments.store import PaymentStore
from commerce.signatures import signed_headers
from e2e.recovery import wait_until
from e2e.sales import code_of
from e2e.storefront import Storefront, new_key
from pushcart import payment_messages
from pushcart.cloud import Cloud
from pushcart.payment_messages import PATH, Result

pytestmark = pytest.mark.xdist_group("deployed_shop")


def an_order(storefront: Storefront, token: str = "tok_visa") -> dict[str, Any]:
    (sku,) = storefront.stocked(5)
    answer = storefront.complete(storefront.cart({sku: 2}), token)
    assert answer.is_success, answer.text
    order: dict[str, Any] = answer.json()
    return order


def test_a_checkout_ends_with_what_the_provider_tells_later(
    storefront: Storefront, cloud: Cloud
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 2})
    order_id = order_id_for(cart["id"], 1)

    def tell() -> str:
        wait_until(lambda: storefront.at_provider(order_id) is not None, "the authorization")
        return payment_messages.send(storefront.shop, cloud, order_id, Result.AUTHORIZED)

    with ThreadPoolExecutor(1) as pool:
        told = pool.submit(tell)
        answer = storefront.complete(cart, "tok_async")

    assert (answer.status_code, answer.json()["status"]) == (200, "confirmed")
    assert told.result() == "settled"
    # The capture is done, and its answer lost; the message about it books it.
    path = f"/admin/orders/{order_id}"
    lost = storefront.shop.call("POST", f"{path}/capture", {}, key=new_key())
    assert (lost.status_code, lost.json()["code"]) == (503, "provider_timeout")
    assert storefront.order(order_id)["payment"]["captured"] == 0
    payment_messages.send(storefront.shop, cloud, order_id, Result.CAPTURED)
    assert storefront.order(order_id)["payment"]["captured"] == answer.json()["total"]


def test_a_message_ends_an_undo_that_was_left_open(storefront: Storefront, cloud: Cloud) -> None:
    order_id = an_order(storefront)["id"]
    wait_until(lambda: bool(storefront.order(order_id)["fulfillments"]), "the allocation")
    storefront.break_undo(order_id)
    payments = PaymentStore(Table(cloud.stack_outputs()["PaymentsTableName"], cloud.dynamodb))
    now = datetime.now(UTC)
    payments.record_answer(payments.leave_tombstone(order_id, now), VOIDING, now)
    assert storefront.held(order_id) > 0

    payment_messages.send(storefront.shop, cloud, order_id, Result.AUTHORIZED)

    assert storefront.held(order_id) == 0
    assert storefront.payment_status(order_id) == "voided"
    storefront.shop.ask("POST", f"/admin/orders/{order_id}/redrive")
    wait_until(lambda: storefront.order(order_id)["status"] == "canceled", "the rest of the undo")


def test_only_who_has_the_key_is_listened_to_and_only_once(
    storefront: Storefront, cloud: Cloud
) -> None:
    reference = an_order(storefront)["id"]
    body = json.dumps({"type": "payment.authorized", "data": {"reference": reference}}).encode()
    now, name = datetime.now(UTC), new_key()
    right = signed_headers(name, body.decode(), [payment_messages.key(cloud)], now)
    post = partial(storefront.shop.post, PATH)

    forged = post(body, signed_headers(name, body.decode(), [b"guessed"], now))
    assert (forged.status_code, forged.json()["code"]) == (401, "invalid_signature")
    results = sorted(each.json()["result"] for each in (post(body, right), post(body, right)))
    assert results == ["repeated", "settled"]
    assert post(b" " * 70_000, right).status_code == 413
    elsewhere = storefront.shop.post("/hooks/payments/other", body, right)
    assert elsewhere.status_code == 404


def test_a_reconciliation_finds_the_one_charge_we_have_no_record_of(
    storefront: Storefront, cloud: Cloud
) -> None:
    orders = [an_order(storefront) for _ in range(3)]
    for order in orders[:2]:
        path = f"/admin/orders/{order['id']}/capture"
        storefront.shop.ask("POST", path, {"amount": 700}, key=new_key())
    sandbox = Table(cloud.stack_outputs()["SandboxTableName"], cloud.dynamodb)
    damaged = orders[1]["id"]

    def charged(amount: int) -> None:
        update = Update(payment_key(damaged), "SET #captured = :all", values={"all": amount})
        sandbox.update(update)

    charged(900)
    found = findings(storefront)
    charged(700)

    # Other tests may leave damage of their own behind; of these orders there is one finding.
    ours = [one for one in found if one["order_id"] in {order["id"] for order in orders}]
    assert [(one["order_id"], one["kind"]) for one in ours] == [(damaged, "charge_without_record")]
    assert (ours[0]["expected"], ours[0]["found"], ours[0]["repaired"]) == ("700", "900", False)
    assert findings(storefront) == []


def test_a_reconciliation_ends_what_was_begun_and_lets_go_of_what_is_held_for_nobody(
    storefront: Storefront, cloud: Cloud
) -> None:
    outputs = cloud.stack_outputs()
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    order = an_order(storefront)
    payments = PaymentStore(Table(outputs["PaymentsTableName"], cloud.dynamodb))
    payment, _ = payments.get_with_calls(order["id"])
    payments.record_call(
        payment, PaymentCall(new_key(), CAPTURE, order["id"], 700, "staff", an_hour_ago)
    )
    sandbox = SandboxProvider(
        Table(outputs["SandboxTableName"], cloud.dynamodb), clock=lambda: an_hour_ago
    )
    nobodys = order_id_for(new_key(), 1)
    sandbox.authorize(
        reference=nobodys, amount=500, currency="GBP", token="tok_visa", idempotency_key=nobodys
    )

    found = {one["order_id"]: (one["kind"], one["repaired"]) for one in findings(storefront)}
    held = sandbox.find(nobodys)
    for table in ("SandboxTableName", "PaymentsTableName"):
        forget(cloud, outputs[table], nobodys)

    assert found[order["id"]] == ("left_open", True)
    assert storefront.order(order["id"])["payment"]["captured"] == 700
    assert found[nobodys] == ("authorization_without_order", True)
    assert held is not None
    assert held.status == "voided"


def forget(cloud: Cloud, table: str, reference: str) -> None:
    """Take a payment of no order away, which the invariants of all tests would find."""
    pages = cloud.dynamodb.get_paginator("scan").paginate(TableName=table)
    for item in (item for page in pages for item in page["Items"]):
        if reference in item["pk"]["S"]:
            key = {"pk": item["pk"], "sk": item["sk"]}
            cloud.dynamodb.delete_item(TableName=table, Key=key)


def test_the_books_are_compared_every_night(storefront: Storefront, cloud: Cloud) -> None:
    pages = cloud.functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    (nightly,) = [name for name in names if "ReconcileNightly" in name]

    called = cloud.functions.invoke(FunctionName=nightly, Payload=b"{}")

    assert "run_id" in json.loads(called["Payload"].read())

    def newest() -> Any:
        (run,) = storefront.shop.ask("GET", "/admin/reconciliations", query={"limit": 1})["items"]
        return run

    wait_until(lambda: bool(newest()["status"] == "finished"), "the reconciliation")
    assert newest()["by"] == "nightly"


def test_a_reconciliation_that_cannot_start_is_failed_and_a_repeat_makes_another(
    storefront: Storefront, cloud: Cloud
) -> None:
    key, shop = new_key(), storefront.shop
    (role,) = [
        role["RoleName"]
        for page in cloud.iam.get_paginator("list_roles").paginate()
        for role in page["Roles"]
        if "StartReconciliationFunctionRole" in role["RoleName"]
    ]
    denied = {"Effect": "Deny", "Action": "states:StartExecution", "Resource": "*"}
    cloud.iam.put_role_policy(
        RoleName=role,
        PolicyName="not-now",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]}),
    )
    try:
        refused = shop.call("POST", "/admin/reconciliations", key=key)
    finally:
        cloud.iam.delete_role_policy(RoleName=role, PolicyName="not-now")

    assert code_of(refused) == (500, "internal_error")
    (left,) = shop.ask("GET", "/admin/reconciliations", query={"limit": 1})["items"]
    assert left["status"] == "failed"
    again = shop.ask("POST", "/admin/reconciliations", key=key)
    assert again["id"] != left["id"]
    path = f"/admin/reconciliations/{again['id']}"
    wait_until(lambda: bool(shop.ask("GET", path)["status"] == "finished"), "the reconciliation")


def findings(storefront: Storefront) -> list[dict[str, Any]]:
    """Reconcile, wait for the end, and give what was found."""
    run = storefront.shop.ask("POST", "/admin/reconciliations", {}, key=new_key())
    path = f"/admin/reconciliations/{run['id']}"
    wait_until(
        lambda: bool(storefront.shop.ask("GET", path)["status"] != "running"), "the reconciliation"
    )
    done = storefront.shop.ask("GET", path, query={"limit": 100})
    assert done["status"] == "finished"
    assert done["checked"] >= 3
    items: list[dict[str, Any]] = done["items"]
    assert done["found"] == len(items)
    return items
