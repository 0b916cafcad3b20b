"""The commands a person runs against the open shop."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from e2e.command_line import run_pushcart
from e2e.recovery import wait_until
from e2e.storefront import Storefront, new_key
from pushcart.warehouse import OverHttp
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


def test_what_is_exported_is_imported_again_unchanged(
    deployed_shop: Workspace, tmp_path: Path
) -> None:
    name = new_key()[:8]
    whole, own = tmp_path / "all.csv", tmp_path / "own.csv"
    own.write_text("\n".join([HEADER, f"{name}_Mug,=1+1,{name}-A,7,1.00"]))
    assert run_pushcart(deployed_shop, "import", str(own)).returncode == 0

    done = run_pushcart(deployed_shop, "export", str(whole))

    assert (done.returncode, done.stderr) == (0, "")
    with whole.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    # What other tests made is there, too; only what nobody else changes is imported again.
    assert len({row["Handle"] for row in rows}) > 1
    (mug,) = [row for row in rows if row["Handle"] == f"{name}_Mug"]
    assert mug["Title"] == "'=1+1"
    with own.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(mug))
        writer.writeheader()
        writer.writerow(mug)
    again = run_pushcart(deployed_shop, "import", str(own))
    assert "0 products created, 0 updated, 1 unchanged" in again.stdout


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
    assert refused not in confirmed.stdout
    head, line = confirmed.stdout.splitlines()
    statuses = [line[head.index(name) :].split()[0] for name in ("status", "payment", "goods")]
    assert first in line
    assert statuses == ["confirmed", "authorized", "unfulfilled"]


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


def test_a_trace_names_parcels_cancellations_and_returns_with_their_money(
    deployed_shop: Workspace, storefront: Storefront
) -> None:
    (sku,) = storefront.stocked(5, price=6000)
    order = storefront.complete(storefront.cart({sku: 3})).json()
    wait_until(lambda: bool(storefront.order(order["id"])["fulfillments"]), "the allocation")
    some = {"line_items": [{"id": "line_1", "quantity": 1}], "reason": "one too many"}
    storefront.shop.ask("POST", f"/store/orders/{order['id']}/cancel", some)
    warehouse = OverHttp(storefront.shop)
    warehouse.send(order["id"])
    return_id = warehouse.take_back(order["id"], {sku: 1})

    told = run_pushcart(deployed_shop, "trace", order["id"]).stdout

    lines = {line.split()[0]: " ".join(line.split()[1:]) for line in told.splitlines() if line}
    tail = order["id"].removeprefix("order_")
    reference = storefront.order(order["id"])["payment"]["provider_reference"]
    assert lines["payment"] == (
        "partially_refunded, 120.00 GBP captured, 60.00 GBP refunded, "
        f"60.00 GBP released, {reference}"
    )
    assert lines["parcel"].startswith(f"fulfillment_{tail}_1 delivered, 2 units, from main, 120.00")
    assert lines["canceled"].startswith(f"cancellation_{tail}_1 1 units, 60.00 GBP less")
    assert lines["return"] == f"{return_id} refunded, 1 units, changed_my_mind, 60.00 GBP back"
    steps = ["fulfillment open", "fulfillment packed     from open", "from packed"]
    steps += ["payment captured", "from shipped", "order completed        from confirmed"]
    steps += ["return requested", "from requested", "from approved", "payment refunded"]
    places = [told.index(step) for step in [*steps, "return refunded        from refunding"]]
    assert places == sorted(places)
    assert "sandbox_refund_" in told[places[-2] :]


def test_an_unknown_order_is_one_sentence(deployed_shop: Workspace) -> None:
    failed = run_pushcart(deployed_shop, "trace", f"order_{'0' * 36}")

    assert failed.returncode == 1
    assert failed.stdout == ""
    assert "there is no such order" in failed.stderr
