"""Killing a function's process while it is at work."""

from __future__ import annotations

import array
import fcntl
import os
import signal
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from e2e.recovery import wait_until
from pushcart.cloud import Cloud
from pushcart.workspace import STACK_NAME, Workspace

_LOOK_EVERY_SECONDS = 0.01


class Environments:
    """The processes that run the functions of one deployed shop."""

    def __init__(self, workspace: Workspace, cloud: Cloud) -> None:
        self._folder = (workspace.state_dir / "tmp").resolve()
        pages = cloud.cloudformation.get_paginator("list_stack_resources")
        self._names = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for page in pages.paginate(StackName=STACK_NAME)
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        }

    def of(self, function: str) -> list[int]:
        """Give the ids of a function's processes; `PlaceOrder` is PlaceOrderFunction's."""
        # Each works in a folder of its own, named after its function.
        home = f"{self._folder}/ministack-lambda-{self._names[f'{function}Function']}-"
        found = []
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and str((entry / "cwd").readlink()).startswith(home):
                    found.append(int(entry.name))
        return found

    @contextmanager
    def stopped(self, function: str) -> Iterator[list[int]]:
        """Stop a function's processes, so that the next call waits in front of one of them."""
        processes = self.of(function)
        assert processes, f"{function} has no process yet"
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield processes
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)

    def kill_the_called(self, function: str, processes: list[int]) -> None:
        """Kill the one of some stopped processes that a call was handed to, once it was."""
        os.kill(self._the_called(function, processes), signal.SIGKILL)

    def keep_the_called(self, function: str, processes: list[int]) -> None:
        """Kill all of some stopped processes but the one that a call was handed to.

        That call stays where it is; the next ones are served by new processes.
        """
        called = self._the_called(function, processes)
        for process in processes:
            if process != called:
                os.kill(process, signal.SIGKILL)

    def _the_called(self, function: str, processes: list[int]) -> int:
        called: list[int] = []

        def handed_over() -> bool:
            called[:] = [process for process in processes if _has_unread_input(process)]
            return bool(called)

        wait_until(handed_over, f"a call of {function}")
        return called[0]

    def kill(self, function: str) -> None:
        """Kill all of a function's processes, whatever they do."""
        for process in self.of(function):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    @contextmanager
    def out_of_order(self, *functions: str) -> Iterator[None]:
        """Kill each of these functions' processes as soon as there is one."""
        over = threading.Event()

        def killing() -> None:
            while not over.is_set():
                for function in functions:
                    self.kill(function)
                time.sleep(_LOOK_EVERY_SECONDS)

        killer = threading.Thread(target=killing)
        killer.start()
        try:
            yield
        finally:
            over.set()
            killer.join()


def _has_unread_input(process: int) -> bool:
    """Tell whether a stopped process has been sent a call: they come through its input pipe."""
    waiting = array.array("i", [0])
    try:
        pipe = os.open(f"/proc/{process}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False  # killed before, and gone by now
    try:
        fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    finally:
        os.close(pipe)
    return waiting[0] > 0
