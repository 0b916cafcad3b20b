"""E-mails that the embedded cloud sent: it keeps them, and delivers none."""

from datetime import UTC, datetime
from typing import Any

import httpx

from pushcart.problems import CommandFailed
from pushcart.workspace import Workspace

Json = dict[str, Any]

_PATH = "/_ministack/ses/messages"
_ANSWER_WITHIN_SECONDS = 10.0


def newest(workspace: Workspace) -> list[Json]:
    """Read all e-mails sent so far, newest first.

    Raises
    ------
    CommandFailed
        The cloud is not the embedded one.
    """
    if not workspace.uses_embedded_cloud:
        raise CommandFailed("Only the embedded cloud keeps what it sent; see GET /admin/emails.")
    answer = httpx.get(
        f"{workspace.cloud_url}{_PATH}", timeout=_ANSWER_WITHIN_SECONDS, trust_env=False
    )
    answer.raise_for_status()
    found = [mail for mails in answer.json()["messages"].values() for mail in mails]
    return sorted(found, key=lambda mail: float(mail["Timestamp"]), reverse=True)


def whole(mails: list[Json], message_id: str) -> str:
    """Write one e-mail with its text part.

    Raises
    ------
    CommandFailed
        There is no such e-mail.
    """
    for mail in mails:
        if mail["MessageId"].startswith(message_id):
            head = (("From", mail["Source"]), ("To", ", ".join(mail["To"])))
            named = (*head, ("Date", _time(mail)), ("Subject", mail["Subject"]))
            return "\n".join([*(f"{name}: {text}" for name, text in named), "", mail["BodyText"]])
    raise CommandFailed(f"No e-mail has the id {message_id}.")


def line(mail: Json) -> str:
    """Write an e-mail in one line; of its id, what tells it from the others."""
    id_ = mail["MessageId"].partition("@")[0]
    return f"{_time(mail)}  {id_}  {', '.join(mail['To'])}  {mail['Subject']}"


def _time(mail: Json) -> str:
    return datetime.fromtimestamp(mail["Timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S")
