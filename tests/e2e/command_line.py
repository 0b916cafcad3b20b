"""The `pushcart` command as a person runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pushcart.workspace import Workspace


def environment(workspace: Workspace) -> dict[str, str]:
    """Give a person's environment, with this workspace's shop."""
    return {
        **{name: text for name, text in os.environ.items() if not name.startswith("AWS_")},
        "PUSHCART_STATE_DIR": str(workspace.state_dir),
        "PUSHCART_PORT": str(workspace.api_port),
        "PUSHCART_CLOUD_PORT": str(workspace.cloud_port),
    }


def run_pushcart(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command against a workspace's shop, with wide lines."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("pushcart")), *arguments],
        env=environment(workspace),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
