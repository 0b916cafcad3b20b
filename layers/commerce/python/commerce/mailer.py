"""The port to the mail service, Amazon SES."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from commerce.errors import MailOutcomeUnknown, MailRefused, Throttled
from commerce.mailboxes import deliverable

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

_THROTTLES = {"TooManyRequestsException", "ThrottlingException", "LimitExceededException"}


@cache
def ses_client() -> SESV2Client:
    """Give this process's client; SES knows no repeats, so no call is sent again unseen."""
    config = Config(
        connect_timeout=2, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 1}
    )
    return boto3.client("sesv2", config=config)


class Mailer:
    """Sends e-mails from one address."""

    def __init__(self, sender: str, client: SESV2Client | None = None) -> None:
        self._sender = sender
        self._client = client or ses_client()

    def send(self, to: str, *, subject: str, text: str, html: str) -> str:
        """Send one e-mail; a repeat sends another. No error names an address.

        Returns
        -------
        str
            What the mail service knows it by.

        Raises
        ------
        Throttled
            Too many at once; it was not sent.
        MailRefused
            The service will not send it, such as from a sender that is not verified.
        MailOutcomeUnknown
            There was no answer.
        """
        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [_ascii_domain(to)]},
                Content={
                    "Simple": {
                        "Subject": {"Data": subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": text, "Charset": "UTF-8"},
                            "Html": {"Data": html, "Charset": "UTF-8"},
                        },
                    }
                },
            )
        except ClientError as error:
            # SES writes addresses into its messages; only the code is passed on, and logged.
            raise _named(error) from None
        except (BotoCoreError, ResponseParserError):
            raise MailOutcomeUnknown("the mail service did not answer") from None
        return answer["MessageId"]


def _named(error: ClientError) -> Throttled | MailRefused | MailOutcomeUnknown:
    code = error.response["Error"]["Code"]
    if code in _THROTTLES:
        return Throttled("the mail service asked for fewer e-mails")
    if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return MailOutcomeUnknown("the mail service failed")
    return MailRefused(f"the mail service refused the e-mail: {code}", reason=code)


def _ascii_domain(address: str) -> str:
    """Write an address as SES takes it: its domain in ASCII."""
    try:
        return deliverable(address)
    except ValueError:
        raise MailRefused("the address has no domain of the net", reason="BadDomain") from None
