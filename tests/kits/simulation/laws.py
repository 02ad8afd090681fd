"""What has to hold of every node after every step, whatever happened.

`Ledger` knows every commit that any node's branch ever named, and compares: it is written from the rules
(docs/sync.md), and not from the code that keeps to them.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from simulation.node import Node
from simulation.users import PLAIN
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.names import owner_text, parse_apex
from zonegit.model.refs import RefName, parse
from zonegit.model.rrset import RRset
from zonegit.model.zone import Zone
from zonegit.repo.canonical import AUTHOR, MESSAGE, is_canonical
from zonegit.repo.heads import is_automatic
from zonegit.repo.merge_history import MergeHistory
from zonegit.store.fsck import fsck
from zonegit.store.port import Reader
from zonegit.sync.peers import Highest, highest
from zonegit.tree import walk
from zonegit.tree.source import Nodes
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Severity

Cell = tuple[str, int, bytes]
"""A record at one of the plain owners: owner, type, RDATA."""


class LawBroken(AssertionError):
    """What doesn't hold."""


class Known(NamedTuple):
    """A commit."""

    commit: Commit
    number: int
    """Of a user commit; -1 of an automatic merge."""
    users: int
    """The user commits in its history, with itself, as bits."""
    cells: frozenset[Cell]
    touched: dict[Cell, bool]
    """What it changed against any of its parents, and whether it stands afterwards. A tombstone changes nothing,
    and as a parent it stands for what it removed."""
    revived: bool
    """Whether a merge in its history brought back what a tombstone had removed, for the sake of a change that the
    tombstone hadn't seen."""


