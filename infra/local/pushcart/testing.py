"""A pytest plugin: one deployed shop for the whole test run, on ports and in a folder of its own.

Turn it on with ``pytest_plugins = ["pushcart.testing"]`` in the top conftest.py. With
pytest-xdist every worker uses the same shop; the first that needs it starts it.
"""

import fcntl
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest

from pushcart import deployment, process, staff
from pushcart.cloud import Cloud
from pushcart.workspace import LOOPBACK, Workspace

_SHARED = pytest.StashKey[Workspace]()
_WORKER_KEY = "pushcart_workspace"


def workspace_in(folder: Path, *, root: Path | None = None) -> Workspace:
    """Return a workspace with its state in ``folder`` and two free ports."""
    with socket.socket() as api, socket.socket() as cloud:
        # Both stay bound until both are known, so they differ.
        api.bind((LOOPBACK, 0))
        cloud.bind((LOOPBACK, 0))
        environment = {
            "PUSHCART_STATE_DIR": str(folder),
            "PUSHCART_PORT": str(api.getsockname()[1]),
            "PUSHCART_CLOUD_PORT": str(cloud.getsockname()[1]),
        }
    if root is not None:
        environment["PUSHCART_ROOT"] = str(root)
    return Workspace.from_environment(environment)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the shared shop's ports and folder; a worker is told them."""
    told: dict[str, str] | None = getattr(config, "workerinput", {}).get(_WORKER_KEY)
    if told is not None:
        config.stash[_SHARED] = Workspace.from_environment(told)
    else:
        folder = Path(tempfile.mkdtemp(prefix="pushcart-test-"))
        config.stash[_SHARED] = workspace_in(folder)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker where the shared shop is."""
    workspace = node.config.stash[_SHARED]
    node.workerinput[_WORKER_KEY] = {
        "PUSHCART_STATE_DIR": str(workspace.state_dir),
        "PUSHCART_PORT": str(workspace.api_port),
        "PUSHCART_CLOUD_PORT": str(workspace.cloud_port),
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the shared shop, when this is the process that chose it."""
    workspace = config.stash.get(_SHARED, None)
    if workspace is not None and not hasattr(config, "workerinput"):
        process.stop(workspace)
        shutil.rmtree(workspace.state_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def deployed_shop(pytestconfig: pytest.Config) -> Workspace:
    """Return the one deployed shop; ``base_url`` is its address."""
    workspace = pytestconfig.stash[_SHARED]
    with (workspace.state_dir / "starting.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if process.running_pid(workspace) is None:
            process.start(workspace)
            deployment.deploy(workspace)
            staff.hire(workspace)
    return workspace


@pytest.fixture(scope="session")
def cloud(deployed_shop: Workspace) -> Cloud:
    """Return clients for the deployed shop's cloud: its tables, functions and state machines."""
    return Cloud(deployed_shop)


@pytest.fixture(scope="session")
def staff_token(deployed_shop: Workspace) -> str:
    """Return a token that the admin API takes."""
    return staff.token(deployed_shop)
