from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from builders import table
from commerce.carts import operations
from commerce.carts.model import Cart, NewLine, add_lines, touched
from commerce.carts.operations import price_for_checkout
from commerce.carts.ports import Ports
from commerce.carts.schema import AddLines, CartView, CreateCart, PatchCart
from commerce.carts.store import CartStore
from commerce.catalog.model import Variant
from commerce.catalog.store import CatalogStore
from commerce.errors import (
    CartChanged,
    CartCompleted,
    CartIncomplete,
    CartTooLarge,
    CheckoutInProgress,
    CurrencyNotSold,
    DestinationNotServed,
    DomainError,
    FulfillmentOptionUnavailable,
    InvalidRequest,
    NotFound,
    PriceMissing,
    UnknownSku,
)
from commerce.orders.model import Checkout
from commerce.pricing import PricedCart
from commerce.settings.defaults import DEFAULT_SETTINGS
from commerce.settings.store import SettingsStore

pytestmark = pytest.mark.usefixtures("tables")

NOW = datetime(2030, 1, 1, tzinfo=UTC)
LONDON = {
    "street_address": "1 High Street",
    "address_locality": "London",
    "postal_code": "N1 1AA",
    "address_country": "GB",
}
READY = {"buyer": {"email": "ada@example.com"}, "fulfillment": {"destination": LONDON}}
NO_ORDER = Checkout(1)


class Shelf(CatalogStore):
    """A catalogue of these variants."""

    def __init__(self, *variants: Variant) -> None:
        self.shelf = {variant.sku: variant for variant in variants}

    def variants(self, skus: Iterable[str]) -> dict[str, Variant]:
        return {sku: self.shelf[sku] for sku in skus if sku in self.shelf}


class BusyCarts(CartStore):
    """Carts of which somebody else changes one right before each of the next changes."""

    def __init__(self, times: int) -> None:
        super().__init__(table("carts"))
        self.times = times

    def change(self, cart: Cart, expected_version: int) -> None:
        if self.times:
            self.times -= 1
            before = self.read(cart.cart_id, NOW)
            other = add_lines(before, [NewLine("PEN", 1)])
            super().change(touched(other, NOW), before.version)
        super().change(cart, expected_version)


class UnheardCarts(BusyCarts):
    """Carts whose first change is done and not heard of, before others change them, too.

    So the SDK's repeat of it meets their change, and not its own.
    """

    def change(self, cart: Cart, expected_version: int) -> None:
        if self.times:
            CartStore.change(self, cart, expected_version)
        super().change(cart, expected_version)


def variant(sku: str, pence: int = 1000, **other: Any) -> Variant:
    facts: dict[str, Any] = {
        "prices": {"GBP": pence, "EUR": pence},
        "tax_class": "standard",
        "requires_shipping": True,
        "status": "active",
    }
    return Variant(
        sku=sku,
        product_id=f"prod_{sku}",
        title=sku.title(),
        variant_title="Blue",
        weight_grams=300,
        version=1,
        **{**facts, **other},
    )


def shop(
    *variants: Variant,
    checkout: Checkout = NO_ORDER,
    carts: CartStore | None = None,
    units: Mapping[str, int] | None = None,
) -> Ports:
    return Ports(
        carts=carts or CartStore(table("carts")),
        catalog=Shelf(*(variants or (variant("MUG"), variant("PEN", 150)))),
        settings=SettingsStore(table("settings")),
        checkouts=lambda _cart_id: checkout,
        # Plenty of everything, where the test does not say.
        available=lambda skus: units if units is not None else dict.fromkeys(skus, 9_999_999),
        clock=lambda: NOW,
    )


def opened(ports: Ports, *lines: tuple[str, int], **fields: Any) -> CartView:
    items = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    request = CreateCart.model_validate({"line_items": items, **fields})
    return operations.create_cart(request, ports)


def added(cart_id: str, ports: Ports, *lines: tuple[str, int]) -> CartView:
    items = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    request = AddLines.model_validate({"line_items": items})
    return operations.add_line_items(cart_id, request, ports)


def patched(cart_id: str, ports: Ports, body: dict[str, Any]) -> CartView:
    return operations.patch_cart(cart_id, PatchCart.model_validate(body), ports)


