"""Where a webhook may go: what a URL must look like, and which addresses are public.

A name is checked by what it resolves to, at each attempt anew, and the connection goes
to the very address that was checked: the owner of a name may point it elsewhere at any
moment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from commerce.errors import AddressRefused

# Python's own tables differ from version to version; these hold on all of them.
_NEVER = tuple(
    map(
        ip_network,
        (
            "100.64.0.0/10",  # shared by providers; some keep their metadata here
            "192.0.0.0/24",  # protocol assignments; some keep their metadata here
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocol assignments, Teredo among them
            "2002::/16",  # 6to4: any IPv4 address inside
            "3fff::/20",  # documentation
        ),
    )
)
_GLOBAL_UNICAST = ip_network("2000::/3")
# What reaches IPv4 through a translator is as public as the address inside.
_TRANSLATED = ip_network("64:ff9b::/96")

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_PORTS = {"https": 443, "http": 80}


@dataclass(frozen=True)
class Target:
    """A URL taken apart, once: what is checked is what is connected to."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """The `Host` header: brackets around IPv6, the port where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, *, private_allowed: bool) -> Target:
    """Take a webhook's URL apart.

    Raises
    ------
    AddressRefused
        It is not `https` (or `http`, where private addresses are allowed), has
        credentials or a fragment in it, or is no URL at all.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("this is not a URL") from None
    schemes = ("https", "http") if private_allowed else ("https",)
    if parts.scheme not in schemes:
        raise AddressRefused(f"the URL must begin with {' or '.join(schemes)}")
    if not _VISIBLE.fullmatch(url) or "\\" in url or not parts.hostname or port == 0:
        raise AddressRefused("this is not a URL; write other letters than ASCII's encoded")
    if "@" in parts.netloc:
        raise AddressRefused("a URL must have no user name and no password in it")
    if parts.fragment:
        raise AddressRefused("a URL must have no fragment")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)


def check_addresses(addresses: Sequence[str], *, private_allowed: bool) -> None:
    """Refuse a name any of whose addresses is not public.

    Raises
    ------
    AddressRefused
        One is private, loopback, link-local, multicast or reserved, or there is none.
    """
    if not addresses:
        raise AddressRefused("the host has no address")
    if not private_allowed and not all(map(is_public, addresses)):
        raise AddressRefused("the host is at a private, local or reserved address")


def is_public(address: str) -> bool:
    """Tell whether an address is one of the public internet's unicast ones."""
    ip = _inner(ip_address(address))
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    if isinstance(ip, IPv6Address) and ip not in _GLOBAL_UNICAST:
        return False
    return not any(ip in network for network in _NEVER)


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Give the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return ip.ipv4_mapped
        if ip in _TRANSLATED:
            return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip
