"""What AWS and the way to it answer where nothing is wrong with the call.

One list for all ports, so that no service's bad minute is taken for a mistake of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    ChecksumError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
)
from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.parsers import ResponseParserError

from commerce.errors import DependencyUnavailable, Throttled, TransientError

THROTTLES = {
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingError",
    "ThrottlingException",
    "TooManyRequestsException",
}
_OUTAGES = {
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
    # Keys of the function's role that ran out on the way; the next call has new ones.
    "ExpiredToken",
    "ExpiredTokenException",
}
BROKEN_CONNECTIONS = (
    ChecksumError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    MetadataRetrievalError,
    NoCredentialsError,
    NotConnectedError,
    # An answer of something on the way, such as a proxy's page.
    ResponseParserError,
)


def outage(error: Exception, service: str) -> TransientError | None:
    """Name an error that may pass, None where it is another.

    Parameters
    ----------
    service
        Who was asked, as a sentence calls it: `the database`.
    """
    if isinstance(error, BROKEN_CONNECTIONS):
        return DependencyUnavailable(f"{service} did not answer")
    if not isinstance(error, ClientError):
        return None
    response: Any = error.response
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLES or status == 429:
        return Throttled(f"{service} asked for fewer requests")
    if code in _OUTAGES or status >= 500:
        return DependencyUnavailable(f"{service} failed")
    return None


@contextmanager
def named_outages(service: str) -> Iterator[None]:
    """Let what may pass leave under its name, and everything else as it is.

    Raises
    ------
    Throttled
        The service asked for fewer requests; nothing was done.
    DependencyUnavailable
        It failed or did not answer; what was asked for may have been done.
    """
    try:
        yield
    except Exception as error:
        named = outage(error, service)
        if named is None:
            raise
        raise named from error
