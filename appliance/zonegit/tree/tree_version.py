"""`ZoneVersion` answered from the tree itself: slower than a served view, and always there."""

from itertools import groupby, islice

from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey, WireName, parse_apex
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Zone
from zonegit.tree.source import Nodes
from zonegit.tree.version import block_item
from zonegit.tree.walk import entries, keys_before, last_before, under


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
        found = under(self._nodes, self.root, RRKey(owner + b"\0"))
        return b"".join(block_item(payload, self._serial) for _, payload in found) or None

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        block = self.at(owner)
        return block, None if block else self.after(owner)

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        key = last_before(self._nodes, self.root, RRKey(owner + b"\0"))
        if key is None:
            return None
        found = OwnerKey(key[:-3])
        block = self.at(found)
        return (found, block) if block else None

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        keys = keys_before(self._nodes, self.root, RRKey(owner + b"\0"))
        return list(islice((OwnerKey(above) for above, _ in groupby(key[:-3] for key in keys)), most))

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        for key, _ in entries(self._nodes, self.root, RRKey(owner + b"\1")):
            return OwnerKey(key[:-3])
        return None


class TreeVersionLater:
    """The same, read when it is first asked."""

    __slots__ = ("_commit", "_nodes", "_read", "apex")

    def __init__(self, nodes: Nodes, apex: WireName, commit_id: ObjectId) -> None:
        self._nodes = nodes
        self._commit = commit_id
        self._read: TreeVersion | None = None
        self.apex = apex

    @property
    def commit(self) -> ObjectId:
        return self._commit

    @property
    def serial(self) -> int:
        return self._tree().serial

    def at(self, owner: OwnerKey) -> bytes | None:
        return self._tree().at(owner)

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        return self._tree().look(owner)

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        return self._tree().before(owner)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        return self._tree().owners_before(owner, most)

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        return self._tree().after(owner)

    def _tree(self) -> TreeVersion:
        if self._read is None:
            self._read = TreeVersion(self._nodes, self._commit)
        return self._read
