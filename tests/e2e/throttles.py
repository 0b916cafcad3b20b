"""Routes of the deployed shop that take little, so that a test can ask too often."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pushcart.cloud import Cloud


@contextmanager
def one_request_a_second(cloud: Cloud, path: str, method: str) -> Iterator[None]:
    """Let a route take a request a second, and afterwards as many as before."""
    api = {"restApiId": cloud.stack_outputs()["ApiId"], "stageName": "live"}
    setting = f"/{path.replace('/', '~1')}/{method}"
    limits = {"rateLimit": "1", "burstLimit": "1"}
    cloud.apis.update_stage(
        **api,
        patchOperations=[
            {"op": "replace", "path": f"{setting}/throttling/{name}", "value": value}
            for name, value in limits.items()
        ],
    )
    try:
        yield
    finally:
        cloud.apis.update_stage(**api, patchOperations=[{"op": "remove", "path": setting}])
