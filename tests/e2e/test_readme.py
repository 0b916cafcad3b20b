"""The README's first order works as it is written."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from cloud_in_memory import ROOT
from e2e.command_line import environment, run_pushcart
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


def test_the_first_order_of_the_readme_is_confirmed(deployed_shop: Workspace) -> None:
    seeded = run_pushcart(deployed_shop, "seed")
    assert seeded.returncode == 0, seeded.stderr
    (script,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    here = script.replace("http://127.0.0.1:8080", deployed_shop.base_url)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here.replace("curl -s", "curl -sS --fail-with-body")],
        cwd=ROOT,
        env=environment(deployed_shop),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    order_id = re.findall(r"order_[0-9a-z]{36}", done.stdout)[0]
    told = json.loads(run_pushcart(deployed_shop, "trace", order_id, "--json").stdout)
    assert told["timeline"][-1]["what"] == "order confirmed"
