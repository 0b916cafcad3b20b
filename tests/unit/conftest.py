from collections.abc import Iterator

import pytest

from cloud_in_memory import empty_tables


@pytest.fixture
def audit_trail() -> Iterator[None]:
    """Give an empty audit trail, and an empty table of idempotency records."""
    with empty_tables("audit", "idempotency"):
        yield


@pytest.fixture
def idempotency_records() -> Iterator[None]:
    """Give an empty table of idempotency records."""
    with empty_tables("idempotency"):
        yield
