"""When the first signature of a zone expires: the earliest expiration of all RRSIGs in a tree (RFC 4034 §3.1.5).

The result for each inner node is kept by the node's hash, so the next version costs only its changed parts.
"""

from collections.abc import Callable, Iterable
from struct import Struct
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY
from zonegit.model.node import decode_rrset, is_stub, node_parts, stub_target
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import RRKey, owner_size
from zonegit.tree.source import NodeCache, Nodes, NodeSource
from zonegit.tree.walk import get

_SIGNED: Final = RRKey(APEX_KEY + b"\0" + RRSIG.to_bytes(2, "big"))
_TYPE: Final = RRSIG.to_bytes(2, "big")
_RR: Final = Struct(">HHHIH")
"""What follows an owner's labels: pointer, type, class, TTL and rdlength."""
_END: Final = 8
"""Offset of the expiration in the RDATA of an RRSIG."""
_KEPT: Final = 65_536
_CYCLE: Final = 1 << 32


class FirstEnds:
    """Of any number of trees of one source. The clock (Unix seconds) tells which cycle of 2^32 s is meant."""

    def __init__(self, source: NodeSource, clock: Callable[[], float], pause: Callable[[], None]) -> None:
        """`pause` is called after each inner node that was searched."""
        self._source = source
        self._nodes = Nodes(source, NodeCache(64))
        self._clock = clock
        self._pause = pause
        self._known: dict[bytes, int | None] = {}

    def __call__(self, root: ObjectId) -> int | None:
        """Unix seconds; None where the apex isn't signed. `NotFound`, `CorruptStore`."""
        if get(self._nodes, root, _SIGNED) is None:
            return None
        return self._below(root)

    def _below(self, oid: bytes) -> int | None:
        """The earliest expiration below a node. The recursion is shallow: trees are a few levels high."""
        if oid in self._known:
            return self._known[oid]
        level, parts = node_parts(self._source.get(ObjectId(oid)))
        if not level:
            return _first(end for part in parts for end in self._ends(part))
        found = _first(self._below(part) for part in parts)
        if len(self._known) >= _KEPT:
            self._known.clear()
        self._known[oid] = found
        self._pause()
        return found

    def _ends(self, entry: bytes) -> list[int]:
        """The expirations in a leaf's entry, if it holds RRSIGs."""
        at = owner_size(entry)
        if entry[at + 2 : at + 4] != _TYPE:
            return []
        payload = decode_rrset(self._source.get(stub_target(entry)[1])) if is_stub(entry) else entry
        found = []
        size = owner_size(payload)
        at = 0
        while at < len(payload):
            start = at + size + _RR.size
            found.append(self._moment(int.from_bytes(payload[start + _END : start + _END + 4], "big")))
            at = start + _RR.unpack_from(payload, at + size)[4]
        return found

    def _moment(self, end: int) -> int:
        """The Unix time within 68 years of now that a 32-bit time stands for (RFC 4034 §3.1.5)."""
        now = int(self._clock())
        return now + (end - now + _CYCLE // 2) % _CYCLE - _CYCLE // 2


def _first(ends: Iterable[int | None]) -> int | None:
    return min((end for end in ends if end is not None), default=None)
