"""A client that keeps at it: an answer that never came is asked for again under the same key."""

import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx

from pushcart.problems import CommandFailed
from pushcart.shop import Shop, refusal

_TRIES = 20
_PAUSE_SECONDS = 1.0
# Nothing was decided for these, or nobody knows what: the same call again is. API Gateway's
# own have no code, or one of these.
_ASK_AGAIN = {
    "checkout_in_progress",
    "checkout_under_way",
    "dependency_unavailable",
    "request_in_progress",
    "throttled",
    "timed_out",
    "unavailable",
    "",
}

_POLL_SECONDS = 0.2
_GIVE_UP_SECONDS = 300.0

Found = TypeVar("Found")


class PatientClient:
    """Calls one shop; may be used by many threads at once."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send a request until it is decided, and give the answer's JSON.

        A request that was refused for a passing reason is sent anew.

        Raises
        ------
        CommandFailed
            The shop refused it, or kept not answering.
        """
        key = str(uuid.uuid4())
        problem = "no answer"
        for _ in range(_TRIES):
            try:
                answer = self._shop.call("POST", path, body, key=key)
            except httpx.HTTPError as error:
                problem = str(error)
                continue
            if answer.is_success:
                document: dict[str, Any] = answer.json()
                return document
            problem = refusal(answer)
            if answer.status_code < 500 and _code(answer) not in _ASK_AGAIN:
                break
            if _code(answer) not in _ASK_AGAIN:
                key = str(uuid.uuid4())  # Refused for a passing reason, and this key keeps that.
            time.sleep(_PAUSE_SECONDS)
        raise CommandFailed(f"POST {path}: {problem}")

    def get(self, path: str) -> dict[str, Any]:
        """Read something, once."""
        return self._shop.ask("GET", path)


def until(read: Callable[[], Found], holds: Callable[[Found], bool], what: str) -> Found:
    """Read something again and again until a condition holds, and give it as it is then.

    Raises
    ------
    CommandFailed
        Five minutes were not enough.
    """
    deadline = time.monotonic() + _GIVE_UP_SECONDS
    while not holds(found := read()):
        if time.monotonic() > deadline:
            raise CommandFailed(f"waited in vain for {what}")
        time.sleep(_POLL_SECONDS)
    return found


def _code(answer: httpx.Response) -> str:
    """Give the problem's code; API Gateway's own answers have none."""
    try:
        return str(answer.json().get("code", ""))
    except ValueError:
        return ""
