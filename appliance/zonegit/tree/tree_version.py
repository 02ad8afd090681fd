"""`ZoneVersion` answered from the tree itself: slower than a served view, and always there."""

from bisect import bisect_left

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey, WireName, parse_apex
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Zone
from zonegit.tree.source import Nodes
from zonegit.tree.version import block_item
from zonegit.tree.walk import entries, last_before, leaf_for


class TreeVersion:
    """One commit's zone, read through `nodes`."""

    def __init__(self, nodes: Nodes, commit_id: ObjectId) -> None:
        commit = Commit.decode(nodes.source.get(commit_id))
        self._nodes = nodes
        self._commit = commit_id
        self._apex = parse_apex(commit.zone)
        self._serial = commit.serial
        self.root = Zone.decode(nodes.source.get(commit.zone_root)).tree

    @property
    def apex(self) -> WireName:
        return self._apex

    @property
    def commit(self) -> ObjectId:
        return self._commit

    @property
    def serial(self) -> int:
        return self._serial

    def at(self, owner: OwnerKey) -> bytes | None:
        first = RRKey(owner + b"\0")
        leaf = leaf_for(self._nodes, self.root, first)
        at = bisect_left(leaf.keys, first)
        items = []
        while at < len(leaf.keys) and leaf.keys[at].startswith(first):
            items.append(block_item(self._nodes.payload(leaf.payloads[at]), self._serial))
            at += 1
        if at == len(leaf.keys):
            items += self._spilled(first, leaf.keys[-1] if leaf.keys else first)
        return b"".join(items) or None

    def _spilled(self, first: RRKey, last: RRKey) -> list[bytes]:
        """Items of the owner that stand in the leaves behind `last`."""
        found = []
        for key, payload in entries(self._nodes, self.root, RRKey(max(first, last + b"\0"))):
            if not key.startswith(first):
                break
            found.append(block_item(payload, self._serial))
        return found

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        key = last_before(self._nodes, self.root, RRKey(owner + b"\0"))
        if key is None:
            return None
        found = OwnerKey(key[:-3])
        block = self.at(found)
        return (found, block) if block else None

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        for key, _ in entries(self._nodes, self.root, RRKey(owner + b"\1")):
            return OwnerKey(key[:-3])
        return None
