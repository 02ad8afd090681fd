"""Whether the refs that a key sees reach, at any version, the objects that it asks for by their ids.

Nodes and RRsets tell nothing of the zone that they are of, and who guesses all bytes of one knows its id. So what
is asked for is never looked at: it is looked for below the refs, and what isn't found there takes the same steps,
and is told in the same way, whether it is here or not.
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
    """Whether each of the objects asked for is one of these commits and tags, or below one.

    What clients ask for is looked at first: the tips, their trees from the top down, older commits. For anything
    else all that is below the tips is gone through.
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
    return not left


def _search(closure: Closure, tips: Collection[ObjectId], left: set[ObjectId]) -> Iterator[None]:
    """Take out of `left` what is reached, step by step, until it is empty or all was looked at."""
    for stage in (_newest(closure, tips), _older(closure, tips), _everything(closure)):
        if not left:
            return
        for found in stage:
            left.difference_update(found)
            if not left:
                return
            yield


def _newest(objects: Objects, tips: Iterable[ObjectId]) -> Iterator[Iterable[ObjectId]]:
    """What is below the tips as they are now, but for what only leaves name: level by level, leaves unread."""
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
    """The ids in an object, but for those of a commit's parents and in a leaf."""
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
        commits[Tag.decode(data).target if data[0] == Kind.TAG else oid] = None
        yield ()
    for found in missing_newest_first(objects, commits, ()):
        yield () if found is None else (found, Commit.decode(objects.get(found)).zone_root)


def _everything(closure: Closure) -> Iterator[Iterable[ObjectId]]:
    for found in closure.steps():
        yield () if found is None else found[:1]
