"""Reads blocks: the RRsets of one owner, and their signatures and TTLs.

Every RR here begins with `C0 0C`, as blocks hold them: two bytes of owner, ten of fixed fields, RDATA.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from zonegit.model.rdata import RRSIG
from zonegit.tree.version import BLOCK_ITEM

RRs = tuple[int, bytes]
"""Number of records, and the RRs."""
Node = dict[int, RRs]
"""The RRsets of one owner by type, in type order."""
Part = tuple[bytes, int, int, bytes]
"""An RRset in a response: owner as a lowercase wire name, type, number of records, RRs."""

RR_FIXED: Final = 12
_ITEM: Final = BLOCK_ITEM.size
_MANY: Final = 64
"""The number of signatures at one owner above which they are indexed by type, and the index is cached."""


def node_of(block: bytes) -> Node:
    """The RRsets of a block."""
    node: Node = {}
    at = 0
    end = len(block)
    while at < end:
        rtype, records, size = BLOCK_ITEM.unpack_from(block, at)
        start = at + _ITEM
        at = start + size
        node[rtype] = (records, block[start:at])
    return node


def split(rrs: bytes) -> Iterator[bytes]:
    """Each RR."""
    at = 0
    end = len(rrs)
    while at < end:
        start = at
        at += RR_FIXED + int.from_bytes(rrs[at + 10 : at + 12], "big")
        yield rrs[start:at]


def rdata_of(rrs: bytes) -> bytes:
    """The RDATA of an RR, or of the first of several."""
    return rrs[RR_FIXED : RR_FIXED + int.from_bytes(rrs[10:12], "big")]


def ttl_of(rrs: bytes) -> int:
    """The TTL of an RRset in seconds: its first RR's."""
    return int.from_bytes(rrs[6:10], "big")


def signatures(node: Node, covered: int) -> RRs | None:
    """The RRSIGs at this owner that cover a type; None if there are none."""
    found = node.get(RRSIG)
    if found is None:
        return None
    mark = covered.to_bytes(2, "big")
    if found[0] == 1:
        return found if found[1][RR_FIXED : RR_FIXED + 2] == mark else None
    if found[0] > _MANY:
        return _by_type(found[1]).get(mark)
    chosen = [rr for rr in split(found[1]) if rr[RR_FIXED : RR_FIXED + 2] == mark]
    return (len(chosen), b"".join(chosen)) if chosen else None


@lru_cache(maxsize=32)
def _by_type(rrs: bytes) -> dict[bytes, RRs]:
    """RRSIGs by the type that they cover, as two bytes."""
    found: dict[bytes, list[bytes]] = {}
    for rr in split(rrs):
        found.setdefault(rr[RR_FIXED : RR_FIXED + 2], []).append(rr)
    return {covered: (len(some), b"".join(some)) for covered, some in found.items()}


def with_ttl(rrs: bytes, ttl: int) -> bytes:
    """The same RRs with another TTL."""
    value = ttl.to_bytes(4, "big")
    return b"".join(rr[:6] + value + rr[10:] for rr in split(rrs))
