"""The `pushcart` command as a person and a script meet it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pushcart import process
from pushcart.testing import workspace_in
from pushcart.workspace import LOOPBACK, Workspace

pytestmark = pytest.mark.xdist_group("small_shop")


def _pushcart(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("pushcart")), *arguments],
        env={
            **{name: text for name, text in os.environ.items() if not name.startswith("AWS_")},
            "PUSHCART_ROOT": str(workspace.root),
            "PUSHCART_STATE_DIR": str(workspace.state_dir),
            "PUSHCART_PORT": str(workspace.api_port),
            "PUSHCART_CLOUD_PORT": str(workspace.cloud_port),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _assert_one_sentence(failed: subprocess.CompletedProcess[str]) -> None:
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1
    assert failed.stderr.endswith(".\n") or "make run" in failed.stderr


@pytest.fixture
def stopped(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path / "state")


def test_a_taken_port_is_named_in_one_sentence(stopped: Workspace) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, stopped.api_port))
        other.listen()

        failed = _pushcart(stopped, "up", "--detach")

    _assert_one_sentence(failed)
    assert f"Port {stopped.api_port} is taken" in failed.stderr
    assert "PUSHCART_PORT" in failed.stderr


@pytest.mark.parametrize("command", [["token"], ["deploy"], ["logs", "Echo"]])
def test_without_a_cloud_a_command_says_how_to_start_it(
    stopped: Workspace, command: list[str]
) -> None:
    failed = _pushcart(stopped, *command)

    _assert_one_sentence(failed)
    assert "make run" in failed.stderr


def test_status_of_a_stopped_shop_fails_and_says_what_is_stopped(stopped: Workspace) -> None:
    shown = _pushcart(stopped, "status", "--json")

    assert shown.returncode == 1
    assert json.loads(shown.stdout)["health"] == {
        "emulator": "stopped",
        "stack": "unknown",
        "api": "stopped",
    }


def test_status_gives_a_program_every_address(small_shop: Workspace) -> None:
    found = json.loads(_pushcart(small_shop, "status", "--json").stdout)

    assert found["base_url"] == small_shop.base_url
    assert found["docs_url"] == f"{small_shop.base_url}/docs"
    assert found["cloud_url"] == small_shop.cloud_url
    assert found["pid"] == process.running_pid(small_shop)
    assert found["health"]["emulator"] == "ok"
    assert found["health"]["stack"] == "ok"
    assert "ApiId" in found["outputs"]


def test_logs_takes_the_functions_name_as_its_file_is_called(small_shop: Workspace) -> None:
    shown = _pushcart(small_shop, "logs", "fail")

    assert shown.returncode == 0
    assert shown.stderr == ""


def test_logs_of_an_unknown_function_lists_those_there_are(small_shop: Workspace) -> None:
    failed = _pushcart(small_shop, "logs", "Nothing")

    _assert_one_sentence(failed)
    assert "Echo, Fail" in failed.stderr


def test_another_programs_process_id_is_never_taken_for_the_emulators(stopped: Workspace) -> None:
    stopped.state_dir.mkdir()
    stopped.pid_file.write_text(str(os.getpid()))

    assert process.running_pid(stopped) is None
    assert not process.stop(stopped)


def test_a_killed_emulator_is_seen_and_the_next_start_works(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path / "state")
    pid = process.start(workspace)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

    assert process.running_pid(workspace) is None
    try:
        assert process.start(workspace) != pid
    finally:
        process.stop(workspace)
