"""Which signatures of a zone have to be made anew: they end soon, or other keys ought to have made them.

What is known of each inner node is kept by the node's hash, so the next version costs only its changed parts.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey
from zonegit.model.node import decode_rrset, is_stub, node_parts, stub_target
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, RRSIG
from zonegit.model.rrset import owner_size, payload_key, record_spans
from zonegit.tree.source import NodeSource
from zonegit.tree.zone_tree import Tree

Signers = frozenset[tuple[int, int]]
"""The keys that sign one RRset, by algorithm and tag."""

_TYPE: Final = RRSIG.to_bytes(2, "big")
_BY_OTHER_KEYS: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (DNSKEY, CDS, CDNSKEY))
_CYCLE: Final = 1 << 32
_KEPT: Final = 65_536
"""Inner nodes. A signed zone of a million names has some 15,000."""
_LEAVES: Final = 4096
"""Leaves that were looked at last: the apex's is looked at for each version."""


class Summary(NamedTuple):
    """What there is to know of the signatures of a zone, or of a part of one."""

    first_end: int | None
    """When the first signature ends, in Unix seconds; None: there is no signature."""
    signers: frozenset[Signers]
    """Each set of keys that signs an RRset of the zone's data, which DNSKEY, CDS and CDNSKEY at the apex aren't."""
    signatures: int
    max_ttl: int
    """The largest TTL of any record."""


_NO_SIGNERS: Final[frozenset[Signers]] = frozenset()


class SignatureIndex:
    """Of any number of trees. The clock (Unix seconds) tells which cycle of 2^32 s an end is in."""

    def __init__(self, clock: Callable[[], float], pause: Callable[[], None] = lambda: None) -> None:
        """`pause` is called after each inner node that was read."""
        self._clock = clock
        self._pause = pause
        self._known: dict[bytes, Summary] = {}
        self._leaves: dict[bytes, Summary] = {}

    def of(self, tree: Tree) -> Summary:
        """The signatures of a zone. `NotFound`, `CorruptStore`."""
        return self._below(tree.nodes.source, tree.root)

    def due(self, tree: Tree, wanted: Signers, before: int, most: int) -> list[OwnerKey]:
        """The owners, in canonical order, that have a signature that ends before this time or data that isn't
        signed by exactly the wanted keys: as many of them as have `most` signatures, and at least one.
        """
        found: list[OwnerKey] = []
        left = most
        for owner, signatures in self._due(tree.nodes.source, tree.root, wanted, before):
            left -= signatures
            if found and left < 0:
                break
            found.append(owner)
        return found

    def _due(self, source: NodeSource, oid: bytes, wanted: Signers, before: int) -> Iterator[tuple[OwnerKey, int]]:
        """Owners with the number of their signatures. The recursion is shallow: trees are a few levels high."""
        level, parts = node_parts(source.get(ObjectId(oid)))
        for part in parts:
            if not level:
                here = self._entry(source, part)
                if _is_due(here, wanted, before):
                    yield OwnerKey(payload_key(part)[:-3]), here.signatures
            elif level == 1 or _is_due(self._below(source, part), wanted, before):
                yield from self._due(source, part, wanted, before)

    def _below(self, source: NodeSource, oid: bytes) -> Summary:
        known = self._known.get(oid) or self._leaves.get(oid)
        if known is not None:
            return known
        level, parts = node_parts(source.get(ObjectId(oid)))
        if not level:
            found = _joined([self._entry(source, part) for part in parts])
            _keep(self._leaves, _LEAVES, oid, found)
            return found
        found = _joined([self._below(source, part) for part in parts])
        _keep(self._known, _KEPT, oid, found)
        self._pause()
        return found

    def _entry(self, source: NodeSource, entry: bytes) -> Summary:
        """A leaf's entry."""
        size = owner_size(entry)
        payload = decode_rrset(source.get(stub_target(entry)[1])) if is_stub(entry) else entry
        if entry[size + 2 : size + 4] == _TYPE:
            return self._rrsigs(payload, at_apex=not size)
        return Summary(None, _NO_SIGNERS, 0, int.from_bytes(payload[size + 6 : size + 10], "big"))

    def _rrsigs(self, payload: bytes, *, at_apex: bool) -> Summary:
        """A stored RRSIG RRset."""
        signers: dict[bytes, set[tuple[int, int]]] = {}
        ends = []
        for start, _ in record_spans(payload):
            ends.append(int.from_bytes(payload[start + 8 : start + 12], "big"))
            covered = payload[start : start + 2]
            if not (at_apex and covered in _BY_OTHER_KEYS):
                key = payload[start + 2], int.from_bytes(payload[start + 16 : start + 18], "big")
                signers.setdefault(covered, set()).add(key)
        sets = frozenset(map(frozenset, signers.values()))
        return Summary(min(map(self._moment, ends)), sets, len(ends), 0)

    def _moment(self, end: int) -> int:
        """The Unix time within 68 years of now that a 32-bit time stands for (RFC 4034 §3.1.5)."""
        now = int(self._clock())
        return now + (end - now + _CYCLE // 2) % _CYCLE - _CYCLE // 2


def _keep(known: dict[bytes, Summary], most: int, oid: bytes, found: Summary) -> None:
    if len(known) >= most:
        del known[next(iter(known))]
    known[oid] = found


def _is_due(found: Summary, wanted: Signers, before: int) -> bool:
    ends = found.first_end is not None and found.first_end < before
    return ends or any(signers != wanted for signers in found.signers)


def _joined(parts: Sequence[Summary]) -> Summary:
    signers = {part.signers for part in parts}
    return Summary(
        min((part.first_end for part in parts if part.first_end is not None), default=None),
        _NO_SIGNERS.union(*signers),
        sum([part.signatures for part in parts]),
        max([part.max_ttl for part in parts], default=0),
    )
