"""Every role of the shop may do what it did while all other tests ran, and nothing else.

conftest.py puts this last, and leaves it out when only some of the tests run.
"""

from __future__ import annotations

import pytest

from e2e.command_line import run_pushcart
from pushcart.workspace import Workspace

pytestmark = pytest.mark.xdist_group("deployed_shop")


def test_every_role_may_do_what_it_did_and_nothing_else(deployed_shop: Workspace) -> None:
    compared = run_pushcart(deployed_shop, "permissions")

    assert compared.returncode == 0, compared.stdout + compared.stderr
