"""What most tests stand on: the shop's tables in memory, made as the template says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from moto import mock_aws

from cloud_in_memory import ENVIRONMENT, make_tables

pytest_plugins = ["pushcart.testing"]

# Read once, when a handler is first imported.
os.environ.update(ENVIRONMENT)


@pytest.fixture
def tables() -> Iterator[None]:
    """Give empty tables in memory."""
    with mock_aws():
        make_tables()
        yield
