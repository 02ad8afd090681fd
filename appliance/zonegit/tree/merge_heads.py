"""The rules of the canonical merge that span several RRsets (docs/sync.md); `tree.merge_cells` has those of one
RRset.

The merge is a pure function of the heads' trees and of the commits in which they differ, so every node computes the
same bytes. Nothing is refused: where heads contradict each other, a rule decides and is reported.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY, OwnerKey, key_owner, parent_key
from zonegit.model.rdata import BESIDE_CNAME, CNAME, DNAME, NS
from zonegit.model.rrset import RRKey, rr_key
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.merge_cells import Touch, bits_of, decide, newest
from zonegit.tree.source import Nodes
from zonegit.tree.version import MAX_MESSAGE, block_weight, excess, message_size

_BESIDE: Final = frozenset(rtype.to_bytes(2, "big") for rtype in (CNAME, *BESIDE_CNAME))
_DNAME: Final = DNAME.to_bytes(2, "big")


class Rule(NamedTuple):
    """The rule that decided where heads contradict each other."""

    name: str
    """One of `RULES`."""
    left_out: int = 0
    """Heads whose changes under this key were left out, as bits."""


RULES: Final = MappingProxyType({
    "both-changed": "several heads changed it in different ways",
    "cname": "a CNAME yields to other data at its name",
    "dname": "a DNAME yields to names below it",
    "no-ns": "the zone would lose all its NS records: the newest change was left out",
    "too-large": "together the records are more than can be served: the newest change at the name was left out",
    "removed": "some heads removed the zone, others changed it: it stays",
})  # fmt: skip


class Heads(NamedTuple):
    """The trees to merge."""

    roots: tuple[ObjectId, ...]
    """In the order of their commits' ids."""
    alive: int
    """The heads that count, as bits."""
    apex_size: int
    """Bytes of the apex."""

    @property
    def numbers(self) -> list[int]:
        """The numbers of the heads that count."""
        return list(bits_of(self.alive))


Sides = tuple[bytes | None, ...]
"""The stored RRset that each head has under a key, in the order of `Heads.numbers`."""


class Merge(NamedTuple):
    """The result of a merge."""

    changes: dict[RRKey, bytes | None]
    """The edits that turn the first living head's tree into the merge."""
    rules: dict[RRKey, Rule]
    """The keys for which a rule had to decide."""


def differences(nodes: Nodes, heads: Heads) -> dict[RRKey, Sides]:
    """The keys on which the counting heads differ, in canonical order."""
    first, *others = (heads.roots[number] for number in heads.numbers)
    found: dict[RRKey, Sides] = {}
    # Heads mostly agree with each other, and each of them is read: one copy of equal values is kept.
    same: dict[bytes | None, bytes | None] = {}
    for number, root in enumerate(others, 1):
        for key, old, new in diff(nodes, first, root):
            sides = found.get(key) or (old,) * (len(others) + 1)
            found[key] = (*sides[:number], same.setdefault(new, new), *sides[number + 1 :])
    return found if len(others) == 1 else dict(sorted(found.items()))


def merge_heads(
    nodes: Nodes, heads: Heads, sides: Mapping[RRKey, Sides], touches: Mapping[RRKey, Sequence[Touch]]
) -> Merge:
    """Merge trees, given where they differ and the commits that touched those keys and that some histories lack."""
    merging = _Merging(nodes, heads, sides, touches)
    merging.run()
    changed = {key: value for key, value in merging.values.items() if value != merging.first(key)}
    return Merge(changed, merging.rules)


def _above(owner: OwnerKey) -> Iterator[OwnerKey]:
    """The owners above one, the nearest first, the apex last."""
    while owner:
        owner = parent_key(owner)
        yield owner


