"""What happens in the shop is on the log of events, once, whatever fails on the way."""

from __future__ import annotations

from typing import Any

import pytest

from commerce.dynamo.table import to_wire
from commerce.orders.model import order_id_for
from deployed import resources
from e2e.command_line import run_pushcart
from e2e.crashes import Environments
from e2e.dead_letters import Queues
from e2e.event_log import Log
from e2e.recovery import wait_until
from e2e.storefront import Storefront, new_key
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME, Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


@pytest.fixture
def log(storefront: Storefront) -> Log:
    return Log(storefront)


@pytest.fixture(scope="module")
def environments(deployed_shop: Workspace, cloud: Cloud, storefront: Storefront) -> Environments:
    """Give the functions' processes, of which publisher and consumer have one."""
    (sku,) = storefront.stocked(1)
    order = storefront.complete(storefront.cart({sku: 1})).json()
    Log(storefront).wait_for(order["id"], "order.placed")
    return Environments(deployed_shop, cloud)


def an_order(storefront: Storefront) -> str:
    (sku,) = storefront.stocked(10)
    answer = storefront.complete(storefront.cart({sku: 1}))
    assert answer.status_code == 200
    order_id: str = answer.json()["id"]
    return order_id


def test_a_confirmed_order_is_placed_and_paid_once(storefront: Storefront, log: Log) -> None:
    order_id = an_order(storefront)

    log.wait_for(order_id, "order.placed", "payment.authorized")

    assert log.types(order_id) == {"order.placed": 1, "payment.authorized": 1}
    placed = next(one for one in log.about(order_id) if one["type"] == "order.placed")
    order = storefront.order(order_id)
    # Placed and confirmed; its fulfilment may have gone on since.
    assert placed["aggregate"] == {"type": "order", "id": order_id, "version": 2}
    assert placed["occurred_at"] in [each["at"] for each in order["timeline"]]
    assert placed["data"] == {"currency": "GBP", "total": order["total"], "line_count": 1}


def test_a_declined_order_is_told_as_declined_and_canceled(
    storefront: Storefront, log: Log
) -> None:
    (sku,) = storefront.stocked(10)
    cart = storefront.cart({sku: 1})
    assert storefront.complete(cart, "tok_declined").status_code == 402
    order_id = order_id_for(cart["id"], 1)

    log.wait_for(order_id, "payment.declined", "order.canceled")

    assert log.types(order_id) == {"payment.declined": 1, "order.canceled": 1}
    assert log.about(order_id)[0]["data"]["reason"] == "PaymentDeclined"


def test_nothing_is_told_of_what_was_refused(storefront: Storefront, log: Log) -> None:
    (scarce,) = storefront.stocked(3)
    cart = storefront.cart({scarce: 4})
    assert storefront.complete(cart).status_code == 409
    order_id = order_id_for(cart["id"], 1)

    log.wait_for(order_id, "order.canceled")
    # An order of later is on the log, so whatever came before would be too.
    log.wait_for(an_order(storefront), "order.placed", "payment.authorized")

    assert log.types(order_id) == {"order.canceled": 1}
    assert log.about(scarce) == []


def test_a_sku_is_low_once_when_it_falls_and_a_product_tells_each_version(
    storefront: Storefront, log: Log
) -> None:
    (sku,) = storefront.stocked(7)
    for units in (1, 2, 1):
        assert storefront.complete(storefront.cart({sku: units})).status_code == 200

    log.wait_for(sku, "stock.low")
    log.wait_for(an_order(storefront), "order.placed")

    (low,) = log.about(sku)
    assert low["data"] == {"available": 4, "threshold": 5}