def checked_out(cart_id: str, ports: Ports) -> tuple[Cart, PricedCart]:
    cart, priced, _settings = price_for_checkout(
        cart_id,
        carts=ports.carts,
        catalog=ports.catalog,
        settings=ports.settings,
        clock=ports.clock,
    )
    return cart, priced


def content(view: CartView) -> dict[str, int]:
    return {line.sku: line.quantity for line in view.line_items}


def total(view: CartView) -> int:
    return view.totals[-1].amount


def paths(error: DomainError) -> list[str]:
    return [field["path"] for field in error.details["errors"]]


# --- opening and reading ------------------------------------------------------


def test_a_cart_is_open_and_priced_from_its_first_moment() -> None:
    cart = opened(shop(), ("MUG", 2), **READY)

    assert (cart.status, cart.version, cart.currency) == ("open", 1, "GBP")
    assert [(row.type, row.amount) for row in cart.totals] == [
        ("subtotal", 2000),
        ("fulfillment", 399),
        ("tax", 333 + 67),
        ("total", 2399),
    ]
    assert cart.fulfillment.option_id == "gb-standard"
    assert cart.messages == []


def test_what_was_opened_is_what_is_read() -> None:
    ports = shop()

    cart = opened(ports, ("MUG", 2), ("PEN", 1), **READY)

    assert operations.read_cart(cart.id, ports) == cart


def test_a_cart_opened_in_another_currency_is_priced_in_it() -> None:
    mug = variant("MUG", prices={"GBP": 1000, "EUR": 1200})

    assert total(opened(shop(mug), ("MUG", 1), currency="EUR")) == 1200


def test_a_currency_the_shop_does_not_sell_in_is_refused() -> None:
    with pytest.raises(InvalidRequest) as refused:
        opened(shop(), currency="USD")
    assert paths(refused.value) == ["$.currency"]


def test_a_price_that_changes_shows_at_the_next_read() -> None:
    cart = opened(shop(variant("MUG", 1000)), ("MUG", 1))

    assert total(operations.read_cart(cart.id, shop(variant("MUG", 900)))) == 900


def test_a_line_that_cannot_be_bought_any_more_stays_in_the_cart_without_a_price() -> None:
    cart = opened(shop(), ("MUG", 1), ("PEN", 1))

    later = operations.read_cart(cart.id, shop(variant("MUG"), variant("PEN", status="archived")))

    assert content(later) == {"MUG": 1, "PEN": 1}
    assert later.line_items[1].total is None
    assert "unknown_sku" in [message.code for message in later.messages]
    assert total(later) == 1000


@pytest.mark.parametrize("sku", ["GONE", "OLD"])
def test_a_cart_cannot_be_opened_with_what_cannot_be_bought(sku: str) -> None:
    ports = shop(variant("MUG"), variant("OLD", status="archived"))

    with pytest.raises(UnknownSku) as refused:
        opened(ports, ("MUG", 1), (sku, 1))
    assert refused.value.details["skus"] == [sku]
    assert paths(refused.value) == ["$.line_items[1].sku"]


def test_a_cart_cannot_be_opened_with_an_option_that_does_not_serve_its_destination() -> None:
    fulfillment = {"destination": LONDON, "option_id": "eu-standard"}

    with pytest.raises(FulfillmentOptionUnavailable):
        opened(shop(), ("MUG", 1), fulfillment=fulfillment)


def test_a_cart_of_2000_lines_opens_at_once() -> None:
    variants = [variant(f"SKU-{n}", 10, tax_class="zero") for n in range(2000)]

    cart = opened(shop(*variants), *((v.sku, 1) for v in variants))

    assert len(cart.line_items) == 2000
    assert total(cart) == 20_000


def test_a_cart_that_expired_is_not_found() -> None:
    cart = opened(shop(), ("MUG", 1))
    later = replace(shop(), clock=lambda: NOW + timedelta(days=30))

    with pytest.raises(NotFound):
        operations.read_cart(cart.id, later)


# --- lines --------------------------------------------------------------------


def test_adding_the_same_sku_again_raises_its_line() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1))

    cart = added(cart.id, ports, ("MUG", 2), ("PEN", 1))

    assert content(cart) == {"MUG": 3, "PEN": 1}
    assert cart.version == 2
    assert operations.read_cart(cart.id, ports) == cart