class Ledger:
    """All commits of a run."""

    def __init__(self) -> None:
        self._known: dict[ObjectId, Known] = {}
        self._users: list[ObjectId] = []
        self._tips: dict[tuple[str, int], ObjectId] = {}
        """By zone and user commits, the tip that they come to."""
        self._served: dict[tuple[int, RefName], ObjectId] = {}
        self._highest: dict[tuple[int, str], Highest] = {}
        self._checked: dict[int, object] = {}
        """By nodes, what their disks held when they were last looked at."""
        self._rewound: set[int] = set()
        self.resets = 0
        self.commits = 0
        self.merges = 0

    def check(self, node: Node) -> None:
        """All laws that speak of one node: of what is on its disk, so only a disk that changed can break them."""
        if self._checked.get(node.number) is not node.disk.state:
            self._checked[node.number] = node.disk.state
            self._look(node)
        self._rewound.discard(node.number)

    def _look(self, node: Node) -> None:
        with node.disk.read() as reader:
            heads = dict(reader.refs("refs/heads/"))
            for number, name in self._served:
                if number == node.number and name not in heads:
                    raise LawBroken(f"{node.name} {name}: gone without a tombstone")
            for name, tip in heads.items():
                self._tip(node, reader, name, tip)
            for peer in {parse(name).peer for name, _ in reader.refs("refs/remotes/")}:
                self._seen(node, peer, highest(reader, peer))

    def rewound(self, node: Node) -> None:
        """Somebody took a branch of a node back: commits of it may be gone there, until a peer brings them."""
        self._rewound.add(node.number)
        self.resets += 1

    def agree(self, nodes: Iterable[Node]) -> None:
        """All nodes have the same branches."""
        first, *others = nodes
        for other in others:
            if other.heads() != first.heads():
                raise LawBroken(f"{first.name} and {other.name} differ: {_list(first)} and {_list(other)}")

    def whole(self, node: Node) -> None:
        """What is stored is what was written."""
        if problems := fsck(node.disk).problems:
            raise LawBroken(f"{node.name}: {problems[0]}")

    def _seen(self, node: Node, peer: str, now: Highest | None) -> None:
        before = self._highest.get((node.number, peer))
        if now and before and now.seq < before.seq:
            raise LawBroken(f"{node.name} believes in seq {now.seq} of {peer} after {before.seq}")
        if now:
            self._highest[node.number, peer] = now

    def _tip(self, node: Node, reader: Reader, name: RefName, tip: ObjectId) -> None:
        before = self._served.get((node.number, name))
        if before == tip:
            return
        self._served[node.number, name] = tip
        found = self._learn(reader, tip)
        if before is not None:
            self._moved(f"{node.name} {name}", self._known[before], found, node.number in self._rewound)
        agreed = self._tips.setdefault((found.commit.zone, found.users), tip)
        if agreed != tip:
            raise LawBroken(f"{node.name} {name}: {short(tip)} and {short(agreed)} stand for the same user commits")

    def _moved(self, where: str, old: Known, new: Known, rewound: bool) -> None:
        """What has to hold of a move of a branch, at one node."""
        if old.users & ~new.users and not rewound:
            lost = [short(oid) for at, oid in enumerate(self._users) if (old.users & ~new.users) >> at & 1]
            raise LawBroken(f"{where}: lost the commits {', '.join(lost)}")
        if new.commit.seq <= old.commit.seq:
            raise LawBroken(f"{where}: seq {new.commit.seq} after {old.commit.seq}")
        ahead = (new.commit.serial - old.commit.serial) % (1 << 32)
        if not 0 < ahead < 1 << 31 and new.commit.seq - old.commit.seq < 1 << 31:
            raise LawBroken(f"{where}: serial {new.commit.serial} after {old.commit.serial}")

    def _learn(self, reader: Reader, tip: ObjectId) -> Known:
        todo = [tip]
        while todo:
            oid = todo[-1]
            if oid in self._known:
                todo.pop()
                continue
            commit = Commit.decode(reader.get(oid))
            missing = [parent for parent in commit.parents if parent not in self._known]
            if missing:
                todo += missing
                continue
            self._known[oid] = self._taken_in(reader, oid, commit)
            todo.pop()
        return self._known[tip]

    def _taken_in(self, reader: Reader, oid: ObjectId, commit: Commit) -> Known:
        nodes = Nodes(reader)
        entries = list(walk.entries(nodes, Zone.decode(reader.get(commit.zone_root)).tree))
        findings = [] if commit.is_tombstone else check_entries(parse_apex(commit.zone), entries)
        for finding in findings:
            if finding.severity is Severity.ERROR:
                raise LawBroken(f"{short(oid)} of {commit.zone}: {finding.message}")
        cells = frozenset(_cells(entries))
        parents = [self._known[parent] for parent in commit.parents]
        revived = any(parent.revived for parent in parents)
        users = 0
        for parent in parents:
            users |= parent.users
        if is_automatic(commit):
            self.merges += 1
            if not is_canonical(MergeHistory(nodes), oid, commit):
                raise LawBroken(f"{short(oid)} of {commit.zone} is no canonical merge")
            self._made_by_nobody(oid, commit, parents)
            living = {parent.commit.is_tombstone for parent in parents}
            if commit.is_tombstone != (False not in living):
                raise LawBroken(f"{short(oid)} of {commit.zone} is wrong about whether the branch is removed")
            revived |= len(living) > 1
            if not revived and not commit.is_tombstone:
                self._merged(oid, users, cells)
            return Known(commit, -1, users, cells, {}, revived)
        self.commits += 1
        if commit.is_tombstone:
            self._users.append(oid)
            number = len(self._users) - 1
            return Known(commit, number, users | 1 << number, cells, {}, revived)
        number = len(self._users)
        self._users.append(oid)
        sides = [side for parent in parents for side in self._before(parent)] or [frozenset[Cell]()]
        touched = {
            cell: cell in cells
            for cell in cells.union(*sides)
            if any((cell in side) != (cell in cells) for side in sides)
        }
        return Known(commit, number, users | 1 << number, cells, touched, revived)

    def _before(self, parent: Known) -> list[frozenset[Cell]]:
        """What a parent holds, or what a tombstone removed."""
        if not parent.commit.is_tombstone or not parent.commit.parents:
            return [parent.cells]
        return [side for above in parent.commit.parents for side in self._before(self._known[above])]

    def _made_by_nobody(self, oid: ObjectId, commit: Commit, parents: Sequence[Known]) -> None:
        """An automatic merge holds nothing of the node that made it."""
        when = max(parent.commit.committer.time for parent in parents)
        expected = commit._replace(
            parents=tuple(sorted(commit.parents)),
            author=Stamp(AUTHOR, when),
            committer=Stamp(AUTHOR, when),
            message=MESSAGE,
        )
        if commit != expected:
            raise LawBroken(f"{short(oid)} of {commit.zone} isn't what its parents alone make it")

    def _merged(self, oid: ObjectId, users: int, cells: frozenset[Cell]) -> None:
        """A record stands where the last who touched it, or one of several that are last, wants it to stand."""
        touches: dict[Cell, list[Known]] = {}
        for at, user in enumerate(self._users):
            if users >> at & 1:
                for cell in self._known[user].touched:
                    touches.setdefault(cell, []).append(self._known[user])
        for cell, those in touches.items():
            last = [
                each
                for each in those
                if not any(other.users >> each.number & 1 for other in those if other is not each)
            ]
            wanted = any(each.touched[cell] for each in last)
            if wanted != (cell in cells) and (wanted or not _contradicted(those, cell)):
                what = "is missing from" if wanted else "is back in"
                raise LawBroken(f"{cell[0]} {cell[1]} {cell[2].hex()} {what} the merge {short(oid)}")


def _contradicted(those: Sequence[Known], cell: Cell) -> bool:
    """Whether somebody put a record there while somebody else removed it.

    It may have come to stay in a merge of the two. Who removed it without having seen that merge contradicts it.
    """
    added = [each for each in those if each.touched[cell]]
    removed = [each for each in those if not each.touched[cell]]
    apart = (one.users >> two.number & 1 == two.users >> one.number & 1 for one in added for two in removed)
    return any(apart)


def _cells(entries: Iterable[tuple[bytes, bytes]]) -> Iterable[Cell]:
    for _, payload in entries:
        rrset = RRset.decode(payload)
        owner = owner_text(rrset.owner)
        if owner in PLAIN:
            yield from ((owner, rrset.rtype, rdata) for rdata in rrset.rdatas)


def _list(node: Node) -> str:
    return ", ".join(f"{name} {short(oid)}" for name, oid in node.heads().items())
