"""The deployed shop is what its document says, and refuses what the document does not have.

A short run in `make test`; 10,000 cases with `make fuzz`. schemathesis.toml has the checks.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloud_in_memory import ROOT
from e2e.customers import signed_in
from e2e.storefront import Storefront
from e2e.tokens import access_tokens_last
from pushcart import staff
from pushcart.api_document import PATH
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SHORT = ["--phases=examples,fuzzing,stateful", "--max-examples=1", "--max-time=12", "--seed=1"]
# Python 3.11 cannot compile in many threads at once, so there is one worker.
LONG = ["--max-examples=150"]


def test_the_shop_keeps_to_its_document(
    deployed_shop: Workspace,
    storefront: Storefront,
    cloud: Cloud,
    request: pytest.FixtureRequest,
) -> None:
    thorough = request.config.getoption("--hypothesis-profile") == "thorough"
    (sku,) = storefront.stocked(9)
    order = storefront.complete(storefront.cart({sku: 3})).json()
    pools = cloud.stack_outputs()
    # The long run takes longer than an access token lasts.
    with (
        access_tokens_last(cloud, pools["UserPoolId"], pools["UserPoolClientId"], 24, "hours"),
        access_tokens_last(cloud, pools["CustomerPoolId"], pools["CustomerClientId"], 24, "hours"),
    ):
        callers = {
            "STAFF_TOKEN": staff.token(deployed_shop),
            "CUSTOMER_TOKEN": signed_in(storefront.shop, cloud).access_token,
            "ORDER_TOKEN": order["order_token"],
        }
    run = subprocess.run(
        [
            SCHEMATHESIS,
            f"--config-file={ROOT / 'schemathesis.toml'}",
            "run",
            ROOT / PATH,
            f"--url={deployed_shop.base_url}",
            "--continue-on-failure",
            "--generation-database=none",
            "--warnings=off",
            "--no-color",
            *(LONG if thorough else SHORT),
        ],
        cwd=ROOT,
        env={**os.environ, **callers},
        capture_output=True,
        text=True,
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout[-20_000:]
