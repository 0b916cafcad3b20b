"""The emulator's process: started once a checkout, found and stopped by its own id."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from pushcart import emulator
from pushcart.problems import CommandFailed
from pushcart.workspace import LOOPBACK, Workspace

_START_WITHIN_SECONDS = 60.0
_STOP_WITHIN_SECONDS = 60.0
_POLL_SECONDS = 0.1


def running_pid(workspace: Workspace) -> int | None:
    """Return the process id of this checkout's emulator, or None when it does not run."""
    try:
        pid = int(workspace.pid_file.read_text())
    except (FileNotFoundError, ValueError):
        return None
    # Ids are used again after a crash, so the id alone does not make it our process.
    return pid if _marker(workspace) in _command_line(pid) else None


def answers(workspace: Workspace) -> bool:
    """Whether an emulator answers at the cloud's address."""
    try:
        reply = httpx.get(f"{workspace.cloud_url}/_localstack/health", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return reply.is_success


def start(workspace: Workspace) -> int:
    """Start the emulator and return its process id once it answers."""
    for port, variable in (
        (workspace.cloud_port, "PUSHCART_CLOUD_PORT"),
        (workspace.api_port, "PUSHCART_PORT"),
    ):
        if not _is_free(port):
            raise CommandFailed(
                f"Port {port} is taken by another program; "
                f"stop it, or set {variable} to a free port."
            )
    workspace.state_dir.mkdir(parents=True, exist_ok=True)
    # Left behind by an emulator that was killed.
    shutil.rmtree(workspace.state_dir / "tmp", ignore_errors=True)
    (workspace.state_dir / "tmp").mkdir()
    with workspace.emulator_log.open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "pushcart.emulator", _marker(workspace)],
            cwd=workspace.root,
            env=_environment(workspace),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches only the command, which then stops the emulator in order.
            start_new_session=True,
        )
    workspace.pid_file.write_text(str(child.pid))
    _wait(lambda: answers(workspace) or child.poll() is not None, _START_WITHIN_SECONDS)
    if child.poll() is not None:
        workspace.pid_file.unlink(missing_ok=True)
        raise CommandFailed(
            f"The emulator stopped while starting; {workspace.emulator_log} says why."
        )
    if not answers(workspace):
        stop(workspace)
        raise CommandFailed(
            f"The emulator did not answer within {_START_WITHIN_SECONDS:.0f} seconds; "
            f"{workspace.emulator_log} may say why."
        )
    return child.pid


def stop(workspace: Workspace) -> bool:
    """Stop the emulator so that it saves its state; return whether there was one to stop."""
    pid = running_pid(workspace)
    if pid is None:
        workspace.pid_file.unlink(missing_ok=True)
        return False
    os.kill(pid, signal.SIGTERM)
    if not _wait(lambda: not is_alive(pid), _STOP_WITHIN_SECONDS):
        raise CommandFailed(f"The emulator, process {pid}, is still saving its state; try again.")
    workspace.pid_file.unlink(missing_ok=True)
    shutil.rmtree(workspace.state_dir / "tmp", ignore_errors=True)
    return True


def is_alive(pid: int) -> bool:
    """Whether the process runs; a child of ours that has ended is collected on the way."""
    try:
        ended, _status = os.waitpid(pid, os.WNOHANG)
        if ended == pid:
            return False
    except ChildProcessError:
        pass  # Started by an earlier command.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _marker(workspace: Workspace) -> str:
    """Return the argument that tells this checkout's emulator from another's."""
    return f"--state-dir={workspace.state_dir.resolve()}"


def _environment(workspace: Workspace) -> dict[str, str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        # Settings of another cloud, or of Powertools, must not change what functions do here.
        if not name.startswith(("AWS_", "POWERTOOLS_", "MINISTACK_", "LAMBDA_"))
    }
    return {
        **inherited,
        **emulator.settings(workspace),
        "PUSHCART_ROOT": str(workspace.root),
        "PUSHCART_STATE_DIR": str(workspace.state_dir),
        "PUSHCART_PORT": str(workspace.api_port),
        "PUSHCART_CLOUD_PORT": str(workspace.cloud_port),
        "AWS_REGION": workspace.region,
    }


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return ""
    # macOS has no /proc.
    listing = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listing.stdout


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As a server binds: a port that waits out its last connections is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
