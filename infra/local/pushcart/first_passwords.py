"""The choice of a password at the first sign-in, as Cognito takes it.

The challenge ``NEW_PASSWORD_REQUIRED`` is answered with the session that the first password
opened, once and within minutes, and with a password that the pool's policy takes. MiniStack
looks at neither: anybody could choose for anybody. :func:`install` has it look. It is for
the pinned MiniStack; tests/local/test_first_passwords.py fails, saying so, once MiniStack no
longer needs it.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cognito

Json = dict[str, Any]
Answer = tuple[int, Json, bytes]
Respond = Callable[[Json], Answer]

CHALLENGE = "NEW_PASSWORD_REQUIRED"
SESSION_SECONDS = 180


def install() -> None:
    """Check answers to the challenge, in this process, before it serves anything."""
    sessions = Sessions()
    begin_alone = cognito._password_auth_result

    def begin(pool: Json, pid: str, cid: str, user: Json, *more: Any, **named: Any) -> Answer:
        answer: Answer = begin_alone(pool, pid, cid, user, *more, **named)
        asked = json.loads(answer[2])
        if asked.get("ChallengeName") == CHALLENGE:
            sessions.open(asked["Session"], user["Username"])
        return answer

    cognito._password_auth_result = begin
    cognito._respond_to_auth_challenge = _checked(cognito._respond_to_auth_challenge, sessions)
    cognito._admin_respond_to_auth_challenge = _checked(
        cognito._admin_respond_to_auth_challenge, sessions
    )


class Sessions:
    """Who may choose a password now, by the session that says so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[str, tuple[str, float]] = {}

    def open(self, session: str, username: str) -> None:
        """Let the holder of a session choose for a user."""
        self._open[session] = (username, self._clock() + SESSION_SECONDS)

    def close(self, session: str) -> str | None:
        """Give whom a session is for, and end it; None where it is over, or none."""
        username, until = self._open.pop(session, (None, 0.0))
        return username if self._clock() < until else None


def _checked(respond_alone: Respond, sessions: Sessions) -> Respond:
    def respond(data: Json) -> Answer:
        refused = refusal(data, sessions) if data.get("ChallengeName") == CHALLENGE else None
        return respond_alone(data) if refused is None else refused

    return respond


def refusal(data: Json, sessions: Sessions) -> Answer | None:
    """Say why an answer to the challenge is refused; None where it is good."""
    said = data.get("ChallengeResponses", {})
    pool = next(
        (one for one in cognito._user_pools.values() if data.get("ClientId") in one["_clients"]),
        None,
    )
    if pool is None:
        return None  # which MiniStack refuses itself
    user, _ = cognito._resolve_user(pool, said.get("USERNAME"))
    whose = sessions.close(data.get("Session", ""))
    if user is None or whose != user["Username"]:
        over: Answer = cognito.error_response_json(
            "NotAuthorizedException", "Invalid session for the user.", 400
        )
        return over
    weak: Answer | None = cognito._validate_password(pool, said.get("NEW_PASSWORD", ""))
    return weak
