"""One deployed shop for all of these tests, and the promises it must keep whatever they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.dead_letters import Queues
from e2e.invariants import Tables, violations
from e2e.recovery import settle
from e2e.storefront import Storefront
from e2e.tokens import Ask
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put what looks at the whole run after all else of it.

    Permissions are compared with uses where everything was run, and only there.
    """
    items.sort(key=lambda item: item.get_closest_marker("afterwards") is not None)
    last = [item for item in items if item.path.name == "test_permissions.py"]
    others = [item for item in items if item not in last]
    done = {item.path for item in others}
    if last and done.issuperset(set(HERE.glob("test_*.py")) - {last[0].path}):
        items[:] = [*others, *last]
    elif last:
        items[:] = others
        config.hook.pytest_deselected(items=last)


@pytest.fixture(scope="session")
def storefront(deployed_shop: Workspace, cloud: Cloud) -> Storefront:
    """Give a buyer of the deployed shop."""
    return Storefront(deployed_shop, cloud)


@pytest.fixture(scope="session")
def ask(deployed_shop: Workspace) -> Ask:
    """Give what calls a route that takes no body, with a token."""
    client = httpx.Client(base_url=deployed_shop.base_url, timeout=40, trust_env=False)

    def call(route: str, token: str) -> httpx.Response:
        return client.request(*route.split(), headers={"Authorization": f"Bearer {token}"})

    return call


@pytest.fixture
def queues(cloud: Cloud) -> Iterator[Queues]:
    """Give the dead-letter queues, which are empty before and afterwards."""
    both = Queues(cloud)
    both.clear()
    yield both
    both.clear()


@pytest.fixture(scope="module", autouse=True)
def invariants_hold_afterwards(cloud: Cloud) -> Iterator[None]:
    """After each module the whole shop comes to rest, and everything adds up."""
    yield
    settle(cloud)
    assert violations(Tables.read(cloud)) == []
