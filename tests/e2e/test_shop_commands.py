"""The commands a person runs against the open shop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.command_line import run_pushcart
from e2e.storefront import Storefront, new_key
from pushcart import process
from pushcart.testing import workspace_in
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

HEADER = "Handle,Title,Variant SKU,Variant Inventory Qty,Variant Price"


def test_an_import_brings_in_good_rows_and_names_bad_ones_by_line(
    deployed_shop: Workspace, storefront: Storefront, tmp_path: Path
) -> None:
    name = new_key()[:8]
    file = tmp_path / "products.csv"
    good, bad = f"{name}-a,A,{name}-A,7,1.00", f"{name}-b,B,{name}-B,7,one pound"
    file.write_text("\n".join([HEADER, good, bad]))

    done = run_pushcart(deployed_shop, "import", str(file))

    assert done.returncode == 1
    assert "1 products created" in done.stdout
    assert done.stderr.startswith("line 3, Variant Price: ")
    assert storefront.levels(f"{name}-A") == (7, 0)
    again = run_pushcart(deployed_shop, "import", str(file))
    assert "0 products created, 0 updated, 1 unchanged" in again.stdout


def test_a_file_too_large_for_a_request_is_imported_through_the_bucket(
    deployed_shop: Workspace, storefront: Storefront, tmp_path: Path
) -> None:
    name = new_key()[:8]
    file = tmp_path / "large.csv"
    text = "x" * 60_000
    rows = [f"{name}-{n},{n},{name}-{n},{n},1.00,{text}" for n in range(20)]
    file.write_text("\n".join([f"{HEADER},Body (HTML)", *rows]))
    assert file.stat().st_size > 1_000_000

    done = run_pushcart(deployed_shop, "import", str(file))

    assert (done.returncode, done.stderr) == (0, "")
    assert storefront.levels(f"{name}-19") == (19, 0)


def test_orders_are_listed_newest_first_and_by_status(
    deployed_shop: Workspace, storefront: Storefront
) -> None:
    (sku,) = storefront.stocked(5)
    first = storefront.complete(storefront.cart({sku: 1})).json()["id"]
    declined = storefront.cart({sku: 1})
    storefront.complete(declined, "tok_declined")
    refused = storefront.order_of(declined)["id"]

    newest = json.loads(run_pushcart(deployed_shop, "orders", "--limit", "2", "--json").stdout)
    confirmed = run_pushcart(deployed_shop, "orders", "--status", "confirmed", "--limit", "1")

    assert [each["id"] for each in newest] == [refused, first]
    assert [each["status"] for each in newest] == ["canceled", "confirmed"]
    assert first in confirmed.stdout
    assert refused not in confirmed.stdout


def test_a_trace_tells_the_story_of_a_refused_order(
    deployed_shop: Workspace, storefront: Storefront
) -> None:
    (sku,) = storefront.stocked(5)
    cart = storefront.cart({sku: 1})
    storefront.complete(cart, "tok_declined")
    order = storefront.order_of(cart)

    told = run_pushcart(deployed_shop, "trace", order["id"]).stdout

    steps = ["order pending", "stock reserved", "payment declined", "order canceling"]
    steps += ["stock released", "order canceled"]
    places = [told.index(step) for step in steps]
    assert places == sorted(places)
    assert "PaymentDeclined: the payment was declined" in told
    assert order["payment"]["provider_reference"] in told
    as_json = json.loads(run_pushcart(deployed_shop, "trace", order["id"], "--json").stdout)
    assert as_json["timeline"] == order["timeline"]


def test_an_unknown_order_is_one_sentence(deployed_shop: Workspace) -> None:
    failed = run_pushcart(deployed_shop, "trace", "order_nobody_placed")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "there is no such order" in failed.stderr


@pytest.fixture
def own_shop(tmp_path: Path) -> Iterator[Workspace]:
    workspace = workspace_in(tmp_path / "state")
    yield workspace
    process.stop(workspace)


def test_a_first_start_shows_an_order_and_the_next_has_it_still(own_shop: Workspace) -> None:
    first = run_pushcart(own_shop, "up", "--detach")
    assert first.returncode == 0, first.stderr
    assert "is confirmed: 3 lines" in first.stdout
    for step in ("order pending", "stock reserved", "payment authorized", "order confirmed"):
        assert step in first.stdout
    (before,) = json.loads(run_pushcart(own_shop, "orders", "--json").stdout)
    run_pushcart(own_shop, "down")

    second = run_pushcart(own_shop, "up", "--detach")

    assert second.returncode == 0, second.stderr
    assert "are there already" in second.stdout
    newest, *others = json.loads(run_pushcart(own_shop, "orders", "--json").stdout)
    assert newest["id"] in second.stdout
    assert others == [before]
