"""Records that are well-formed but evidently a mistake.

A target typed as an address or a URL becomes a name in the zone (`192.0.2.1.example.com.`) that doesn't exist.
RRSIG, NSEC and NSEC3 records mean nothing in a zone whose apex isn't signed.
"""

import re
from _socket import AF_INET, AF_INET6, inet_pton  # see `rdata_reading`
from collections.abc import Iterator, Sequence
from typing import Final

from zonegit.errors import OutOfZone
from zonegit.model.names import Owner, WireName, labels, relative, to_text
from zonegit.model.rdata import CNAME, DNAME, MX, NS, NSEC, NSEC3, PTR, RRSIG, SRV
from zonegit.model.rrset import rdatas
from zonegit.zonefile.structure import Found, type_list
from zonegit.zonefile.types import type_text
from zonegit.zonefile.zone_lookup import Types

_TARGET_AT: Final = {CNAME: 0, DNAME: 0, MX: 2, NS: 0, PTR: 0, SRV: 6}
LEADING: Final = frozenset(_TARGET_AT)
"""Types whose records have a name as their target."""
SIGNING: Final = frozenset({RRSIG, NSEC, NSEC3})
"""Types that a signer makes."""
_FOUR_NUMBERS: Final = re.compile(rb"(?:[\x01-\x03][0-9]{1,3}){4}").search
_REVERSE: Final = b"\x07in-addr\x04arpa\x00"
"""Names below it are addresses, rightly."""


def check_ends(apex: WireName, types: Types) -> Sequence[Found]:
    """Check an owner's targets for addresses and URLs."""
    found: list[Found] = []
    for rtype in types:
        at = _TARGET_AT.get(rtype)
        if at is None:
            continue
        payload = types[rtype]
        if b":" in payload or _FOUR_NUMBERS(payload):  # few RRsets need a closer look
            for rdata in rdatas(payload):
                found += _check_end(apex, rtype, rdata[at:])
    return found


def _check_end(apex: WireName, rtype: int, target: bytes) -> Iterator[Found]:
    try:
        typed = relative(target, apex)
    except OutOfZone:
        typed = Owner(target[:-1])
    text = b".".join(labels(typed + b"\0")).decode("ascii", "replace")
    what = _what(text)
    if what and not (what == "an IPv4 address" and apex == _REVERSE):
        read = f"read as the name {to_text(target)}; write a host name"
        yield "address-target", f"{type_text(rtype)} target {text} is {what}, {read}"


def _what(text: str) -> str:
    if "://" in text:
        return "a URL"
    if _is_address(AF_INET, text):
        return "an IPv4 address"
    return "an IPv6 address" if _is_address(AF_INET6, text.strip("[]")) else ""


def _is_address(family: int, text: str) -> bool:
    try:
        inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def check_stray(types: Types) -> Iterator[Found]:
    """Check an owner of an unsigned zone for DNSSEC records."""
    stray = [rtype for rtype in types if rtype in SIGNING]
    yield "stray-dnssec", f"{type_list(stray)} in a zone that isn't signed: there is no RRSIG record at its apex"