class _Merging:
    """A merge in progress."""

    def __init__(
        self,
        nodes: Nodes,
        heads: Heads,
        sides: Mapping[RRKey, Sides],
        touches: Mapping[RRKey, Sequence[Touch]],
    ) -> None:
        self._nodes = nodes
        self._apex_size = heads.apex_size
        self._heads = heads.numbers
        self._base = heads.roots[self._heads[0]]
        """The first head's tree: under keys on which no heads differ, it has what all have."""
        self._sides = sides
        self._touches = touches
        self._sorted = list(sides)
        self._aliases: dict[OwnerKey, bool] = {}
        self.values: dict[RRKey, bytes | None] = {}
        self.rules: dict[RRKey, Rule] = {}

    def run(self) -> None:
        # 1. Each RRset by itself. An owner whose data comes from one head as a whole is as valid as it was there.
        mixed = [(owner, keys) for owner, keys in self._by_owner() if not self._decide(keys)]
        # 2. Rules across one owner's RRsets, where they come from several heads.
        for owner, keys in mixed:
            if not owner:
                self._keep_name_servers()
            self._yield_to_other_data(owner)
            self._keep_small(owner, keys)
        # 3. Rules across owners, which need the results of all of them.
        self._yield_to_names_below()

    def first(self, key: RRKey) -> bytes | None:
        """The first head's RRset."""
        return self._sides[key][0] if key in self._sides else walk.get(self._nodes, self._base, key)

    def _by_owner(self) -> Iterator[tuple[OwnerKey, list[RRKey]]]:
        for owner, keys in groupby(self._sorted, key=lambda key: key[:-3]):
            yield OwnerKey(owner), list(keys)

    def _decide(self, keys: Sequence[RRKey]) -> bool:
        """Decide each RRset of an owner; returns whether the result equals what one single head has there."""
        whole = set(range(len(self._heads)))
        for key in keys:
            sides = self._sides[key]
            value, contested = self._outcome(key, self._heads)
            self.values[key] = value
            if contested:
                self.rules[key] = Rule("both-changed")
            whole &= {at for at, side in enumerate(sides) if side == value}
        return bool(whole)

    def _outcome(self, key: RRKey, among: Sequence[int]) -> tuple[bytes | None, bool]:
        values = {head: side for head, side in zip(self._heads, self._sides[key], strict=True) if head in among}
        return decide(int.from_bytes(key[-2:], "big"), self._touches.get(key, ()), values)

    def _keep_name_servers(self) -> None:
        """Keep NS records at the apex, where each head removed the ones that another kept."""
        key = rr_key(APEX_KEY, NS)
        among = self._heads
        while self._has_no_servers() and len(among) > 1:
            among = self._decide_without_newest([key], among, "no-ns")

    def _has_no_servers(self) -> bool:
        return self.values.get(rr_key(APEX_KEY, NS), b"") is None

    def _keep_small(self, owner: OwnerKey, keys: Sequence[RRKey]) -> None:
        """Leave out the newest changes at an owner while it holds more than a query can be answered from."""
        among = self._heads
        while len(among) > 1 and (self._is_too_large(owner) or (not owner and self._has_no_servers())):
            among = self._decide_without_newest(keys, among, "too-large")
            self._yield_to_other_data(owner)

    def _is_too_large(self, owner: OwnerKey) -> bool:
        here = self._at(owner).values()
        around = len(key_owner(owner)), self._apex_size
        too_long = any(message_size(*around, value) > MAX_MESSAGE for value in here)
        return too_long or excess(*block_weight(here)) is not None

    def _decide_without_newest(self, keys: Sequence[RRKey], among: list[int], rule: str) -> list[int]:
        """Decide again without the head that touched any of these keys last; returns the remaining heads."""
        touches = {(each.heads, each.when) for key in keys for each in self._touches.get(key, ())}
        last = newest(among, touches)
        left = [head for head in among if head != last]
        for key in keys:
            value, _ = self._outcome(key, left)
            self.values[key] = value
            self.rules[key] = Rule(rule, sum(1 << head for head in self._heads if head not in left))
        return left

    def _yield_to_other_data(self, owner: OwnerKey) -> None:
        """A CNAME yields to other data at its owner (RFC 1034 §3.6.2)."""
        alias = rr_key(owner, CNAME)
        here = self._at(owner)
        if alias in here and any(key[-2:] not in _BESIDE for key in here):
            self.values[alias] = None
            self.rules[alias] = Rule("cname")

    def _yield_to_names_below(self) -> None:
        """A DNAME yields to names below it (RFC 6672 §2.4), where it is served at all."""
        for owner in sorted(set(self._doubtful_dnames())):
            if not self._is_cut(owner) and self._has_below(owner):
                alias = rr_key(owner, DNAME)
                self.values[alias] = None
                self.rules[alias] = Rule("dname")

    def _doubtful_dnames(self) -> Iterator[OwnerKey]:
        """Owners of DNAMEs that the merge may have given names below, or uncovered by removing a delegation."""
        uncovered: OwnerKey | None = None
        for owner, keys in self._by_owner():
            if any(self.values[key] for key in keys):
                yield from (name for name in (owner, *_above(owner)) if self._has_dname(name))
            delegation = rr_key(owner, NS)
            if not owner or delegation not in self._sides or self.values[delegation]:
                continue
            if uncovered is None or not owner.startswith(uncovered):
                uncovered = owner
                yield from (OwnerKey(key[:-3]) for key in self._keys_below(owner, b"\0") if key[-2:] == _DNAME)

    def _has_dname(self, owner: OwnerKey) -> bool:
        if owner not in self._aliases:
            self._aliases[owner] = bool(self._value(rr_key(owner, DNAME)))
        return self._aliases[owner]

    def _is_cut(self, owner: OwnerKey) -> bool:
        """Whether an owner is at or below a delegation."""
        return any(name and self._value(rr_key(name, NS)) for name in (owner, *_above(owner)))

    def _has_below(self, owner: OwnerKey) -> bool:
        return next(self._keys_below(owner, b"\1"), None) is not None

    def _keys_below(self, owner: OwnerKey, start: bytes) -> Iterator[RRKey]:
        """Keys of RRsets below an owner; with a `start` of `00` also those at it."""
        for at in range(bisect_left(self._sorted, owner + start), len(self._sorted)):
            if not self._sorted[at].startswith(owner):
                break
            if self.values[self._sorted[at]]:
                yield self._sorted[at]
        for key, payload in walk.entries(self._nodes, self._base, RRKey(owner + start)):
            if not key.startswith(owner):
                break
            if key not in self._sides and self.values.get(key, payload):
                yield key

    def _value(self, key: RRKey) -> bytes | None:
        """The RRset under a key, at this point of the merge."""
        return self.values[key] if key in self.values else self.first(key)

    def _at(self, owner: OwnerKey) -> dict[RRKey, bytes]:
        """The RRsets at an owner, at this point of the merge."""
        prefix = RRKey(owner + b"\0")
        found: dict[RRKey, bytes | None] = dict(walk.under(self._nodes, self._base, prefix))
        for at in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            key = self._sorted[at]
            if not key.startswith(prefix):
                break
            found[key] = self.values[key]
        alias = rr_key(owner, CNAME)
        if alias in self.values:
            found[alias] = self.values[alias]
        return {key: value for key, value in found.items() if value is not None}
