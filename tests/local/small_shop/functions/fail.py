"""Fails in each way a function can."""

import os
import signal
import time


class OutOfStock(Exception):
    """A business refusal; its message may hold anything."""


def handle(event: dict[str, str], _context: object) -> dict[str, int]:
    match event["how"]:
        case "by raising":
            raise OutOfStock("no socks\nKeyError: left")
        case "by being killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "by taking too long":
            time.sleep(30)
    return {"pid": os.getpid()}
