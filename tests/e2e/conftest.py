"""One deployed shop for all of these tests, and the promises it must keep whatever they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from e2e.dead_letters import Queues
from e2e.invariants import Tables, violations
from e2e.recovery import settle
from e2e.storefront import Storefront
from pushcart.cloud import Cloud
from pushcart.workspace import Workspace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what looks at the whole run after all else of it."""
    items.sort(key=lambda item: item.get_closest_marker("afterwards") is not None)


@pytest.fixture(scope="session")
def storefront(deployed_shop: Workspace, cloud: Cloud) -> Storefront:
    """Give a buyer of the deployed shop."""
    return Storefront(deployed_shop, cloud)


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
