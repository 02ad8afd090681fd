"""`ZoneVersion`: the port through which one version of a zone is answered from, and the blocks that it returns.

A *block* has all RRsets of one owner, in type order, ready to be sliced into an answer whose question is the
owner: `(type u16 | records u32 | size u32 | RRs) *`, each RR with the owner `C0 0C`. The apex block's SOA holds the
version's own serial.
"""

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final, Protocol

from zonegit.model.ids import ObjectId
from zonegit.model.names import MAX_LABEL, OwnerKey, WireName
from zonegit.model.rdata import SOA
from zonegit.model.rrset import APEX_POINTER, owner_size, record_count, served_soa

BLOCK_ITEM: Final = Struct(">HII")
MAX_BLOCK: Final = 1 << 16
"""Bytes of the largest block that is answered from: as many as fit into a message."""
MAX_RECORDS: Final = 1024
"""Records of the largest block that is answered from."""
MAX_MESSAGE: Final = 65535
_AROUND: Final = 12 + 4 + 11
"""Bytes of a message's header, of its question after the name, and of an OPT without options (RFC 6891)."""


class ZoneVersion(Protocol):
    """A zone at one commit. Every method raises `CorruptStore` rather than give bytes that don't verify."""

    @property
    def apex(self) -> WireName:
        """Lowercase wire name."""
        ...

    @property
    def commit(self) -> ObjectId:
        """Two versions of the same commit give the same answers."""
        ...

    @property
    def serial(self) -> int: ...

    def at(self, owner: OwnerKey) -> bytes | None:
        """The block at an owner; None if it has no RRsets, like an empty non-terminal."""
        ...

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        """`(at(owner), None)`; if there is no block, `(None, after(owner))`, which costs no further read."""
        ...

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        """The last owner strictly before this one in canonical order, with its block."""
        ...

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        """The first owner strictly after this one. It is below `owner` exactly if it begins with that key."""
        ...

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        """At most `most` owners before this one, the nearest first. Their blocks aren't looked at. This is many
        times faster than `before`, and only tells where to look.
        """
        ...


def excess(records: int, size: int, place: str = "one name") -> str | None:
    """Why no query is answered from a block with this many records and bytes; None if queries are."""
    if records > MAX_RECORDS:
        return f"{records:,} records at {place}; {MAX_RECORDS:,} are the most that zonegitd answers from"
    if size > MAX_BLOCK:
        return f"{size:,} bytes of records at {place}; {MAX_BLOCK:,} are the most that zonegitd answers from"
    return None


def block_weight(payloads: Iterable[bytes]) -> tuple[int, int]:
    """Records and bytes of the block of one owner's stored RRsets."""
    records = size = 0
    for payload in payloads:
        count = record_count(payload)
        records += count
        size += BLOCK_ITEM.size + len(payload) - count * owner_size(payload)
    return records, size


def message_size(name: int, apex: int, payload: bytes) -> int:
    """Bytes of the message that answers with a stored RRset. `name`, `apex`: bytes of its owner and the apex."""
    # in the answer an RR's owner is a pointer; a stored RR is longer by the owner's labels
    return _AROUND + name + apex + len(payload) - record_count(payload) * name


def block_item(payload: bytes, serial: int) -> bytes:
    """One stored RRset as an item of its owner's block."""
    size = payload[0] + 1
    if size > MAX_LABEL or payload[size] != APEX_POINTER[0]:  # most owners are one label
        size = owner_size(payload)
    rtype = payload[size + 2] << 8 | payload[size + 3]
    if size + 12 + (payload[size + 10] << 8 | payload[size + 11]) != len(payload):
        rrs = _strip(payload, size)
        return BLOCK_ITEM.pack(rtype, record_count(payload), len(rrs)) + rrs
    if rtype == SOA:
        payload = served_soa(payload, serial)
    return BLOCK_ITEM.pack(rtype, 1, len(payload) - size) + payload[size:]


def _strip(payload: bytes, size: int) -> bytes:
    parts = []
    at = 0
    end = len(payload)
    while at < end:
        start = at + size
        rdata = start + 12
        at = rdata + int.from_bytes(payload[rdata - 2 : rdata], "big")
        parts.append(payload[start:at])
    return b"".join(parts)


def block_items(block: bytes) -> Iterator[tuple[int, int, bytes]]:
    """`(type, records, RRs)` of each RRset in a block."""
    at = 0
    end = len(block)
    while at < end:
        rtype, records, size = BLOCK_ITEM.unpack_from(block, at)
        at += BLOCK_ITEM.size + size
        yield rtype, records, block[at - size : at]
