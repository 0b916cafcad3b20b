"""Who sends an e-mail must be allowed to send from its sender, as on AWS.

MiniStack checks the permission to send against no identity, so that a role which may
send from one address would be refused. :func:`install` names the sender's.
tests/e2e/test_emails.py shows it at work, for every e-mail there is sent under a role.
"""

import json
from email.utils import parseaddr

from ministack.core import iam_actions

_SEND = "/v2/email/outbound-emails"


def install() -> None:
    """Let sending be allowed by identity, in this process, before it serves anything."""
    resource_alone = iam_actions._ses_v2_resource_arn

    def resource_arn(method: str, path: str, body: bytes, region: str, account: str) -> str:
        if path.rstrip("/") != _SEND:
            alone: str = resource_alone(method, path, body, region, account)
            return alone
        sender = parseaddr(json.loads(body).get("FromEmailAddress", ""))[1]
        return f"arn:aws:ses:{region}:{account}:identity/{sender}"

    iam_actions._ses_v2_resource_arn = resource_arn
