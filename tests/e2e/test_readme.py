"""The README's first order works as it is written, to the buyer's door and back."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from cloud_in_memory import ROOT
from e2e.command_line import environment, run_pushcart
from e2e.recovery import wait_until
from e2e.storefront import Storefront
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


# The state machines follow a moment after; a person who is too quick for them tries again.
CURL = "curl -sS --fail-with-body --retry 8 --retry-all-errors --retry-delay 1"


def test_the_first_order_of_the_readme_arrives_and_half_of_it_comes_back(
    deployed_shop: Workspace, storefront: Storefront
) -> None:
    seeded = run_pushcart(deployed_shop, "seed")
    assert seeded.returncode == 0, seeded.stderr
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    here = script.replace("http://127.0.0.1:8080", deployed_shop.base_url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here.replace("curl -s", CURL)],
        cwd=ROOT,
        env=environment(deployed_shop),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    order_id = re.findall(r"order_[0-9a-z]{36}", done.stdout)[0]

    def refunded() -> bool:
        return bool(storefront.order(order_id)["returns"][0]["status"] == "refunded")

    wait_until(refunded, "the return to be refunded")
    told = json.loads(run_pushcart(deployed_shop, "trace", order_id, "--json").stdout)
    statuses = told["status"], told["payment_status"], told["fulfillment_status"]
    assert statuses == ("completed", "partially_refunded", "partially_returned")
    (mug,) = told["line_items"]
    assert told["payment"]["refunded"] == mug["total"] // 2
