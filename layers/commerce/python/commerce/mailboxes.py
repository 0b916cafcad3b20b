"""Which e-mail addresses are one mailbox, and how one is written for the mail service.

Mail systems fold ASCII's letters and look a domain up by its A-label; so does the shop, and
no more. What else looks or sounds alike (`ß` and `ss`, two forms of sigma, with and without an
accent) may be two people's. Wherever addresses are compared or sent to, it goes through here.
"""

from __future__ import annotations

import re
import string
import unicodedata

import idna

_FOLDED = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_DOMAIN_CHARS_MAX = 253


def mailbox(email: str) -> str:
    """Write an address as its mailbox is known by: of two that come out alike, both are one.

    Letters beyond ASCII before the `@` are as they are (in normal form C). What has no domain
    of the internet is no other address's mailbox.
    """
    local, at, domain = email.strip().rpartition("@")
    try:
        domain = ascii_domain(domain)
    except ValueError:
        domain = domain.translate(_FOLDED)
    return f"{_composed(local).translate(_FOLDED)}{at}{domain}"


def disguised(text: str) -> bool:
    """Tell whether a letter beyond ASCII would be one of ASCII once composed: the Kelvin sign."""
    return any(not char.isascii() and unicodedata.normalize("NFC", char).isascii() for char in text)


def deliverable(email: str) -> str:
    """Write an address as mail is sent to it: its domain in ASCII, the rest as it is.

    Raises
    ------
    ValueError
        It has no domain of the internet.
    """
    local, _, domain = email.strip().rpartition("@")
    return f"{local}@{ascii_domain(domain)}"


def ascii_domain(domain: str) -> str:
    """Give a domain in ASCII, by IDNA 2008: `faß.de` is `xn--fa-hia.de`, and not `fass.de`.

    Raises
    ------
    ValueError
        It is none: a label is empty, too long, or has letters that no domain may have.
    """
    mapped = idna.uts46_remap(domain, std3_rules=True, transitional=False)
    text = ".".join(map(_ascii_label, mapped.split(".")))
    if len(text) > _DOMAIN_CHARS_MAX:
        raise ValueError("the domain is too long")
    return text


def _composed(local: str) -> str:
    return local if disguised(local) else unicodedata.normalize("NFC", local)


def _ascii_label(label: str) -> str:
    # Labels of ASCII are domains' whatever IDNA reserves, but for those that say they are A-labels.
    if label.isascii() and not label.startswith("xn--"):
        if not _LABEL.fullmatch(label):
            raise ValueError("a label of a domain has letters, digits and hyphens inside")
        return label
    return idna.alabel(label).decode()