def test_one_unknown_sku_refuses_all_and_is_named_by_its_path() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1))

    with pytest.raises(UnknownSku) as refused:
        added(cart.id, ports, ("PEN", 1), ("GONE", 1), ("LOST", 1))

    assert refused.value.details["skus"] == ["GONE", "LOST"]
    assert paths(refused.value) == ["$.line_items[1].sku", "$.line_items[2].sku"]
    assert content(operations.read_cart(cart.id, ports)) == {"MUG": 1}


def test_an_unknown_sku_sent_alone_is_named_where_it_was_sent() -> None:
    ports = shop()
    cart = opened(ports)

    with pytest.raises(UnknownSku) as refused:
        operations.add_line_items(cart.id, AddLines.model_validate({"sku": "GONE"}), ports)
    assert paths(refused.value) == ["$.sku"]


def test_a_sku_without_a_price_in_the_carts_currency_is_refused() -> None:
    ports = shop(variant("MUG"), variant("HERE", prices={"GBP": 5}))
    cart = opened(ports, currency="EUR")

    with pytest.raises(PriceMissing) as refused:
        added(cart.id, ports, ("MUG", 1), ("HERE", 1))
    assert refused.value.details["skus"] == ["HERE"]


def test_a_line_beyond_the_limit_changes_nothing() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 999_999))

    with pytest.raises(CartTooLarge):
        added(cart.id, ports, ("MUG", 1))
    assert operations.read_cart(cart.id, ports) == cart


def test_a_line_can_be_changed_and_removed() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), ("PEN", 1))

    assert content(operations.change_line_item(cart.id, "line_1", 5, ports)) == {
        "MUG": 5,
        "PEN": 1,
    }
    assert content(operations.change_line_item(cart.id, "line_1", 0, ports)) == {"PEN": 1}
    assert content(operations.remove_line_item(cart.id, "line_2", ports)) == {}
    with pytest.raises(NotFound):
        operations.remove_line_item(cart.id, "line_2", ports)


def test_an_edit_that_changes_nothing_leaves_the_version() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1))

    assert operations.change_line_item(cart.id, "line_1", 1, ports).version == 1


def test_two_tabs_that_add_at_the_same_moment_both_have_their_goods() -> None:
    cart = opened(shop(), ("MUG", 1))

    view = added(cart.id, shop(carts=BusyCarts(times=2)), ("MUG", 1))

    assert content(view) == {"MUG": 2, "PEN": 2}
    assert operations.read_cart(cart.id, shop()) == view


def test_a_cart_that_never_comes_to_rest_is_refused_as_changed() -> None:
    cart = opened(shop(), ("MUG", 1))

    with pytest.raises(CartChanged):
        added(cart.id, shop(carts=BusyCarts(times=9)), ("MUG", 1))


# --- buyer and fulfillment ----------------------------------------------------


def test_a_patch_prices_the_cart_for_the_new_destination() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1))

    cart = patched(cart.id, ports, READY)

    assert total(cart) == 1399
    assert cart.buyer.email == "ada@example.com"
    assert operations.read_cart(cart.id, ports) == cart


def test_an_option_of_another_zone_is_refused_and_changes_nothing() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)

    with pytest.raises(FulfillmentOptionUnavailable) as refused:
        patched(cart.id, ports, {"fulfillment": {"option_id": "eu-standard"}})

    assert paths(refused.value) == ["$.fulfillment.option_id"]
    assert operations.read_cart(cart.id, ports) == cart


def test_an_option_chosen_again_with_a_move_must_serve_the_new_country() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)
    patched(cart.id, ports, {"fulfillment": {"option_id": "gb-express"}})

    move = {"destination": {"address_country": "DE"}, "option_id": "gb-express"}
    with pytest.raises(FulfillmentOptionUnavailable):
        patched(cart.id, ports, {"fulfillment": move})


def test_an_option_may_be_chosen_before_the_destination_if_there_is_such_an_option() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), fulfillment={"option_id": "gb-express"})

    assert cart.fulfillment.option_id == "gb-express"
    assert total(patched(cart.id, ports, READY)) == 1699
    with pytest.raises(FulfillmentOptionUnavailable):
        patched(cart.id, ports, {"fulfillment": {"option_id": "drone"}})


