import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pushcart import deployment, process
from pushcart.testing import workspace_in
from pushcart.workspace import Workspace

_SMALL_SHOP = Path(__file__).with_name("small_shop")
_SAM_SETTINGS = Path(__file__).parents[2] / "samconfig.toml"


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A checkout with a small template, deployed to its own cloud."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(_SMALL_SHOP, root, dirs_exist_ok=True)
    shutil.copy(_SAM_SETTINGS, root)
    workspace = workspace_in(root / ".pushcart", root=root)
    process.start(workspace)
    try:
        deployment.deploy(workspace)
        yield workspace
    finally:
        process.stop(workspace)
