"""Which signatures of a zone have to be made anew: they end soon, or other keys ought to have made them.

What is known of each inner node is kept by the node's hash, so the next version costs only its changed parts.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Final, NamedTuple

from zonegit.errors import NotFound
from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey
from zonegit.model.node import STUB_CLASS, decode_rrset, is_stub, node_parts, stub_target
from zonegit.model.rdata import CDNSKEY, CDS, DNSKEY, RRSIG
from zonegit.model.rrset import owner_size, payload_key, record_spans
from zonegit.tree.source import NodeSource
from zonegit.tree.zone_tree import Tree

Signers = frozenset[tuple[int, int]]
"""The keys that sign one RRset, by algorithm and tag."""

_TYPE: Final = RRSIG.to_bytes(2, "big")
_BY_OTHER_KEYS: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (DNSKEY, CDS, CDNSKEY))
_STUB: Final = STUB_CLASS.to_bytes(2, "big")
_CYCLE: Final = 1 << 32
_FEWEST: Final = 512
"""Inner nodes of which so many are kept without looking for those that no version has any more. A signed zone of a
million names has some 15,000.
"""
_VERSIONS: Final = 16
"""Versions, of all branches, whose nodes are kept then."""
_LEAVES: Final = 256
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
    last_begin: int | None = None
    """When the last signature begins to be valid: in the future if a clock was wrong."""

    def is_due(self, wanted: Signers, before: int, now: int) -> bool:
        """Whether a signature ends before a time, isn't valid yet, or isn't by exactly the wanted keys."""
        ends = self.first_end is not None and self.first_end < before
        early = self.last_begin is not None and self.last_begin > now
        return ends or early or any(signers != wanted for signers in self.signers)


_NO_SIGNERS: Final[frozenset[Signers]] = frozenset()


class SignatureIndex:
    """Of any number of trees. The clock (Unix seconds) tells which cycle of 2^32 s an end is in."""

    def __init__(self, clock: Callable[[], float], pause: Callable[[], None] = lambda: None) -> None:
        """`pause` is called after each inner node that was read."""
        self._clock = clock
        self._pause = pause
        self._known: dict[bytes, Summary] = {}
        self._leaves: dict[bytes, Summary] = {}
        self._most = _FEWEST
        self._roots: dict[bytes, None] = {}
        """Of the versions that were asked about last."""

    def of(self, tree: Tree) -> Summary:
        """The signatures of a zone. `NotFound`, `CorruptStore`."""
        source, root = tree.nodes.source, tree.root
        found = self._below(source, root)
        self._roots.pop(root, None)
        self._roots[root] = None
        if len(self._roots) > _VERSIONS:
            del self._roots[next(iter(self._roots))]
        if len(self._known) > self._most:
            self._forget_old(source)
        return found

    def _forget_old(self, source: NodeSource) -> None:
        """Forget the inner nodes that no version has any more. That only reads the ones above them."""
        inner: set[bytes] = set()
        for root in self._roots:
            with suppress(NotFound):  # `gc` deleted an old version
                _add_inner(inner, source, root)
        self._known = {oid: summary for oid, summary in self._known.items() if oid in inner}
        self._most = max(_FEWEST, 2 * len(self._known))

    def due(self, tree: Tree, wanted: Signers, before: int, most: int) -> list[OwnerKey]:
        """The owners, in canonical order, that have a signature that ends before this time or isn't valid yet, or
        data that isn't signed by exactly the wanted keys: as many as have `most` signatures, and at least one.
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
        now = int(self._clock())
        level, parts = node_parts(source.get(ObjectId(oid)))
        for part in parts:
            if level > 1 and not self._below(source, part).is_due(wanted, before, now):
                continue
            if level:
                yield from self._due(source, part, wanted, before)
            elif part[(size := owner_size(part)) + 2 : size + 4] == _TYPE:
                here = self._rrsigs(_whole(source, part), size)
                if here.is_due(wanted, before, now):
                    yield OwnerKey(payload_key(part)[:-3]), here.signatures

    def _below(self, source: NodeSource, oid: bytes) -> Summary:
        known = self._known.get(oid) or self._leaves.get(oid)
        if known is not None:
            return known
        level, parts = node_parts(source.get(ObjectId(oid)))
        if not level:
            found = self._leaf(source, parts)
            if len(self._leaves) >= _LEAVES:
                del self._leaves[next(iter(self._leaves))]
            self._leaves[oid] = found
            return found
        found = _joined([self._below(source, part) for part in parts])
        self._known[oid] = found
        self._pause()
        return found

    def _leaf(self, source: NodeSource, entries: Sequence[bytes]) -> Summary:
        max_ttl = 0
        rrsigs = []
        for entry in entries:
            size = owner_size(entry)
            payload = _whole(source, entry) if entry[size + 4 : size + 6] == _STUB else entry
            if entry[size + 2 : size + 4] == _TYPE:
                rrsigs.append(self._rrsigs(payload, size))
            else:
                max_ttl = max(max_ttl, int.from_bytes(payload[size + 6 : size + 10], "big"))
        return _joined(rrsigs)._replace(max_ttl=max_ttl)

    def _rrsigs(self, payload: bytes, size: int) -> Summary:
        """A stored RRSIG RRset, whose owner has this size in bytes."""
        ends: set[bytes] = set()
        begins: set[bytes] = set()
        makers = []
        spans = list(record_spans(payload))
        for start, _ in spans:
            ends.add(payload[start + 8 : start + 12])
            begins.add(payload[start + 12 : start + 16])
            if size or payload[start : start + 2] not in _BY_OTHER_KEYS:
                makers.append(payload[start : start + 3] + payload[start + 16 : start + 18])
        last_begin = max(map(self._moment, begins))
        return Summary(min(map(self._moment, ends)), _signers(tuple(makers)), len(spans), 0, last_begin)

    def _moment(self, end: bytes) -> int:
        """The Unix time within 68 years of now that a 32-bit time stands for (RFC 4034 §3.1.5)."""
        now = int(self._clock())
        return now + (int.from_bytes(end, "big") - now + _CYCLE // 2) % _CYCLE - _CYCLE // 2


@lru_cache(1 << 12)
def _signers(makers: tuple[bytes, ...]) -> frozenset[Signers]:
    """The sets of keys that sign an RRset each, of signatures by type covered, algorithm and tag (5 bytes)."""
    found: dict[bytes, set[tuple[int, int]]] = {}
    for maker in makers:
        found.setdefault(maker[:2], set()).add((maker[2], int.from_bytes(maker[3:], "big")))
    return frozenset(map(frozenset, found.values()))


@lru_cache(1 << 8)
def _union(parts: frozenset[frozenset[Signers]]) -> frozenset[Signers]:
    """All of these, as one object for all nodes with the same ones."""
    return _NO_SIGNERS.union(*parts)


def _add_inner(found: set[bytes], source: NodeSource, oid: bytes) -> None:
    """Add the inner nodes of a tree. Those right above the leaves aren't read, nor any that is there already."""
    if oid in found:
        return
    level, parts = node_parts(source.get(ObjectId(oid)))
    if level:
        found.add(oid)
    if level == 2:
        found.update(parts)
    elif level > 2:
        for part in parts:
            _add_inner(found, source, part)


def _whole(source: NodeSource, entry: bytes) -> bytes:
    """The stored RRset of a leaf's entry."""
    return decode_rrset(source.get(stub_target(entry)[1])) if is_stub(entry) else entry


def _joined(parts: Sequence[Summary]) -> Summary:
    return Summary(
        min((part.first_end for part in parts if part.first_end is not None), default=None),
        _union(frozenset(part.signers for part in parts)),
        sum([part.signatures for part in parts]),
        max([part.max_ttl for part in parts], default=0),
        max((part.last_begin for part in parts if part.last_begin is not None), default=None),
    )
