"""A version of a zone while the operations of an UPDATE change it, record by record (RFC 2136 §3.4.2)."""

from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

from zonegit.model.names import Owner, OwnerKey, owner_key
from zonegit.model.rrset import RRKey, RRset, key_parts, rr_key
from zonegit.repo.records import Changes
from zonegit.tree.zone_tree import Tree


@dataclass(slots=True)
class Pile:
    """An RRset whose records needn't be sorted yet."""

    ttl: int
    rdatas: set[bytes] = field(default_factory=set)


class _Node(NamedTuple):
    """The records at an owner."""

    owner: Owner
    before: dict[int, bytes]
    """Stored RRsets by type, as the version has them."""
    piles: dict[int, Pile]
    """Those that were looked into; empty ones are gone."""


class Working:
    """The records of a tree with changes on top. Owners are read when they are first asked for."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._nodes: dict[Owner, _Node] = {}

    def types(self, owner: Owner) -> set[int]:
        """The types of the RRsets at an owner."""
        node = self._node(owner)
        gone = {rtype for rtype, pile in node.piles.items() if not pile.rdatas}
        return (node.before.keys() | node.piles.keys()) - gone

    def has(self, owner: Owner, rtype: int) -> bool:
        """Whether there is an RRset."""
        node = self._node(owner)
        pile = node.piles.get(rtype)
        return rtype in node.before if pile is None else bool(pile.rdatas)

    def has_others(self, owner: Owner, rtypes: Collection[int]) -> bool:
        """Whether there are RRsets of other types than these."""
        node = self._node(owner)
        every = (rtype for rtype in chain(node.before, node.piles) if rtype not in rtypes)
        return any(self.has(owner, rtype) for rtype in every)

    def pile(self, owner: Owner, rtype: int) -> Pile | None:
        """An RRset, which the caller may change; None if there is none."""
        node = self._node(owner)
        pile = node.piles.get(rtype)
        if pile is None and rtype in node.before:
            rrset = RRset.decode(node.before[rtype])
            pile = node.piles[rtype] = Pile(rrset.ttl, set(rrset.rdatas))
        return pile if pile is not None and pile.rdatas else None

    def put(self, owner: Owner, rtype: int, pile: Pile) -> None:
        """Replace an RRset; an empty one deletes it."""
        self._node(owner).piles[rtype] = pile

    def before(self, key: RRKey) -> bytes | None:
        """The stored RRset that the version has under a key."""
        owner, rtype = key_parts(key)
        return self._node(owner).before.get(rtype)

    def changes(self) -> Changes:
        """What differs from the version."""
        return {
            rr_key(key, rtype): payload
            for node in self._nodes.values()
            if node.piles
            for key in (owner_key(node.owner),)
            for rtype, pile in node.piles.items()
            if (payload := _stored(node.owner, rtype, pile)) != node.before.get(rtype)
        }

    def _node(self, owner: Owner) -> _Node:
        node = self._nodes.get(owner)
        if node is None:
            node = self._nodes[owner] = _Node(owner, self._tree.at(OwnerKey(owner_key(owner))), {})
        return node


def _stored(owner: Owner, rtype: int, pile: Pile) -> bytes | None:
    if not pile.rdatas:
        return None
    return RRset(owner, rtype, pile.ttl, tuple(sorted(pile.rdatas))).encode()
