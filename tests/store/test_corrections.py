"""Staff correct where an order goes, as long as nothing of it is packed and the price stays."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from commerce.clock import to_text
from commerce.errors import (
    DestinationChangesPrice,
    DomainError,
    IllegalTransition,
    InvalidRequest,
    NotFound,
    StaleVersion,
)
from commerce.events.model import Change as Written
from commerce.events.model import event_of
from commerce.lifecycle import PACKED
from commerce.orders.corrections import correct_destination
from commerce.orders.record import OrderRecord
from commerce.orders.schema import timeline
from commerce.pricing import Destination
from store.emulated_dynamodb import EmulatedDynamoDb
from store.shop_at_work import SERVICES, STAFF, ShopAtWork, lines_of

HOME = {
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "N1 1AA",
    "address_country": "GB",
    "phone_number": "+44 20 7946 0000",
}
NEXT_DOOR = Destination("2 High Street", "London", None, "n12bb", "GB", "Flat 3", "Eve")
ROUNDS = 60


@pytest.fixture
def shop() -> ShopAtWork:
    found = ShopAtWork(EmulatedDynamoDb(*SERVICES))
    found.fill({("SKU1", "main"): 99, ("SKU2", "main"): 99})
    found.fulfillment = {"destination": HOME, "option": {"id": "gb-standard"}}
    return found


def an_order(shop: ShopAtWork) -> str:
    order_id = shop.place(1, lines_of(2, 2), 400)
    shop.allocate(order_id)
    return order_id


def correct(
    shop: ShopAtWork, order_id: str, wanted: Destination = NEXT_DOOR, version: int | None = None
) -> OrderRecord:
    seen = shop.record(order_id).order.version if version is None else version
    return correct_destination(
        order_id, wanted, seen, STAFF, shop.now, records=shop.records, settings=shop.settings
    )


def kept(shop: ShopAtWork, order_id: str) -> dict[str, Any]:
    return dict(shop.record(order_id).details.fulfillment["destination"])


def test_an_address_is_replaced_whole_and_the_history_says_so(shop: ShopAtWork) -> None:
    order_id = an_order(shop)
    before = shop.record(order_id)

    given = correct(shop, order_id)

    after = shop.record(order_id)
    assert given == after
    assert kept(shop, order_id) == {
        "street_address": "2 High Street",
        "extended_address": "Flat 3",
        "address_locality": "London",
        "postal_code": "N1 2BB",
        "address_country": "GB",
        "first_name": "Eve",
    }
    assert after.details.fulfillment["option"] == {"id": "gb-standard"}
    assert (after.order.totals, after.details.lines) == (before.order.totals, before.details.lines)
    assert after.fulfillments == before.fulfillments
    assert (after.order.status, after.order.version) == ("confirmed", before.order.version + 1)
    told = timeline(after.order, None, [])[-1]
    assert (told.what, told.by) == ("destination corrected", STAFF)
    # It can be packed and sent as before.
    shop.pack(after.fulfillments[0].id)
    assert shop.ship(after.fulfillments[0].id).details == after.details


def test_said_again_nothing_is_done_though_the_version_is_that_of_before(shop: ShopAtWork) -> None:
    order_id = an_order(shop)
    version = shop.record(order_id).order.version
    first = correct(shop, order_id, version=version)
    assert correct(shop, order_id, version=version) == first


def test_who_has_not_seen_the_order_as_it_is_corrects_nothing(shop: ShopAtWork) -> None:
    order_id = an_order(shop)
    version = shop.record(order_id).order.version
    shop.cancel(order_id, {"line_1": 1})
    with pytest.raises(StaleVersion):
        correct(shop, order_id, version=version)
    assert kept(shop, order_id) == HOME


def packed(shop: ShopAtWork, order_id: str) -> None:
    shop.pack(shop.record(order_id).fulfillments[0].id)


def packed_in_part(shop: ShopAtWork, order_id: str) -> None:
    shop.pack(shop.split(order_id, {"line_1": 1}))


def shipped(shop: ShopAtWork, order_id: str) -> None:
    packed(shop, order_id)
    shop.ship(shop.record(order_id).fulfillments[0].id)


def canceled(shop: ShopAtWork, order_id: str) -> None:
    shop.cancel(order_id)


@pytest.mark.parametrize("before", [packed, packed_in_part, shipped, canceled])
def test_it_is_too_late_once_something_is_packed_or_the_order_ends(
    shop: ShopAtWork, before: Callable[[ShopAtWork, str], None]
) -> None:
    order_id = an_order(shop)
    before(shop, order_id)
    with pytest.raises(IllegalTransition):
        correct(shop, order_id)
    assert kept(shop, order_id) == HOME


def test_a_parcel_that_is_begun_again_may_go_elsewhere(shop: ShopAtWork) -> None:
    order_id = an_order(shop)
    packed(shop, order_id)
    shop.begin_again(shop.record(order_id).fulfillments[0].id)
    correct(shop, order_id)
    assert kept(shop, order_id)["street_address"] == "2 High Street"


@pytest.mark.parametrize(
    "place",
    [
        Destination("1 Rue", "Paris", None, "75001", "FR"),  # another zone
        Destination("1 High Street", "Douglas", None, "IM1 1AA", "IM"),  # the same tax, not zone
        Destination("1 High Street", "Saint Helier", None, "JE2 3AB", "GB"),  # no VAT
    ],
)
def test_an_address_at_which_delivery_or_tax_differ_is_refused(
    shop: ShopAtWork, place: Destination
) -> None:
    order_id = an_order(shop)
    with pytest.raises(DestinationChangesPrice):
        correct(shop, order_id, place)
    assert kept(shop, order_id) == HOME


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (Destination("1 High Street", "London", None, None, "GB"), "$.postal_code"),
        (Destination("1 High Street", "London", None, "75001", "GB"), "$.postal_code"),
        (Destination(None, "London", None, "N1 1AA", "GB"), "$.street_address"),
        (Destination("1 High Street", "London", None, "N1 1AA", None), "$.address_country"),
    ],
)
def test_an_address_that_no_parcel_reaches_is_refused_by_its_path(
    shop: ShopAtWork, place: Destination, path: str
) -> None:
    order_id = an_order(shop)
    with pytest.raises(InvalidRequest) as refused:
        correct(shop, order_id, place)
    assert [each["path"] for each in refused.value.details["errors"]] == [path]


def test_an_order_that_is_sent_nowhere_or_is_not_there_has_no_address(shop: ShopAtWork) -> None:
    shop.fulfillment = {}
    with pytest.raises(IllegalTransition):
        correct(shop, an_order(shop))
    with pytest.raises(NotFound):
        correct(shop, "order_01j0000000q3n8v5r1c7k2m9x4t6w0a8y5zz", version=1)


def test_packed_and_corrected_at_once_the_parcel_has_the_address_it_was_packed_for(
    shop: ShopAtWork,
) -> None:
    database: EmulatedDynamoDb = shop.client
    order_id = an_order(shop)
    part = shop.record(order_id).fulfillments[0].id
    version = shop.record(order_id).order.version
    before = database.saved()
    corrected = 0
    for _ in range(ROUNDS):
        database.go_back_to(before)
        start = Barrier(2)

        def act(deed: Callable[[], object], start: Barrier = start) -> DomainError | None:
            start.wait()
            try:
                deed()
            except DomainError as error:
                return error
            return None

        with ThreadPoolExecutor(2) as pool:
            one = pool.submit(act, lambda: shop.pack(part))
            other = pool.submit(act, lambda: correct(shop, order_id, version=version))
            told = one.result(), other.result()
        record = shop.record(order_id)
        assert record.fulfillment(part).status == PACKED
        assert told[0] is None
        history = [change.status for change in record.order.timeline]
        if told[1] is None:
            # The correction came first, and whoever packs after it has packed for it.
            assert kept(shop, order_id)["street_address"] == "2 High Street"
            assert history.index("corrected") < history.index(PACKED)
            corrected += 1
        else:
            assert isinstance(told[1], StaleVersion)
            assert kept(shop, order_id) == HOME
            assert "corrected" not in history
    assert 0 < corrected <= ROUNDS


def test_a_correction_is_no_event(shop: ShopAtWork) -> None:
    order_id = an_order(shop)
    before = {item["sk"]: item for item in shop.items("orders") if item["pk"] == order_id}
    correct(shop, order_id)
    after = {item["sk"]: item for item in shop.items("orders") if item["pk"] == order_id}
    changed = [sk for sk, item in after.items() if item != before.get(sk)]
    assert sorted(changed) == ["details#0000", "order"]
    for sk in changed:
        key = {"pk": order_id, "sk": sk}
        assert event_of(Written(key, before[sk], after[sk], to_text(shop.now)), 5) is None