def test_the_options_of_a_cart_come_with_what_they_cost_for_its_goods() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 5), **READY)

    options = operations.list_fulfillment_options(cart.id, ports)

    assert [(option.id, option.amount) for option in options.items] == [
        ("gb-standard", 0),
        ("gb-express", 699),
    ]
    assert options.next_cursor is None


# --- a cart that is an order --------------------------------------------------

EDITS: list[Callable[[str, Ports], CartView]] = [
    lambda cart_id, ports: added(cart_id, ports, ("MUG", 1)),
    lambda cart_id, ports: patched(cart_id, ports, READY),
    lambda cart_id, ports: operations.change_line_item(cart_id, "line_1", 2, ports),
    lambda cart_id, ports: operations.remove_line_item(cart_id, "line_1", ports),
]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("status", ["pending", "canceling", "requires_action"])
def test_a_cart_whose_order_is_under_way_is_completing_and_cannot_be_edited(
    edit: Callable[[str, Ports], CartView], status: str
) -> None:
    cart = opened(shop(), ("MUG", 1))
    ports = shop(checkout=Checkout(1, "order_1", status))

    with pytest.raises(CheckoutInProgress) as refused:
        edit(cart.id, ports)

    assert refused.value.details["order_id"] == "order_1"
    seen = operations.read_cart(cart.id, ports)
    assert (seen.status, seen.order_id, seen.version) == ("completing", "order_1", 1)


@pytest.mark.parametrize("edit", EDITS)
def test_a_cart_whose_order_stands_is_completed_and_cannot_be_edited(
    edit: Callable[[str, Ports], CartView],
) -> None:
    cart = opened(shop(), ("MUG", 1))
    ports = shop(checkout=Checkout(1, "order_1", "confirmed"))

    with pytest.raises(CartCompleted) as refused:
        edit(cart.id, ports)

    assert refused.value.details["order_id"] == "order_1"
    seen = operations.read_cart(cart.id, ports)
    assert (seen.status, seen.order_id, seen.version) == ("completed", "order_1", 1)


@pytest.mark.parametrize("edit", EDITS)
def test_a_cart_whose_order_was_canceled_is_open_again(
    edit: Callable[[str, Ports], CartView],
) -> None:
    cart = opened(shop(), ("MUG", 1))
    ports = shop(checkout=Checkout(1, "order_1", "canceled"))

    edited = edit(cart.id, ports)

    assert (edited.status, edited.order_id, edited.version) == ("open", None, 2)
    assert operations.read_cart(cart.id, ports) == edited


# --- pricing for a checkout ---------------------------------------------------


def test_a_complete_cart_is_priced_for_its_checkout_as_the_buyer_saw_it() -> None:
    ports = shop()
    view = opened(ports, ("MUG", 2), **READY)

    cart, priced = checked_out(view.id, ports)

    assert (cart.cart_id, cart.version) == (view.id, 1)
    assert priced.total == total(view)


def test_a_checkout_names_everything_the_buyer_has_still_to_say() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1))

    with pytest.raises(CartIncomplete) as refused:
        checked_out(cart.id, ports)
    assert paths(refused.value) == ["$.buyer.email", "$.fulfillment.destination"]


def test_an_empty_cart_cannot_be_checked_out() -> None:
    ports = shop()
    cart = opened(ports, **READY)

    with pytest.raises(CartIncomplete) as refused:
        checked_out(cart.id, ports)
    assert paths(refused.value) == ["$.line_items"]


def test_goods_that_are_not_shipped_check_out_without_an_address() -> None:
    ports = shop(variant("PDF", requires_shipping=False))
    cart = opened(ports, ("PDF", 1), buyer={"email": "ada@example.com"})

    assert checked_out(cart.id, ports)[1].total == 1000


@pytest.mark.parametrize(
    ("then", "error"),
    [
        ({"status": "archived"}, UnknownSku),
        ({"prices": {"EUR": 1}}, PriceMissing),
    ],
)
def test_a_checkout_names_what_cannot_be_bought_any_more(
    then: dict[str, Any], error: type[DomainError]
) -> None:
    cart = opened(shop(), ("MUG", 1), ("PEN", 1), **READY)

    with pytest.raises(error) as refused:
        checked_out(cart.id, shop(variant("MUG"), variant("PEN", **then)))
    assert refused.value.details["skus"] == ["PEN"]


