"""The RRsets that rules decided in an automatic merge, and who wrote each side (docs/sync.md)."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.rdata import SOA
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, key_parts, served_soa
from zonegit.model.zone import Zone
from zonegit.repo.canonical import Comparison, explain
from zonegit.repo.heads import AUTOMATIC
from zonegit.repo.history import read_commit
from zonegit.repo.results import Decided, DecidedSide, Revision
from zonegit.tree import walk
from zonegit.tree.merge_cells import Touch
from zonegit.tree.merge_heads import Rule
from zonegit.tree.source import Nodes

_LISTED: Final = 10
"""The most RRsets that are listed of those that a CNAME or a DNAME yielded to."""


def decided(nodes: Nodes, revision: Revision) -> list[Decided]:
    """The RRsets that a rule decided in a commit, in canonical order; none if it isn't an automatic merge."""
    if AUTOMATIC not in revision.commit.extra:
        return []
    compared, rules = explain(nodes, revision.commit)
    authors = _Authors(nodes, compared, revision)
    return [authors.decided(key, rule) for key, rule in sorted(rules.items())]


class _Authors:
    """Looks up who wrote each side."""

    def __init__(self, nodes: Nodes, compared: Comparison, revision: Revision) -> None:
        self._nodes = nodes
        self._compared = compared
        self._root = Zone.decode(nodes.source.get(revision.commit.zone_root)).tree
        self._serial = revision.commit.serial
        self._keys = sorted(compared.touches)

    def decided(self, key: RRKey, rule: Rule) -> Decided:
        owner, rtype = key_parts(key)
        found = self._removers() if rule.name == "removed" else self._sides(key, rule)
        return Decided(owner, rtype, rule.name, self._shown(walk.get(self._nodes, self._root, key)), tuple(found))

    def _sides(self, key: RRKey, rule: Rule) -> Iterator[DecidedSide]:
        """The RRset of each head that changed it; where other data at or below the name won, also that data."""
        yield from self._written(key, rule)
        for other in islice(self._against(key, rule), _LISTED):
            yield from self._written(other, rule._replace(left_out=0))

    def _against(self, key: RRKey, rule: Rule) -> Iterator[RRKey]:
        """The RRsets that a CNAME or a DNAME yielded to."""
        owner = key[:-3]
        start = {"cname": owner + b"\0", "dname": owner + b"\1"}.get(rule.name)
        if start is None:
            return
        prefix = owner if rule.name == "dname" else start
        for at in range(bisect_left(self._keys, start), len(self._keys)):
            if not self._keys[at].startswith(prefix):
                return
            if self._keys[at] != key:
                yield self._keys[at]

    def _written(self, key: RRKey, rule: Rule) -> Iterator[DecidedSide]:
        touches = self._compared.touches.get(key, ())
        numbers = self._compared.trees.numbers
        seen: set[tuple[ObjectId, bytes | None]] = set()
        for number, value in zip(numbers, self._compared.sides.get(key, ()), strict=False):
            last = _last(touches, number)
            if last is None or (last.when[1], value) in seen:
                continue
            seen.add((last.when[1], value))
            by = last.when[1]
            head = by if last.after == value else self._compared.heads[number]
            yield DecidedSide(
                self._shown(value), read_commit(self._nodes.source, by), head, bool(rule.left_out >> number & 1)
            )

    def _removers(self) -> Iterator[DecidedSide]:
        """The commits that removed the zone, and those that changed it."""
        for oid, commit, root in zip(
            self._compared.heads, self._compared.commits, self._compared.trees.roots, strict=True
        ):
            value = walk.get(self._nodes, root, SOA_KEY)
            yield DecidedSide(self._shown(value), Revision(oid, commit), oid, commit.is_tombstone)

    def _shown(self, payload: bytes | None) -> RRset | None:
        if payload is None:
            return None
        rrset = RRset.decode(payload)
        return RRset.decode(served_soa(payload, self._serial)) if rrset.rtype == SOA else rrset


def _last(touches: Sequence[Touch], head: int) -> Touch | None:
    """The newest change of a head."""
    return max((each for each in touches if each.heads >> head & 1), key=lambda each: each.when, default=None)
