"""The objects that a push sends: first they are counted, then taken in portions for one request each."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zonegit.model.ids import Kind, ObjectId
from zonegit.model.node import node_level
from zonegit.store.port import Store
from zonegit.sync.closure import Closure
from zonegit.sync.limits import PUSH_OBJECTS

_AT_ONCE: Final = 2_000
"""Steps of a walk in one read transaction."""


class Count(NamedTuple):
    """The objects that a peer lacks."""

    objects: int
    size: int
    """Bytes of those objects."""
    marks: tuple[ObjectId, ...]
    """A sample to ask the peer about: commits, oldest first, then nodes, highest level first. A peer that has one
    of them has everything below it."""


def count(
    store: Store,
    want: Sequence[ObjectId],
    have: Iterable[ObjectId],
    most_marks: int,
    counted: Callable[[int], None] = lambda objects: None,
) -> Count:
    """Walk the closure once. `counted` is called now and then with the number of objects so far."""
    objects = size = 0
    commits: list[ObjectId] = []
    nodes: dict[int, list[ObjectId]] = {}
    for found in _walk(store, want, have):
        if found is None:
            counted(objects)
            continue
        oid, data = found
        objects += 1
        size += len(data)
        if data[0] == Kind.COMMIT:
            commits.append(oid)
        elif data[0] == Kind.NODE:
            nodes.setdefault(node_level(data), []).append(oid)
    marks = _thinned(commits, most_marks // 2)
    for level in sorted(nodes, reverse=True):
        marks += _thinned(nodes[level], most_marks - len(marks))
    return Count(objects, size, tuple(marks))


def _thinned(ids: list[ObjectId], most: int) -> list[ObjectId]:
    """At most `most` of them, evenly spread."""
    return ids[:: -(-len(ids) // most)] if most and ids else []


class Outgoing:
    """The same walk, to send its objects."""

    def __init__(self, store: Store, want: Sequence[ObjectId], have: Iterable[ObjectId]) -> None:
        self._found = filter(None, _walk(store, want, have))
        self._again: list[bytes] = []
        self._next = next(self._found, None)

    @property
    def ended(self) -> bool:
        """Whether all objects were taken."""
        return self._next is None and not self._again

    def put_back(self, taken: Sequence[bytes]) -> None:
        """Return objects, to be taken again."""
        self._again = [*taken, *self._again]

    def take(self, size: int) -> list[bytes]:
        """The next objects of a push, of at most `size` bytes; at least one if any is left."""
        taken: list[bytes] = []
        for data in self._again:
            size -= len(data)
            if taken and (size < 0 or len(taken) == PUSH_OBJECTS):
                break
            taken.append(data)
        del self._again[: len(taken)]
        while not self._again and self._next is not None:
            size -= len(self._next[1])
            if taken and (size < 0 or len(taken) == PUSH_OBJECTS):
                break
            taken.append(self._next[1])
            self._next = next(self._found, None)
        return taken


def _walk(
    store: Store, want: Sequence[ObjectId], have: Iterable[ObjectId]
) -> Iterator[tuple[ObjectId, bytes] | None]:
    """The objects reachable from `want` but not from `have`; None between two of the short transactions."""
    with store.read() as reader:
        closure = Closure(reader, want, have)
    steps = closure.steps()
    ended = False
    while not ended:
        found = []
        with store.read() as reader:
            closure.objects = reader
            for _ in range(_AT_ONCE):
                try:
                    step = next(steps)
                except StopIteration:
                    ended = True
                    break
                if step is not None:
                    found.append(step)
        yield from found
        yield None