def test_a_checkout_is_refused_where_nobody_delivers_any_more() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)
    eu_only = replace(DEFAULT_SETTINGS, zones=DEFAULT_SETTINGS.zones[1:2])
    ports.settings.replace(eu_only, 1, "ada", NOW)

    with pytest.raises(DestinationNotServed):
        checked_out(cart.id, ports)


def test_a_checkout_is_refused_where_the_chosen_option_is_gone() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)
    patched(cart.id, ports, {"fulfillment": {"option_id": "gb-express"}})
    zone = DEFAULT_SETTINGS.zones[0]
    without = replace(DEFAULT_SETTINGS, zones=(replace(zone, options=zone.options[:1]),))
    ports.settings.replace(without, 1, "ada", NOW)

    with pytest.raises(FulfillmentOptionUnavailable):
        checked_out(cart.id, ports)


# --- settings that changed while carts were open ------------------------------------


def in_force(**changes: Any) -> None:
    """Have staff put other settings in force."""
    store = SettingsStore(table("settings"))
    now = store.current(consistent=True)
    store.replace(replace(now, **changes), now.version, "ada", NOW)


def dropped(currency: str) -> dict[str, Any]:
    zones = tuple(
        replace(
            zone,
            options=tuple(
                replace(
                    option,
                    prices={code: each for code, each in option.prices.items() if code != currency},
                )
                for option in zone.options
            ),
        )
        for zone in DEFAULT_SETTINGS.zones
    )
    return {
        "currencies": tuple(each for each in DEFAULT_SETTINGS.currencies if each != currency),
        "zones": zones,
    }


@pytest.mark.parametrize("shipped", [True, False])
def test_a_currency_that_was_dropped_is_named_and_nothing_is_sold_on_in_it(shipped: bool) -> None:
    ports = shop(variant("MUG", requires_shipping=shipped))
    cart = opened(ports, ("MUG", 2), currency="EUR", **READY)
    assert cart.messages == []

    in_force(**dropped("EUR"))

    now = operations.read_cart(cart.id, ports)
    assert [(each.type, each.code, each.path) for each in now.messages] == [
        ("error", "currency_not_sold", "$.currency")
    ]
    assert "EUR" in now.messages[0].content
    assert "GBP" in now.messages[0].content
    assert (now.totals, now.fulfillment.options) == ([], [])
    assert [line.unit_price for line in now.line_items] == [None]
    assert operations.list_fulfillment_options(cart.id, ports).items == []
    with pytest.raises(CurrencyNotSold) as refused:
        checked_out(cart.id, ports)
    assert refused.value.details["currencies"] == ["GBP"]
    assert [each["path"] for each in refused.value.details["errors"]] == ["$.currency"]
    with pytest.raises(CurrencyNotSold):
        operations.add_line_items(cart.id, AddLines.model_validate({"sku": "MUG"}), ports)
    # What the buyer takes out or says is kept.
    assert operations.remove_line_item(cart.id, "line_1", ports).line_items == []
    in_force(**{name: getattr(DEFAULT_SETTINGS, name) for name in ("currencies", "zones")})
    assert (
        operations.add_line_items(cart.id, AddLines.model_validate({"sku": "MUG"}), ports).messages
        == []
    )


def test_a_country_that_was_dropped_is_said_to_be() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)
    in_force(zones=DEFAULT_SETTINGS.zones[1:2])
    (message,) = operations.read_cart(cart.id, ports).messages
    assert (message.code, message.content) == (
        "destination_not_served",
        "nothing is delivered to GB",
    )
    with pytest.raises(DestinationNotServed):
        checked_out(cart.id, ports)


