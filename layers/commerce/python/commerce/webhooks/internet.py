"""The port to servers that are not ours: resolve a name, and post to an address of it.

Both are apart so that an address can be checked in between. Nothing is resolved a
second time: the connection goes to the address given, and only TLS and the `Host`
header name the server.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from threading import Timer

from commerce.webhooks.addresses import Target

ANSWER_WITHIN_SECONDS = 10.0
_KEPT_BYTES = 500

Resolve = Callable[[str, int], Sequence[str]]


class Unanswered(Exception):
    """There was no answer; the text is a short code: `timed_out`, `tls_failed`, ..."""


@dataclass(frozen=True)
class Answer:
    """What a server said, with the beginning of its body."""

    status: int
    text: str


def system_resolve(host: str, port: int) -> list[str]:
    """Give all addresses of a host, the system's preferred one first; none where it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _public_authorities() -> ssl.SSLContext:
    return ssl.create_default_context()


class Internet:
    """Servers reached over HTTP.

    Parameters
    ----------
    resolve
        Gives the addresses of a host.
    tls
        Decides which certificates are good; the system's authorities where not given.
    within
        Seconds in which the whole answer must come.
    """

    def __init__(
        self,
        resolve: Resolve = system_resolve,
        tls: ssl.SSLContext | None = None,
        within: float = ANSWER_WITHIN_SECONDS,
    ) -> None:
        self.resolve = resolve
        self._tls = tls
        self._within = within

    def post(
        self, target: Target, addresses: Sequence[str], headers: Mapping[str, str], body: str
    ) -> Answer:
        """Post a body to the first of these addresses that takes a connection.

        No redirect is followed.

        Raises
        ------
        Unanswered
            Nobody took the connection, TLS failed, or the answer was late or not HTTP.
        """
        deadline = time.monotonic() + self._within
        with _named_failures():
            connected = self._connect(target, addresses, deadline)
            connection = http.client.HTTPConnection(target.host, target.port)
            connection.sock = connected
            with connected, _cut_off(connected, deadline):
                sent = {**headers, "Host": target.host_header, "Connection": "close"}
                connection.request("POST", target.path, body.encode(), sent)
                answer = connection.getresponse()
                text = answer.read(_KEPT_BYTES).decode("utf-8", "replace")
                return Answer(answer.status, text)

    def _connect(self, target: Target, addresses: Sequence[str], deadline: float) -> socket.socket:
        for position, address in enumerate(addresses):
            try:
                plain = socket.create_connection((address, target.port), _left(deadline))
                break
            except OSError:
                if position == len(addresses) - 1:
                    raise
        if target.scheme == "http":
            return plain
        tls = self._tls or _public_authorities()
        try:
            with _cut_off(plain, deadline):
                return tls.wrap_socket(plain, server_hostname=target.host)
        except BaseException:
            plain.close()
            raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


@contextmanager
def _cut_off(connected: socket.socket, deadline: float) -> Iterator[None]:
    """End the talk at the deadline: a socket's own timeout begins anew with every byte."""
    late = Timer(_left(deadline), lambda: _shut(connected))
    late.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if time.monotonic() >= deadline:
            raise TimeoutError from None
        raise
    finally:
        late.cancel()
    if time.monotonic() >= deadline:
        raise TimeoutError  # what was cut off may look like a short answer


def _shut(connected: socket.socket) -> None:
    # The plain socket's own way: that of TLS would take the keys away from under a read.
    with suppress(OSError):  # it ended by itself this moment
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


@contextmanager
def _named_failures() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise Unanswered("timed_out") from None
    except ssl.SSLCertVerificationError as error:
        raise Unanswered(f"certificate_refused: {error.verify_message}") from None
    except ssl.SSLError:
        raise Unanswered("tls_failed") from None
    except ConnectionRefusedError:
        raise Unanswered("connection_refused") from None
    except OSError:
        raise Unanswered("unreachable") from None
    except (http.client.HTTPException, ValueError):
        raise Unanswered("not_http") from None
