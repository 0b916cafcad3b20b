"""Who may choose a password; tests/e2e/test_first_sign_in.py shows it at work."""

from __future__ import annotations

import inspect

from ministack.services import cognito

from pushcart.first_passwords import SESSION_SECONDS, Sessions


def test_ministack_looks_at_neither_session_nor_policy_by_itself() -> None:
    of_ministack = inspect.getsource(cognito._respond_to_auth_challenge)
    answer = of_ministack.partition('"NEW_PASSWORD_REQUIRED"')[2].partition("if challenge_name")[0]
    assert answer
    assert "_validate_password" not in answer, "pushcart.first_passwords is no longer needed"
    assert "Session" not in answer, "pushcart.first_passwords is no longer needed"


def test_a_session_is_for_one_user_once_and_for_minutes() -> None:
    now = 0.0
    sessions = Sessions(lambda: now)
    sessions.open("s1", "ada")
    sessions.open("s2", "bea")
    assert sessions.close("s1") == "ada"
    assert sessions.close("s1") is None
    assert sessions.close("made up") is None
    now = SESSION_SECONDS
    assert sessions.close("s2") is None
