"""The deployed shop is what its document says, and refuses what the document does not have.

A short run in `make test`; 10,000 cases with `make fuzz`. schemathesis.toml has the checks.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cloud_in_memory import ROOT
from pushcart.api_document import PATH
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SHORT = ["--phases=examples,fuzzing,stateful", "--max-examples=1", "--max-time=20", "--seed=1"]
# Python 3.11 cannot compile in many threads at once, so there is one worker.
LONG = ["--max-examples=150"]


def test_the_shop_keeps_to_its_document(
    deployed_shop: Workspace, staff_token: str, request: pytest.FixtureRequest
) -> None:
    thorough = request.config.getoption("--hypothesis-profile") == "thorough"
    run = subprocess.run(
        [
            SCHEMATHESIS,
            f"--config-file={ROOT / 'schemathesis.toml'}",
            "run",
            ROOT / PATH,
            f"--url={deployed_shop.base_url}",
            f"--header=Authorization: Bearer {staff_token}",
            "--continue-on-failure",
            "--generation-database=none",
            "--warnings=off",
            "--no-color",
            *(LONG if thorough else SHORT),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    print(run.stdout)
    assert run.returncode == 0, run.stdout[-20_000:]
