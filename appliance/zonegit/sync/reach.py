"""Whether the objects that a key asks for by their ids are reachable from refs that it may see, at any version.

Nodes and RRsets don't say which zone they belong to, and whoever guesses all bytes of one knows its id. So a
requested object is never looked up by its id. It is searched for below the refs. If it isn't found there, the steps
and the answer are the same whether it exists or not.
"""

from collections import deque
from collections.abc import Collection, Iterable, Iterator

from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.node import Inner, decode_node, node_level
from zonegit.model.zone import Zone
from zonegit.repo.ancestry import Objects, missing_newest_first
from zonegit.store.port import Reader, Store
from zonegit.sync.closure import Closure
from zonegit.sync.work import Due, Work, in_reads


def reaches(store: Store, tips: Collection[ObjectId], asked: Iterable[ObjectId], due: Due) -> Work[bool]:
    """Whether each of the requested objects is one of these commits and tags, or reachable from one."""
    return not (yield from unreached(store, tips, asked, due))


def unreached(store: Store, tips: Collection[ObjectId], asked: Iterable[ObjectId], due: Due) -> Work[set[ObjectId]]:
    """The requested objects that aren't reachable from the tips, which may be objects of any kind.

    The search begins with what clients usually ask for: the tips, their trees from the root down, older commits.
    Then everything below the tips is searched.
    """
    left = set(asked)
    left.difference_update(tips)
    with store.read() as reader:
        closure = Closure(reader, tips, ())
    steps = _search(closure, tips, left)

    def go_on(reader: Reader) -> bool:
        closure.objects = reader
        return all(not due() for _ in steps)

    yield from in_reads(store, go_on)
    return left


def _search(closure: Closure, tips: Collection[ObjectId], left: set[ObjectId]) -> Iterator[None]:
    """Remove from `left` what is reached, step by step, until it is empty or everything was searched."""
    for stage in (_newest(closure, tips), _older(closure, tips), _everything(closure)):
        if not left:
            return
        for found in stage:
            left.difference_update(found)
            if not left:
                return
            yield


def _newest(objects: Objects, tips: Iterable[ObjectId]) -> Iterator[Iterable[ObjectId]]:
    """What is below the tips themselves, level by level, except what only leaves point to: those aren't read."""
    pending = deque(tips)
    seen = set(pending)
    while pending:
        data = objects.get(pending.popleft())
        below = _below(data)
        yield below
        if data[0] != Kind.NODE or node_level(data) > 1:
            fresh = [oid for oid in below if oid not in seen]
            seen.update(fresh)
            pending += fresh


def _below(data: bytes) -> tuple[ObjectId, ...]:
    """The ids in an object, except a commit's parents and those in a leaf."""
    if data[0] == Kind.TAG:
        return (Tag.decode(data).target,)
    if data[0] == Kind.COMMIT:
        return (Commit.decode(data).zone_root,)
    if data[0] == Kind.ZONE:
        return (Zone.decode(data).tree,)
    node = decode_node(data) if node_level(data) else None
    return node.children if isinstance(node, Inner) else ()


def _older(objects: Objects, tips: Iterable[ObjectId]) -> Iterator[Iterable[ObjectId]]:
    """Commits and their zone objects, newest first."""
    commits: dict[ObjectId, None] = {}
    for oid in tips:
        data = objects.get(oid)
        if data[0] in (Kind.TAG, Kind.COMMIT):
            commits[Tag.decode(data).target if data[0] == Kind.TAG else oid] = None
        yield ()
    for found in missing_newest_first(objects, commits, ()):
        yield () if found is None else (found, Commit.decode(objects.get(found)).zone_root)


def _everything(closure: Closure) -> Iterator[Iterable[ObjectId]]:
    for found in closure.steps():
        yield () if found is None else found[:1]
