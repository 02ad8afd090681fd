"""The tree of one version of a zone, with the source of its nodes."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import DNAME
from zonegit.model.rrset import RRKey
from zonegit.tree import walk
from zonegit.tree.source import Nodes

_DNAME: Final = DNAME.to_bytes(2, "big")


class Tree(NamedTuple):
    """The tree of a version, with the source of its nodes."""

    nodes: Nodes
    root: ObjectId

    def payload(self, key: RRKey) -> bytes | None:
        """The stored RRset under a key."""
        return walk.get(self.nodes, self.root, key)

    def at(self, owner: OwnerKey) -> dict[int, bytes]:
        """Stored RRsets by type at an owner."""
        found = walk.under(self.nodes, self.root, RRKey(owner + b"\0"))
        return {int.from_bytes(key[-2:], "big"): payload for key, payload in found}

    def below(self, owner: OwnerKey) -> Iterator[OwnerKey]:
        """Each owner below this one, in canonical order."""
        previous = owner
        for key, _ in walk.entries(self.nodes, self.root, RRKey(owner + b"\1")):
            if not key.startswith(owner):
                break
            if key[:-3] != previous:
                previous = OwnerKey(key[:-3])
                yield previous

    def dnames(self, owner: OwnerKey) -> Iterator[OwnerKey]:
        """Each owner of a DNAME at or below this one, in canonical order."""
        for key, _ in walk.entries(self.nodes, self.root, RRKey(owner + b"\0")):
            if not key.startswith(owner):
                break
            if key[-2:] == _DNAME:
                yield OwnerKey(key[:-3])
