"""Another system on this machine that is told of the shop's events."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from e2e.recovery import wait_until
from pushcart.shop import Shop


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: str


@dataclass
class Receiver:
    """Keeps what it is sent; answers 200, or first whatever `answers` has.

    `says` is the body of a 200; `redirect_to` is where a redirect leads, itself if empty.
    """

    url: str
    received: list[Received] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    says: str = "thanks"
    redirect_to: str = ""

    def wait_for(self, requests: int) -> list[Received]:
        """Wait until so many requests came, and give them."""
        wait_until(lambda: len(self.received) >= requests, f"request {requests} to the receiver")
        return self.received


@contextmanager
def receiving(shop: Shop) -> Iterator[Receiver]:
    """Run a receiver on 127.0.0.1, and let the shop send there meanwhile."""
    receiver = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            status = receiver.answers.pop(0) if receiver.answers else 200
            self.send_response(status)
            if status in {301, 302, 307, 308}:
                self.send_header("Location", receiver.redirect_to or receiver.url)
            self.end_headers()
            self.wfile.write(receiver.says.encode() if status == 200 else b"not now")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/hooks?shop=1"
    # Asked often whether to stop, so that no test waits for its end.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    with server, private_webhooks(shop):
        yield receiver
        server.shutdown()


@contextmanager
def private_webhooks(shop: Shop) -> Iterator[None]:
    """Let webhooks go to private addresses, and afterwards no more."""
    _allow_private(shop, allowed=True)
    try:
        yield
    finally:
        _allow_private(shop, allowed=False)


def _allow_private(shop: Shop, *, allowed: bool) -> None:
    settings = shop.ask("GET", "/admin/settings")
    settings["policies"]["private_webhooks"] = allowed
    version = f'"{settings["version"]}"'
    answer = shop.call("PUT", "/admin/settings", settings, headers={"If-Match": version})
    assert answer.is_success, answer.text
