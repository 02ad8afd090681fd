"""What a NOTIFY says (RFC 1996 §3): which zone has changed, and perhaps the serial that it has now."""

from typing import Final, NamedTuple

from zonegit.dns.wire.message import HEADER_SIZE, parse, skip_name
from zonegit.model.names import WireName

_SOA_IN: Final = b"\0\6\0\1"
_FIXED: Final = 10
"""Bytes of a record between its owner and its RDATA."""


class Notice(NamedTuple):
    """A NOTIFY, as far as it says something."""

    apex: WireName
    serial: int | None
    """Only a hint (§3.11): anybody may have written it."""


def notice_of(packet: bytes) -> Notice | None:
    """Read a NOTIFY whose sender was checked; None if it can't be read."""
    query = parse(packet)
    if query is None or query.rcode:
        return None
    return Notice(query.name, _serial(packet, HEADER_SIZE + len(query.question)))


def _serial(packet: bytes, at: int) -> int | None:
    """The serial of an SOA record at `at`; None if there is none."""
    if packet[6:8] == b"\0\0":
        return None
    at = skip_name(packet, at)
    if not at or packet[at : at + 4] != _SOA_IN:
        return None
    mname = skip_name(packet, at + _FIXED)
    rname = skip_name(packet, mname) if mname else 0
    return int.from_bytes(packet[rname : rname + 4], "big") if rname and rname + 4 <= len(packet) else None
