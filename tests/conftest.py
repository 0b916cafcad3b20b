"""What most tests stand on: the shop's tables in memory, made as the template says."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from cloud_in_memory import ENVIRONMENT, empty_tables

pytest_plugins = ["pushcart.testing"]

# pytest --hypothesis-profile thorough tests/store/test_stock_histories.py
settings.register_profile("thorough", max_examples=20_000)

# Read once, when a handler is first imported.
os.environ.update(ENVIRONMENT)


@pytest.fixture
def tables() -> Iterator[None]:
    """Give empty tables in memory."""
    with empty_tables():
        yield