def test_an_option_that_was_dropped_is_told_from_one_that_does_not_serve_the_place() -> None:
    ports = shop()
    cart = opened(ports, ("MUG", 1), **READY)
    chosen = PatchCart.model_validate({"fulfillment": {"option_id": "gb-express"}})
    operations.patch_cart(cart.id, chosen, ports)
    gb, *others = DEFAULT_SETTINGS.zones
    in_force(zones=(replace(gb, options=gb.options[:1]), *others))
    (message,) = operations.read_cart(cart.id, ports).messages
    assert (message.code, message.content) == (
        "fulfillment_option_unavailable",
        "the chosen fulfillment option is not offered any more",
    )
    with pytest.raises(FulfillmentOptionUnavailable, match="not offered any more"):
        checked_out(cart.id, ports)


def test_a_checkout_of_an_expired_cart_finds_no_cart() -> None:
    cart = opened(shop(), ("MUG", 1), **READY)

    with pytest.raises(NotFound):
        checked_out(cart.id, replace(shop(), clock=lambda: NOW + timedelta(days=30)))


def told(view: CartView) -> list[tuple[str, str, str, str]]:
    return [(each.type, each.code, each.path, each.content) for each in view.messages[1:]]


def test_a_line_says_whether_its_units_are_there_and_a_message_what_is_short() -> None:
    shelf = (
        variant("MUG"),
        variant("PEN"),
        variant("PRINT", allow_backorder=True),
        variant("TICKET", manage_inventory=False, requires_shipping=False),
    )
    ports = shop(*shelf, units={"MUG": 2, "PRINT": 1})
    cart = opened(ports, ("MUG", 3), ("PEN", 1), ("PRINT", 3), ("TICKET", 9))
    assert {line.sku: line.availability for line in cart.line_items} == {
        "MUG": "in_stock",
        "PEN": "out_of_stock",
        "PRINT": "in_stock",
        "TICKET": "in_stock",
    }
    assert told(cart) == [
        ("error", "out_of_stock", "$.line_items[0].quantity", "only 2 of MUG are left"),
        ("error", "out_of_stock", "$.line_items[1].quantity", "PEN is out of stock"),
        (
            "info",
            "backordered",
            "$.line_items[2].quantity",
            "2 of PRINT are sent once they are there",
        ),
    ]
    assert {each.severity for each in cart.messages if each.type == "error"} == {"recoverable"}
    fewer = operations.change_line_item(cart.id, "line_1", 2, ports)
    assert [path for _, _, path, _ in told(fewer)] == [
        "$.line_items[1].quantity",
        "$.line_items[2].quantity",
    ]


def test_how_many_units_are_left_is_told_where_the_settings_say_so() -> None:
    ports = shop(units={"MUG": 5, "PEN": 6})
    lines = (("MUG", 1), ("PEN", 1))
    assert {line.units_left for line in opened(ports, *lines).line_items} == {None}
    in_force(policies=replace(DEFAULT_SETTINGS.policies, few_units=5))
    left = {line.sku: line.units_left for line in opened(ports, *lines).line_items}
    assert left == {"MUG": 5, "PEN": None}


def test_a_cart_that_is_an_order_says_nothing_of_stock() -> None:
    carts = CartStore(table("carts"))
    cart = opened(shop(carts=carts), ("MUG", 1))
    done = shop(carts=carts, checkout=Checkout(1, "order_1", "confirmed"), units={})
    shown = operations.read_cart(cart.id, done)
    assert shown.line_items[0].availability is None
    assert told(shown) == []


@pytest.mark.parametrize("call", ["", "the call"])
def test_an_edit_that_was_done_and_not_heard_of_is_known_behind_anothers(call: str) -> None:
    ports = shop(carts=UnheardCarts(times=1))
    cart = opened(ports, ("PEN", 1))
    two = AddLines.model_validate({"sku": "MUG", "quantity": 2})

    view = operations.add_line_items(cart.id, two, ports, call)

    assert {line.sku: line.quantity for line in view.line_items} == {"PEN": 2, "MUG": 2}


def test_an_edit_that_comes_again_with_its_call_is_done_once_and_another_call_is_another() -> None:
    ports = shop()
    cart = opened(ports, ("PEN", 1))
    two = AddLines.model_validate({"sku": "MUG", "quantity": 2})
    units = [
        operations.add_line_items(cart.id, two, ports, call).line_items[1].quantity
        for call in ("one", "one", "other", "one", "", "")
    ]
    assert units == [2, 2, 4, 4, 6, 8]
