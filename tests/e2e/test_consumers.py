"""Consumers that die, and streams that tell twice and in another order: each event counts once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from e2e.command_line import run_pushcart
from e2e.crashes import Environments
from e2e.dead_letters import Queues
from e2e.event_log import Log
from e2e.recovery import settle, wait_until
from e2e.sales import Executions, Money, Sale
from e2e.storefront import Storefront
from e2e.streams import Stream
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

LIFE = {
    "order.placed": 1,
    "order.completed": 1,
    "fulfillment.created": 1,
    "fulfillment.packed": 1,
    "fulfillment.shipped": 1,
    "fulfillment.delivered": 1,
    "payment.authorized": 1,
    "payment.captured": 1,
}


@pytest.fixture(scope="module")
def environments(deployed_shop: Workspace, cloud: Cloud, storefront: Storefront) -> Environments:
    """Give the functions' processes, of which each consumer has one at least."""
    Sale(storefront, 1).arrive()
    return Environments(deployed_shop, cloud)


@pytest.fixture
def log(storefront: Storefront) -> Log:
    return Log(storefront)


def lived_once(sale: Sale, cloud: Cloud, log: Log) -> None:
    """Check that one order was sent and charged once, and told of once."""
    parcel = sale.allocated()
    log.wait_for(sale.id, "order.completed", "payment.captured")
    log.wait_for(parcel, "fulfillment.delivered")
    assert log.types(sale.id) + log.types(parcel) == LIFE
    assert Executions(cloud).names("fulfil-order", sale.id) == [sale.id]
    assert Executions(cloud).status("fulfil-order", sale.id) == "SUCCEEDED"
    assert (sale.stock(), sale.money()) == ([(8, 0, 2)], Money(captured=sale.total))
    what = Counter(each["what"] for each in sale.read()["timeline"])
    assert (what["payment captured"], what["stock consumed"], what["fulfillment open"]) == (1, 1, 1)


def test_a_consumer_killed_at_its_work_is_called_again(
    storefront: Storefront,
    environments: Environments,
    cloud: Cloud,
    log: Log,
    queues: Queues,
) -> None:
    with environments.stopped("StartExecutions") as processes:
        sale = Sale(storefront, 2)
        environments.kill_the_called("StartExecutions", processes)
    parcel = sale.allocated()
    for consumer, decide in (
        ("PublishEvents", sale.pack),
        ("AnswerWaits", sale.ship),
        ("AnswerWaits", sale.deliver),
    ):
        with environments.stopped(consumer) as processes:
            decide(parcel)
            environments.kill_the_called(consumer, processes)
        settle(cloud)  # the call came again, and its process is there to be stopped next
    sale.wait_for("completed")

    lived_once(sale, cloud, log)
    assert (queues.depth(queues.records), queues.depth(queues.events)) == (0, 0)


def test_what_broken_consumers_missed_is_in_the_queue_and_goes_on_when_redriven(
    storefront: Storefront,
    environments: Environments,
    cloud: Cloud,
    deployed_shop: Workspace,
    log: Log,
    queues: Queues,
) -> None:
    packed = Sale(storefront, 2)
    parcel = packed.allocated()
    with environments.out_of_order("StartExecutions", "AnswerWaits"):
        placed = Sale(storefront, 2)
        packed.pack(parcel)
        wait_until(lambda: queues.depth(queues.events) >= 2, "the dead letters")
    assert placed.read()["fulfillments"] == []

    done = run_pushcart(deployed_shop, "redrive-events")

    assert (done.returncode, done.stderr) == (0, "")
    assert queues.depth(queues.events) == 0
    packed.ship(parcel)
    packed.deliver(parcel)
    placed.arrive()
    packed.wait_for("completed")
    for sale in (packed, placed):
        lived_once(sale, cloud, log)


def test_a_stream_that_tells_twice_and_backwards_has_one_effect(
    storefront: Storefront,
    environments: Environments,
    cloud: Cloud,
    log: Log,
    queues: Queues,
) -> None:
    orders, payments = Stream(cloud, "Orders"), Stream(cloud, "Payments")
    sale = Sale(storefront, 2)
    parcel = sale.allocated()
    sale.pack(parcel)
    settle(cloud)
    orders.send(orders.records())
    # What is told again takes no parcel on: it is packed until somebody ships it.
    log.wait_for(Sale(storefront, 1).allocated(), "fulfillment.created")
    settle(cloud)
    assert (sale.stock(), sale.money()) == ([(8, 2, 0)], Money())
    before = len(orders.records())
    with environments.stopped("PublishEvents") as processes:
        sale.ship(parcel)
        environments.keep_the_called("PublishEvents", processes)
        sale.deliver(parcel)
        decided = orders.records()[before:]
        for record in reversed(decided):  # the delivery is told first, and each thing twice
            orders.send([record])
            orders.send([record])
        sale.wait(lambda order: order["payment_status"] == "captured", "the capture")
    sale.wait_for("completed")

    # Now the stream itself has told it all as well; once more, in no order at all.
    shuffled = random.Random(7)
    for stream in (orders, payments):
        records = stream.records()
        shuffled.shuffle(records)
        stream.send(records)
    log.wait_for(Sale(storefront, 1).allocated(), "fulfillment.created")

    lived_once(sale, cloud, log)
    assert (queues.depth(queues.records), queues.depth(queues.events)) == (0, 0)
