"""Where webhooks may go, and that they go nowhere else."""

from __future__ import annotations

import pytest

from commerce.errors import AddressRefused
from commerce.webhooks.addresses import Target, check_addresses, is_public, target_of

NOT_PUBLIC = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # metadata of a cloud
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",  # metadata of most clouds
    "169.254.170.2",  # credentials of a container
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata of a cloud
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "233.252.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:a00:1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:db8::1",
    "2002:7f00:1::",  # 6to4 of 127.0.0.1
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of a cloud
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
]
PUBLIC = [
    "1.1.1.1",
    "93.184.215.14",
    "172.32.0.1",
    "100.128.0.1",
    "223.255.255.254",
    "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001:80e::200e",
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_private_local_or_reserved_address_is_refused(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(AddressRefused):
        check_addresses(["1.1.1.1", address], private_allowed=False)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_taken(address: str) -> None:
    check_addresses([address], private_allowed=False)


def test_a_private_address_is_taken_where_the_settings_allow_it() -> None:
    check_addresses(["127.0.0.1", "fe80::1"], private_allowed=True)


def test_a_host_without_an_address_is_refused_whatever_is_allowed() -> None:
    with pytest.raises(AddressRefused):
        check_addresses([], private_allowed=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "example.com",
        "https://",
        "https:///hooks",
        "https://user@example.com/",
        "https://user:secret@example.com/",
        "https://@example.com/",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://example.com:port/",
        "https://[::1/",
        "https://exa mple.com/",
        "https://example.com/a\r\nX-Evil: 1",
        "https://example.com\\@127.0.0.1/",
        "https://example.com\\a",
        "https://exämple.com/",
        "https://example.com/#here",
    ],
)
def test_what_is_no_plain_https_url_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        target_of(url, private_allowed=False)


@pytest.mark.parametrize(
    ("url", "target", "host_header"),
    [
        (
            "https://Example.com",
            Target("https", "example.com", 443, "/"),
            "example.com",
        ),
        (
            "https://example.com:8443/a/b?c=d&e",
            Target("https", "example.com", 8443, "/a/b?c=d&e"),
            "example.com:8443",
        ),
        (
            "https://[2606:4700::1]:443/",
            Target("https", "2606:4700::1", 443, "/"),
            "[2606:4700::1]",
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, target: Target, host_header: str) -> None:
    assert target_of(url, private_allowed=False) == target
    assert target.host_header == host_header


def test_plain_http_is_taken_where_the_settings_allow_private_addresses() -> None:
    assert target_of("http://127.0.0.1:9/x", private_allowed=True).port == 9
