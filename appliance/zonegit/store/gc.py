"""Delete objects that nothing names any more, beside readers and writers.

First everything that refs, and reflog entries within their grace, reach is marked (`store.marking`). Then what has
no mark goes, from the highest number down, so parents before their children: whenever a transaction ends, or the
process is killed, what an object points to is here. Each transaction first marks what was named since the mark, and
deletes only while nobody keeps objects for later (`store.keeping`); it is short, and a pause follows for others.
docs/decisions/0036-gc.md has the whole argument.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Final, Protocol

from zonegit.errors import StoreBusy
from zonegit.model.ids import Kind, ObjectId
from zonegit.store import layout
from zonegit.store.layout import U64
from zonegit.store.marking import PAGE, Marks, Progress, Roots, downward, identified, pages
from zonegit.store.reflog import decode_entry, trim
from zonegit.store.tables import Table
from zonegit.store.writer import StoreWriter, TableStore

GRACE: Final = 90 * 86_400
"""Seconds for which the reflog keeps what it names; git's gc.reflogExpire."""
_SLICE: Final = 0.04
"""Seconds that one transaction should take."""
_PAUSE: Final = 0.025
"""Seconds between two; a writer that waits tries again within 20 ms (`store.writer_lock`)."""
_FEWEST, _FIRST, _MOST = 50, 500, 20_000
"""Objects that one transaction deletes."""
_RETRY: Final = 0.005
"""Seconds between two looks whether somebody keeps objects."""