def test_a_bad_record_is_set_aside_and_those_after_it_are_published(
    storefront: Storefront, cloud: Cloud, deployed_shop: Workspace, log: Log, queues: Queues
) -> None:
    table = cloud.stack_outputs()["CatalogTableName"]
    key = to_wire({"pk": f"product#{new_key()}", "sk": "product"})
    cloud.dynamodb.put_item(TableName=table, Item=key)
    try:
        product = storefront.shop.ask("POST", "/admin/products", a_product(), key=new_key())
        log.wait_for(product["id"], "product.changed")
        wait_until(lambda: queues.depth(queues.records) >= 1, "the dead letter")

        again = run_pushcart(deployed_shop, "redrive-events")

        assert again.returncode == 1
        assert "records failed again" in again.stderr
        assert queues.depth(queues.records) >= 1
        assert log.types(product["id"]) == {"product.changed": 1}
    finally:
        cloud.dynamodb.delete_item(TableName=table, Key=key)


def a_product() -> dict[str, Any]:
    name = new_key()[:8]
    return {"title": name, "variants": [{"sku": name, "title": name, "prices": {"GBP": 950}}]}


def test_a_publisher_killed_at_its_work_loses_nothing(
    storefront: Storefront, environments: Environments, log: Log, queues: Queues
) -> None:
    with environments.stopped("PublishEvents") as processes:
        order_id = an_order(storefront)  # confirmed, while nothing can be published
        assert log.about(order_id) == []
        environments.kill_the_called("PublishEvents", processes)

    log.wait_for(order_id, "order.placed", "payment.authorized")

    assert log.types(order_id) == {"order.placed": 1, "payment.authorized": 1}
    assert queues.depth(queues.records) == 0


def test_what_a_broken_publisher_missed_is_redriven_and_recorded_once(
    storefront: Storefront,
    environments: Environments,
    deployed_shop: Workspace,
    log: Log,
    queues: Queues,
) -> None:
    with environments.out_of_order("PublishEvents"):
        order_id = an_order(storefront)
        # Payment, order and the product made for them each have a stream of their own.
        wait_until(lambda: queues.depth(queues.records) >= 3, "the dead letters")
    assert log.types(order_id) == {}

    done = run_pushcart(deployed_shop, "redrive-events")

    assert (done.returncode, done.stderr) == (0, "")
    assert queues.depth(queues.records) == 0
    log.wait_for(order_id, "order.placed", "payment.authorized")
    assert log.types(order_id) == {"order.placed": 1, "payment.authorized": 1}


def test_what_a_broken_consumer_missed_is_redriven(
    storefront: Storefront,
    environments: Environments,
    deployed_shop: Workspace,
    log: Log,
    queues: Queues,
) -> None:
    with environments.out_of_order("RecordEvent"):
        order_id = an_order(storefront)
        wait_until(lambda: queues.depth(queues.events) >= 3, "the dead letters")

    done = run_pushcart(deployed_shop, "redrive-events")

    assert (done.returncode, done.stderr) == (0, "")
    log.wait_for(order_id, "order.placed", "payment.authorized")
    assert log.types(order_id) == {"order.placed": 1, "payment.authorized": 1}


def test_what_no_consumer_understands_each_gives_up_by_itself(cloud: Cloud, queues: Queues) -> None:
    for type_ in ("order.placed", "fulfillment.packed"):
        entry: Any = {"Source": "pushcart", "DetailType": type_, "Detail": "{}"}
        cloud.events.put_events(Entries=[entry | {"EventBusName": STACK_NAME}])
    # Nobody but AWS may put what the watchdog hears; it is handed over as a bus does it.
    pages = cloud.functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    (watchdog,) = [name for name in names if "WatchExecutions" in name]
    cloud.functions.invoke(FunctionName=watchdog, InvocationType="Event", Payload=b"{}")

    consumers = {
        name for name, each in resources("Function").items() if "EventInvokeConfig" in each
    }
    wait_until(lambda: queues.given_up_by() == consumers, "every consumer to give up")


def test_the_command_prints_events_newest_last(
    deployed_shop: Workspace, storefront: Storefront, log: Log
) -> None:
    order_id = an_order(storefront)
    log.wait_for(order_id, "order.placed", "payment.authorized")

    done = run_pushcart(deployed_shop, "events", "--about", order_id)

    assert done.returncode == 0, done.stderr
    paid, placed = done.stdout.splitlines()
    assert "payment.authorized" in paid
    assert "order.placed" in placed
