"""The objects in `want`'s closure that `have`'s closure lacks: children before parents, the oldest commit first.

1. The missing commits are listed first (`prepare`); nothing else is listed in advance.
2. Each commit's tree is walked depth first, next to the trees of its parents (its *bases*), as in a diff. A subtree
   that a base contains with the same id is skipped, so a commit that changes one record costs one path.
3. An object is yielded after all its children. So whatever prefix of the walk arrives, present means closed at the
   receiver.

The walk proceeds in small steps and reads objects as it needs them, with a new reader for each step if necessary.
So it can stop anywhere, and holds no transaction while it waits.

A *position* `(item, path)` is the state of a walk: the commit (or other wanted object) that it has reached, and the
child on each level below. Another walk of the same want and have resumes there and repeats nothing.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.errors import Conflict, InvalidData, NotFound
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import ID_SIZE, Kind, ObjectId, kind_of, short
from zonegit.model.node import (
    PLAIN_LEAF,
    Inner,
    Leaf,
    Node,
    decode_node,
    is_stub,
    node_level,
    node_parts,
    stub_target,
)
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Zone
from zonegit.repo.ancestry import Objects, missing_newest_first
from zonegit.sync.work import Due

MAX_BASES: Final = 64
"""The most trees that one tree is compared with."""
MAX_DEPTH: Final = 32


class Position(NamedTuple):
    """Where a walk resumes: after the last object that it yielded."""

    item: ObjectId
    path: tuple[int, ...] = ()

    def encode(self) -> bytes:
        return self.item + b"".join(at.to_bytes(2, "big") for at in self.path)

    @classmethod
    def decode(cls, data: bytes) -> "Position":
        if len(data) < ID_SIZE or len(data) % 2 or len(data) > ID_SIZE + 2 * MAX_DEPTH:
            raise InvalidData("the cursor can't be read")
        path = tuple(int.from_bytes(data[at : at + 2], "big") for at in range(ID_SIZE, len(data), 2))
        return cls(ObjectId(data[:ID_SIZE]), path)


class _Step:
    """An object on the path of the walk, whose children are being walked."""

    def __init__(
        self,
        oid: ObjectId,
        data: bytes,
        children: Sequence[ObjectId] = (),
        bases: Sequence[ObjectId] = (),
        node: Inner | None = None,
        beside: Sequence[Inner] = (),
        low: RRKey | None = None,
    ) -> None:
        """`bases`: known objects to compare the children with: zones for a commit, trees for a zone, rrsets for a
        leaf, nodes of lower levels for an inner node.

        `beside`: known inner nodes on the same level whose key ranges overlap with this node's.

        `low`: a lower bound, exclusive, of all keys below this node.
        """
        self.oid = oid
        self.data = data
        self.children = children
        self.bases = bases
        self.node = node
        self.beside = beside
        self.low = low
        self.at = 0
        """Which child comes next."""

    def below(self) -> tuple[Sequence[ObjectId], RRKey | None]:
        """Known objects to compare the next child with, and the lower bound of its keys, if there are any."""
        if self.node is None:
            return self.bases, None
        keys = self.node.keys
        low = keys[self.at - 1] if self.at else self.low
        found = list(self.bases)
        for known in self.beside:
            first = 0 if low is None else bisect_right(known.keys, low)
            found += known.children[first : bisect_left(known.keys, keys[self.at]) + 1]
        return found, low


class Closure:
    """One walk. Set `objects` to an open reader before each step."""

    def __init__(
        self,
        objects: Objects,
        want: Iterable[ObjectId],
        have: Iterable[ObjectId],
        items: Sequence[ObjectId] | None = None,
        *,
        blind: bool = False,
    ) -> None:
        """`items` are those of an earlier walk of the same want and have, if known: they aren't listed again then.

        `blind`: read no `have` object that isn't reachable from `want`.
        """
        self.objects = objects
        self._want = want
        self._claimed = have
        self._have: list[ObjectId] = []
        """Those of `have` that are here."""
        self._known: set[ObjectId] = set()
        self._given: set[ObjectId] = set()
        self._steps: list[_Step] = []
        self._item = 0
        self.items: Sequence[ObjectId] = items or ()
        """Commits and other wanted objects, in the order in which they are walked."""
        self._listed = items is not None
        self._prepared = False
        self._blind = blind
        self._have_trees: list[ObjectId] | None = None

    def get(self, oid: ObjectId) -> bytes:
        return self.objects.get(oid)

    def has(self, oid: ObjectId) -> bool:
        return self.objects.has(oid)

    def prepare(self) -> Iterator[None]:
        """List the missing commits; yields after each object that it reads.

        `NotFound` when a wanted object isn't here; an unknown `have` is ignored.
        """
        if self._prepared:
            return
        for oid in () if self._blind else self._claimed:
            if self.has(oid):
                self._have.append(oid)
            yield
        self._known = set(self._claimed if self._blind else self._have)
        if not self._listed:
            yield from self._list()
        self._prepared = True

    @property
    def position(self) -> Position | None:
        """The position of the walk; None if nothing is left."""
        if self._item >= len(self.items):
            return None
        return Position(self.items[self._item], tuple(step.at for step in self._steps))

    def seek(self, position: Position) -> None:
        """Resume at a position. `Conflict` if this walk has no such position."""
        try:
            self._item = self.items.index(position.item)
            for depth, at in enumerate(position.path):
                if not depth:
                    self._begin()
                elif self._descend(self._steps[-1]) is not None:
                    raise IndexError
                step = self._steps[-1]
                step.at = at
                if at > len(step.children):
                    raise IndexError
        except (ValueError, IndexError):
            raise Conflict("the cursor doesn't belong to this want and have; ask again without it") from None

    def __iter__(self) -> Iterator[tuple[ObjectId, bytes]]:
        """The missing objects, `(id, bytes)` each. When one is yielded, `position` is after it."""
        return filter(None, self.steps())

    def steps(self) -> Iterator[tuple[ObjectId, bytes] | None]:
        """The same, with None for each step that yields no object."""
        yield from self.prepare()
        while self._item < len(self.items):
            yield self._step()

    def collect(self, found: list[bytes], count: int, size: int, due: Due) -> bool:
        """Add missing objects to a list, in one read transaction, until that has `count` of them or `size` bytes.

        The closure must be prepared. Returns whether that many were found, or all there are; if not, it was `due`.
        """
        size -= sum(map(len, found))
        while self._item < len(self.items):
            step = self._step()
            if step is not None:
                found.append(step[1])
                size -= len(step[1])
                if len(found) >= count or size <= 0:
                    return True
            if due():
                return False
        return True

    def _step(self) -> tuple[ObjectId, bytes] | None:
        """The next object, or None for a step to it."""
        if not self._steps:
            if self.items[self._item] in self._known:
                self._item += 1
                return None
            self._begin()
        step = self._steps[-1]
        if step.at < len(step.children):
            return self._descend(step)
        # All children were given, now the object itself is. The position moves first, so that it is after it.
        self._steps.pop()
        if self._steps:
            self._steps[-1].at += 1
        else:
            self._item += 1
        self._given.add(step.oid)
        return step.oid, step.data

    def _begin(self) -> None:
        item = self.items[self._item]
        self._steps = [self._enter(item, self.objects.get(item), (), None)]

    def _descend(self, step: _Step) -> tuple[ObjectId, bytes] | None:
        """Enter the next child, or skip it if it is known. A leaf without stubs is returned instead: it has no
        children to wait for.
        """
        child = step.children[step.at]
        bases, low = step.below()
        if (bases and child in bases) or child in self._known or child in self._given:
            step.at += 1
            return None
        data = self.objects.get(child)
        if data.startswith(PLAIN_LEAF):
            step.at += 1
            self._given.add(child)
            return child, data
        self._steps.append(self._enter(child, data, bases, low))
        return None

    def _enter(self, oid: ObjectId, data: bytes, bases: Sequence[ObjectId], low: RRKey | None) -> _Step:
        kind = kind_of(data)
        if kind is Kind.NODE:
            return self._enter_node(oid, data, bases if self._steps else self._trees(), low)
        if kind is Kind.ZONE:
            zone = Zone.decode(data)
            known = map(self._tree_of, bases) if self._steps else self._trees()
            return _Step(oid, data, (zone.tree,), tuple(known))
        if kind is Kind.COMMIT:
            commit = Commit.decode(data)
            parents = [Commit.decode(self.objects.get(parent)).zone_root for parent in commit.parents]
            return _Step(oid, data, (commit.zone_root,), tuple(parents) or self._trees())
        return _Step(oid, data)

    def _enter_node(self, oid: ObjectId, data: bytes, bases: Sequence[ObjectId], low: RRKey | None) -> _Step:
        level = node_level(data)
        if data.startswith(PLAIN_LEAF):
            return _Step(oid, data)
        if level and not bases:
            return _Step(oid, data, [ObjectId(child) for child in node_parts(data)[1]])
        lower, beside = self._aligned(bases, level)
        node = decode_node(data)
        if isinstance(node, Inner):
            inner = [known for known in beside if isinstance(known, Inner)]
            return _Step(oid, data, node.children, lower, node, inner, low)
        large = [target for known in beside if isinstance(known, Leaf) for target in _stub_targets(known)]
        return _Step(oid, data, _stub_targets(node), large)

    def _aligned(self, bases: Sequence[ObjectId], level: int) -> tuple[list[ObjectId], list[Node]]:
        """Split known nodes into those below a level (ids) and those on it; higher nodes are replaced by their
        children.

        A base that is much higher would become too many nodes and is left out; some known nodes are sent again
        then.
        """
        lower: list[ObjectId] = []
        beside: list[Node] = []
        pending = list(bases)
        while pending:
            oid = pending.pop()
            data = self.objects.get(oid)
            if data[0] != Kind.NODE:
                continue
            if node_level(data) < level:
                lower.append(oid)
                continue
            node = decode_node(data)
            if node.level == level:
                beside.append(node)
            elif isinstance(node, Inner) and len(pending) + len(beside) + len(node.children) <= MAX_BASES:
                pending += node.children
        return lower, beside

    def _trees(self) -> tuple[ObjectId, ...]:
        """Known trees, to compare objects without a parent with."""
        if self._have_trees is None:
            self._have_trees = [self._tree_of(oid) for oid in self._have[:MAX_BASES]]
        return tuple(self._have_trees)

    def _tree_of(self, oid: ObjectId) -> ObjectId:
        """The tree in a commit or zone; any other object stands for itself."""
        data = self.objects.get(oid)
        if data[0] == Kind.COMMIT:
            data = self.objects.get(Commit.decode(data).zone_root)
        return Zone.decode(data).tree if data[0] == Kind.ZONE else oid

    def _list(self) -> Iterator[None]:
        """Fill `items`: missing commits (also those that tags point to), other objects, tags; each once."""
        known = []
        for oid in self._have:
            if self.get(oid)[0] == Kind.COMMIT:
                known.append(oid)
            yield
        commits: dict[ObjectId, None] = {}
        others: dict[ObjectId, None] = {}
        tags: dict[ObjectId, None] = {}
        for oid in self._want:
            if not self.has(oid):
                raise NotFound(f"object {short(oid)} is not here")
            data = self.get(oid)
            if data[0] == Kind.TAG:
                tags[oid] = None
                commits[Tag.decode(data).target] = None
            else:
                (commits if data[0] == Kind.COMMIT else others)[oid] = None
            yield
        missing: list[ObjectId] = []
        for found in missing_newest_first(self, commits, known, self._known if self._blind else ()):
            if found is not None:
                missing.append(found)
            yield
        self.items = [*reversed(missing), *others, *tags]


def _stub_targets(leaf: Leaf) -> list[ObjectId]:
    return [stub_target(payload)[1] for payload in leaf.payloads if is_stub(payload)]
