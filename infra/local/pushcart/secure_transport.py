"""Every call counts as one over TLS, as every call on AWS that a policy lets through is.

The embedded cloud speaks HTTP, on this machine alone, and no call ever leaves it. The
buckets', queues' and topics' policies refuse what does not come over TLS, so without
:func:`install` MiniStack would refuse the shop to itself.
"""

from contextvars import ContextVar

from ministack import app
from ministack.core import iam_evaluator

from pushcart.workspace import LOOPBACK


def install() -> None:
    """Let calls count as secure, in this process, before it serves anything."""
    pin = iam_evaluator.pin_request_origin
    # What MiniStack does by itself has no request to read this from.
    iam_evaluator._request_origin = ContextVar("request_origin", default=(LOOPBACK, True))
    app.pin_request_origin = lambda address, _secure: pin(address, True)