class SweptStore(TableStore, Protocol):
    """Either store, to who deletes from it."""

    def alone(self) -> AbstractContextManager[bool]: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the rooms above have to do with objects."""

    roots: Roots = lambda reader: ()
    """Objects that must stay, though neither a ref nor the reflog names them."""
    forget: Callable[[StoreWriter], None] = lambda writer: None
    """Called in each transaction that deletes objects, to drop what relies on any that nothing names."""


@dataclass(frozen=True, slots=True)
class GcReport:
    """What `gc` did, or would do."""

    kept: Mapping[Kind, int]
    gone: Mapping[Kind, int]
    size: int
    """Bytes of the objects that are gone."""
    entries: int
    """Reflog entries that are gone."""


def gc(
    store: SweptStore,
    since: int,
    around: Surroundings = Surroundings(),
    *,
    dry_run: bool = False,
    patience: float | None = None,
    progress: Progress | None = None,
) -> GcReport:
    """Delete what no ref reaches, nor a reflog entry of after `since` (Unix seconds), and the older entries.

    One at a time. `StoreBusy` where somebody kept objects for longer than `patience` (seconds; None: without end);
    what went before that is gone, and the next call goes on. `CorruptStore` where what a ref reaches is damaged.
    """
    marks = Marks(store, since, around.roots)
    lost, size = marks.mark(progress)
    if dry_run:
        entries = sum(len(keys) for _, keys in _outdated(store, since))
        return GcReport(_kept(store, lost), _all_kinds(lost), size, entries)
    gone, size = _Sweep(store, marks, around, patience).run() if lost else (Counter[Kind](), 0)
    entries = 0
    for page in _pages(_outdated(store, since)):
        with store.write() as writer:
            for oldest, keys in page:
                trim(writer.draft, oldest, keys)
                entries += len(keys)
        sleep(_PAUSE)
    return GcReport(_kept(store, Counter()), _all_kinds(gone), size, entries)


def _kept(store: TableStore, lost: Counter[Kind]) -> dict[Kind, int]:
    with store.read() as reader:
        return {kind: count - lost[kind] for kind, count in reader.object_counts().items()}


def _all_kinds(counts: Counter[Kind]) -> dict[Kind, int]:
    return {kind: counts[kind] for kind in Kind}


@dataclass(frozen=True, slots=True)
class _Lost:
    number: int
    id: ObjectId
    kind: Kind
    size: int


class _Sweep:
    """The deletion of what has no mark."""

    def __init__(self, store: SweptStore, marks: Marks, around: Surroundings, patience: float | None) -> None:
        self._store = store
        self._marks = marks
        self._around = around
        self._patience = patience
        self._passed = marks.top + 1
        """All numbers from this one on were looked at."""
        self._waiting: list[_Lost] = []
        self._most = _FIRST
        self._gone: Counter[Kind] = Counter()
        self._size = 0

    def run(self) -> tuple[Counter[Kind], int]:
        """What went, by kind, and its bytes."""
        while True:
            began = monotonic()
            self._gather()
            if not self._waiting:
                return self._gone, self._size
            self._catch_up()
            sleep(max(0.0, _PAUSE - (monotonic() - began)))
            found, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._delete(found)

    def _gather(self) -> None:
        """Have enough waiting for the next transaction."""
        while len(self._waiting) < self._most:
            with self._store.read() as reader:
                before = self._passed
                for number, data in downward(reader, self._passed):
                    self._passed = number
                    if not self._marks.is_marked(number):
                        oid = identified(reader, number, data)
                        self._waiting.append(_Lost(number, oid, Kind(data[0]), len(data)))
            if self._passed == before:
                return

    def _catch_up(self) -> None:
        """Mark what was named meanwhile, so that little of it is left for the transaction."""
        while True:
            with self._store.read() as reader:
                if self._marks.catch_up(reader, PAGE):
                    return

    def _delete(self, found: list[_Lost]) -> None:
        started = monotonic()
        while not self._deleted(found):
            if self._patience is not None and monotonic() - started >= self._patience:
                raise StoreBusy(
                    "a pull or an import is at work and may need what would be deleted: "
                    "run `zonegit gc` again later"
                )
            sleep(_RETRY)
            self._catch_up()

    def _deleted(self, found: list[_Lost]) -> bool:
        """Delete what still has no mark, in a transaction of its own; False while somebody keeps objects."""
        with self._store.write() as writer, self._store.alone() as alone:
            began = monotonic()
            if not alone or not self._marks.is_near(writer):
                return False
            self._marks.catch_up(writer)
            going = [each for each in found if not self._marks.is_marked(each.number)]
            if going:
                self._around.forget(writer)
                _remove(writer, going)
        took = monotonic() - began
        self._most = max(_FEWEST, min(int(self._most * min(_SLICE / max(took, 1e-6), 2.0)), _MOST))
        self._gone.update(each.kind for each in going)
        self._size += sum(each.size for each in going)
        return True


def _remove(writer: StoreWriter, going: list[_Lost]) -> None:
    writer.draft.put(Table.META, layout.LAST, U64.pack(layout.last_object(writer.tables)))
    for each in going:
        writer.draft.delete(Table.OBJECTS, U64.pack(each.number))
    for oid in sorted(each.id for each in going):
        writer.draft.delete(Table.IDS, oid)
    for kind, count in Counter(each.kind for each in going).items():
        key = layout.kind_key(kind)
        writer.draft.put(Table.META, key, U64.pack(layout.number(writer.tables, key) - count))


def _outdated(store: TableStore, since: int) -> Iterator[tuple[bytes, list[bytes]]]:
    """The key of what is a ref's oldest reflog entry then, and of at most `PAGE` that go, the oldest first."""
    ref = kept = b""
    old: list[bytes] = []
    for page in pages(store, Table.REFLOG):
        for key, value in page:
            if key[:-8] != ref:
                yield from _parts(kept, old)
                ref, kept, old = key[:-8], key, []
            elif decode_entry(value).who.time > since:
                kept, old = key, []
            else:
                old.append(key)
    yield from _parts(kept, old)


def _parts(kept: bytes, old: list[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    while old:
        part = old[-PAGE:]
        del old[-PAGE:]
        yield old[-1] if old else kept, part[::-1]


def _pages(found: Iterable[tuple[bytes, list[bytes]]]) -> Iterator[list[tuple[bytes, list[bytes]]]]:
    """The same, as many at once as one transaction may delete."""
    page: list[tuple[bytes, list[bytes]]] = []
    size = 0
    for each in found:
        page.append(each)
        size += len(each[1])
        if size >= PAGE:
            yield page
            page, size = [], 0
    if page:
        yield page
