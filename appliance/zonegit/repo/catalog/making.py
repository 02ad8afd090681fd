"""Makes the records of a catalog zone (RFC 9432 §4)."""

from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.model.names import APEX, Owner, from_text, parse_apex
from zonegit.model.rdata import NS, PTR, SOA, TXT
from zonegit.model.rrset import RRKey, RRset
from zonegit.repo.catalog.values import VERSION, Member

_INVALID: Final = b"\x07invalid\x00"
"""The name of a server that doesn't exist: nobody resolves names in a catalog (§4.1)."""
_TIMERS: Final = (3600, 600, 2_419_200, 0)
"""SOA refresh, retry, expire, minimum in seconds."""
_TTL: Final = 0
_ZONES: Final = b"\x05zones"


def catalog_entries(members: Iterable[Member]) -> list[tuple[RRKey, bytes]]:
    """The stored RRsets of a catalog with these members, in canonical order."""
    rrsets = [*_apex(), *(rrset for member in members for rrset in member_rrsets(member))]
    return sorted((rrset.key, rrset.encode()) for rrset in rrsets)


def member_rrsets(member: Member) -> Iterator[RRset]:
    """The RRsets of one member: its node, and its properties."""
    node = bytes((len(member.ident),)) + member.ident + _ZONES
    yield RRset.of(Owner(node), PTR, _TTL, [parse_apex(member.zone)])
    if member.groups:
        yield RRset.of(Owner(b"\x05group" + node), TXT, _TTL, map(_string, member.groups))
    if member.coo is not None:
        yield RRset.of(Owner(b"\x03coo" + node), PTR, _TTL, [from_text(member.coo)])


def _apex() -> Iterator[RRset]:
    timers = b"".join(value.to_bytes(4, "big") for value in (0, *_TIMERS))
    yield RRset.of(APEX, SOA, _TTL, [_INVALID + _INVALID + timers])
    yield RRset.of(APEX, NS, _TTL, [_INVALID])
    yield RRset.of(Owner(b"\x07version"), TXT, _TTL, [_string(VERSION.decode())])


def _string(text: str) -> bytes:
    """A TXT record of one string, of at most 255 bytes (`ops.catalogs` checks that)."""
    data = text.encode()
    return bytes((len(data),)) + data
