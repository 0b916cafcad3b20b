"""Cold starts in milliseconds, and no more of them than this machine can bear.

MiniStack starts a Python process for each concurrent invocation of each function, and
each takes a second of processor time to import the SDK. On AWS a flash sale's fifty
buyers get fifty environments at once; on a laptop they would get a minute of waiting.
So here a process that has the third-party packages imported already is forked for each
environment, and a call waits for a free one where a function has as many as it may.

:func:`install` changes how processes are started and nothing about what they do.
"""

import contextlib
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import setproctitle
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

Result = dict[str, Any]
Execute = Callable[[Result, Any, str], Result]

# A step keeps a core busy; a call that waits for a state machine only holds its place.
_ENVIRONMENTS = 4
_ENVIRONMENTS_OF_WAITING_CALLS = 16
_WAITS_FROM_SECONDS = 25

_MESSAGE_BYTES_MAX = 1_000_000


def install() -> None:
    """Fork environments from a prepared process, in this process, before it serves anything."""
    # Each environment has four files open here; many systems begin with 1,024 for all of them.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    lambda_runtime.subprocess = _ForkingSubprocess(_start_template())
    lambda_svc._execute_function_warm = _taking_turns(lambda_svc._execute_function_warm)


def _taking_turns(execute: Execute) -> Execute:
    turns: dict[str, threading.BoundedSemaphore] = {}
    lock = threading.Lock()

    def execute_function_warm(function: Result, event: Any, request_id: str) -> Result:
        config = function.get("config") or function
        with lock:
            turn = turns.setdefault(
                config["FunctionName"], threading.BoundedSemaphore(_environments(config))
            )
        with turn:
            return execute(function, event, request_id)

    return execute_function_warm


def _environments(config: Mapping[str, Any]) -> int:
    waits = int(config.get("Timeout", 3)) >= _WAITS_FROM_SECONDS
    return _ENVIRONMENTS_OF_WAITING_CALLS if waits else _ENVIRONMENTS


class _ForkingSubprocess:
    """Stands in for the `subprocess` module where MiniStack starts a function's process."""

    def __init__(self, template: socket.socket) -> None:
        self._template = template
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, command: Sequence[str], **options: Any) -> Any:  # noqa: N802 - its name there
        if command[0] != sys.executable:
            return subprocess.Popen(command, **options)
        return _Environment(self._fork, command[1], options["cwd"], options["env"])

    def _fork(self, request: bytes, streams: list[int]) -> int:
        # One at a time: the template answers requests in the order they come.
        with self._lock:
            socket.send_fds(self._template, [request], streams)
            answer = self._template.recv(_MESSAGE_BYTES_MAX)
        if not answer:
            raise RuntimeError("the process that environments are forked from is gone")
        return int(answer)


class _Environment:
    """A forked process with the part of `subprocess.Popen` that MiniStack uses."""

    def __init__(
        self,
        fork: Callable[[bytes, list[int]], int],
        script: str,
        directory: str,
        variables: Mapping[str, str],
    ) -> None:
        request = json.dumps({"script": script, "cwd": directory, "env": dict(variables)})
        child_in, parent_in = os.pipe()
        parent_out, child_out = os.pipe()
        parent_err, child_err = os.pipe()
        self.pid = fork(request.encode(), [child_in, child_out, child_err])
        for end in (child_in, child_out, child_err):
            os.close(end)
        self._process = os.pidfd_open(self.pid)
        self.returncode: int | None = None
        self.stdin: IO[str] = os.fdopen(parent_in, "w", buffering=1)
        self.stdout: IO[str] = os.fdopen(parent_out)
        self.stderr: IO[str] = os.fdopen(parent_err)

    def poll(self) -> int | None:
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("lambda environment", timeout or 0)
        return code

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            # Of which `select` could not ask above the thousandth file, and each has four.
            poll = select.poll()
            poll.register(self._process, select.POLLIN)
            if poll.poll(None if timeout is None else timeout * 1000):
                # Only the template, its parent, learns the true code; nobody here asks for it.
                self.returncode = -signal.SIGKILL
                os.close(self._process)
        return self.returncode

    def _signal(self, number: signal.Signals) -> None:
        if self._ended(0) is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._process, number)


def _start_template() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    size = _MESSAGE_BYTES_MAX
    for end in (ours, theirs):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
    subprocess.Popen(
        [sys.executable, "-m", "pushcart.warm_start", str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()
    return ours


def _serve(requests: socket.socket) -> None:
    """Fork an environment for each request, until the emulator is gone."""
    import_packages()
    # Before anything changes the environment: the title is written over where that began.
    setproctitle.setproctitle("pushcart: the process that functions' processes are forked from")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody has to collect the ended ones
    while True:
        message, streams, _, _ = socket.recv_fds(requests, _MESSAGE_BYTES_MAX, 3)
        if not message:
            return
        pid = os.fork()
        if pid == 0:
            requests.close()
            _become(json.loads(message), streams)
        for stream in streams:
            os.close(stream)
        requests.send(str(pid).encode())


def import_packages() -> None:
    """Import what the functions import from elsewhere; the shop's own code is each one's own."""
    for package in (
        "aws_lambda_powertools.metrics",
        "aws_lambda_powertools.utilities.batch",
        "aws_lambda_powertools.utilities.idempotency",
        "boto3.dynamodb.types",
        "pydantic",
    ):
        importlib.import_module(package)


def _become(request: dict[str, Any], streams: Sequence[int]) -> None:
    """Run MiniStack's worker script in this process, as if it had just been started."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = os.fdopen(0)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    sys.stderr = os.fdopen(2, "w", buffering=1)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = [request["script"]]
    # In `ps` it is what MiniStack would have started: the path names the function.
    setproctitle.setproctitle(f"{sys.executable} {request['script']}")
    sys.path[0] = os.path.dirname(request["script"])
    try:
        runpy.run_path(request["script"], run_name="__main__")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
