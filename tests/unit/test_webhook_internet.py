"""Posting to servers that are not ours: to the address that was checked, and not for ever."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server, socket

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from commerce.webhooks.addresses import Target
from commerce.webhooks.internet import Internet, Unanswered

# No resolver knows it: only a given address leads there.
NAME = "hooks.invalid"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nthanks"

Talk = Callable[[socket], None]


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    """Run a server on 127.0.0.1 that talks once to whoever comes; give its port."""
    with create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            connection, _ = listening.accept()
            with connection:
                try:
                    talk(connection)
                except OSError:
                    return  # the caller hung up

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(5)


def answering(answer: bytes, heard: list[bytes]) -> Talk:
    def talk(connection: socket) -> None:
        heard.append(_request(connection))
        connection.sendall(answer)

    return talk


def _request(connection: socket) -> bytes:
    request = b""
    while not request.endswith(b"}"):
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError  # the caller hung up
        request += part
    return request


def plain(port: int) -> Target:
    return Target("http", NAME, port, "/hooks?a=b")


def test_it_goes_to_the_given_address_under_the_servers_name() -> None:
    heard: list[bytes] = []
    with server(answering(OK, heard)) as port:
        answer = Internet().post(plain(port), ["127.0.0.1"], {"webhook-id": "evt_1"}, '{"a": 1}')

    assert (answer.status, answer.text) == (200, "thanks")
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hooks?a=b HTTP/1.1\r\n")
    assert f"Host: {NAME}:{port}".encode() in head
    assert b"webhook-id: evt_1" in head
    assert body == b'{"a": 1}'


def test_where_one_address_is_dead_the_next_is_tried() -> None:
    with server(answering(OK, [])) as port:
        answer = Internet().post(plain(port), ["127.0.0.2", "127.0.0.1"], {}, "{}")

    assert answer.status == 200


def test_a_redirect_is_not_followed() -> None:
    elsewhere = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"
    with server(answering(elsewhere, [])) as port:
        assert Internet().post(plain(port), ["127.0.0.1"], {}, "{}").status == 302


def test_a_large_answer_is_cut() -> None:
    large = b"HTTP/1.1 500 Oops\r\n\r\n" + b"x" * 100_000
    with server(answering(large, [])) as port:
        assert Internet().post(plain(port), ["127.0.0.1"], {}, "{}").text == "x" * 500


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200"])
def test_a_server_that_never_comes_to_an_end_is_left_at_the_deadline(first: bytes) -> None:
    def drip(connection: socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(b" ")
            time.sleep(0.02)

    begun = time.monotonic()
    with server(drip) as port, pytest.raises(Unanswered, match="timed_out"):
        Internet(within=0.3).post(plain(port), ["127.0.0.1"], {}, "{}")

    assert time.monotonic() - begun < 2


def test_what_is_no_http_is_no_answer() -> None:
    ssh = answering(b"SSH-2.0-OpenSSH\r\n", [])
    with server(ssh) as port, pytest.raises(Unanswered, match="not_http"):
        Internet().post(plain(port), ["127.0.0.1"], {}, "{}")


def test_nobody_there_is_no_answer() -> None:
    with server(answering(OK, [])) as port:
        Internet().post(plain(port), ["127.0.0.1"], {}, "{}")

    with pytest.raises(Unanswered, match="connection_refused"):
        Internet().post(plain(port), ["127.0.0.1"], {}, "{}")


# --- TLS ----------------------------------------------------------------------


@contextmanager
def tls_server(folder: Path, asked_for: list[str | None]) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Run a server with a certificate for `NAME`; give its port, and what trusts it."""
    certificate, key = certificate_for(NAME, folder)
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(certificate, key)
    ours.sni_callback = lambda _connection, name, _context: asked_for.append(name)

    def talk(connection: socket) -> None:
        with ours.wrap_socket(connection, server_side=True) as wrapped:
            _request(wrapped)
            wrapped.sendall(OK)

    with server(talk) as port:
        yield port, ssl.create_default_context(cafile=str(certificate))


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "certificate", folder / "key"


def test_tls_names_the_server_and_checks_its_certificate_at_the_given_address(
    tmp_path: Path,
) -> None:
    asked_for: list[str | None] = []
    with tls_server(tmp_path, asked_for) as (port, trusting):
        target = Target("https", NAME, port, "/")
        answer = Internet(tls=trusting).post(target, ["127.0.0.1"], {}, "{}")

    assert answer.text == "thanks"
    assert asked_for == [NAME]


def test_another_servers_certificate_is_refused(tmp_path: Path) -> None:
    with tls_server(tmp_path, []) as (port, trusting):
        target = Target("https", "another.invalid", port, "/")
        with pytest.raises(Unanswered, match="certificate_refused"):
            Internet(tls=trusting).post(target, ["127.0.0.1"], {}, "{}")


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    refused = pytest.raises(Unanswered, match="certificate_refused")
    with tls_server(tmp_path, []) as (port, _), refused:
        Internet().post(Target("https", NAME, port, "/"), ["127.0.0.1"], {}, "{}")
