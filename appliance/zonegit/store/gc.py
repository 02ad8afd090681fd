"""Deletes objects that nothing reaches any more, while others read and write.

First, everything that is reachable from refs and from reflog entries within their grace period is marked
(`store.marking`). Then unmarked objects are deleted, from the highest number down, so parents before their
children: whenever a transaction ends or the process is killed, everything that a stored object points to is stored.
Each transaction first marks what refs have come to reach since, and deletes only while nobody keeps objects for
later (`store.keeping`). It is short, and a pause follows for others. docs/decisions/0036-gc.md has the whole
argument.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from time import monotonic, sleep
from typing import Final, NamedTuple, Protocol

from zonegit.errors import StoreBusy
from zonegit.model.ids import Kind, ObjectId
from zonegit.store import layout
from zonegit.store.changes import forget_changes
from zonegit.store.layout import U64
from zonegit.store.marking import PAGE, Marks, Progress, Roots, downward, identified, pages
from zonegit.store.reflog import trim
from zonegit.store.retention import Kept, Retention
from zonegit.store.tables import Table
from zonegit.store.writer import StoreWriter, TableStore

GRACE: Final = 90 * 86_400
"""Seconds for which reflog entries keep objects; git's gc.reflogExpire."""
_SLICE: Final = 0.04
"""Seconds that one transaction should take."""
_PAUSE: Final = 0.025
"""Seconds between two transactions; a waiting writer tries again within 20 ms (`store.writer_lock`)."""
_FEWEST, _FIRST, _MOST = 50, 500, 20_000
"""How many objects one transaction deletes: at least, at first, and at most."""
_RETRY: Final = 0.005
"""Seconds between two checks whether somebody keeps objects."""


class SweptStore(TableStore, Protocol):
    """Either store, as `gc` needs it."""

    def alone(self) -> AbstractContextManager[bool]:
        """`store.keeping.alone`."""
        ...


class Hooks(NamedTuple):
    """What `gc` asks and tells the rooms above."""

    roots: Roots = lambda reader: ()
    """Objects that must stay although neither a ref nor the reflog reaches them."""
    forget: Callable[[StoreWriter], None] = lambda writer: None
    """Called in each transaction that deletes objects, to drop settings that rely on unreachable ones."""


_NO_HOOKS: Final = Hooks()


class GcReport(NamedTuple):
    """What `gc` did, or would do."""

    kept: Mapping[Kind, int]
    gone: Mapping[Kind, int]
    size: int
    """The bytes of the deleted objects."""
    entries: int
    """The number of deleted reflog entries."""
    refs: int = 0
    """The number of proposals and reviews that `repo` deleted before."""


def gc(
    store: SweptStore,
    since: int,
    hooks: Hooks = _NO_HOOKS,
    *,
    dry_run: bool = False,
    published_since: int | None = None,
    patience: float | None = None,
    progress: Progress | None = None,
) -> GcReport:
    """Delete objects that are reachable neither from a ref nor from a reflog entry after `since` (Unix seconds),
    and the older entries. For published versions `published_since` counts instead (None: the same), and only for
    the newest ones (`store.retention`).

    Only one may run at a time. `StoreBusy` if somebody keeps objects for longer than `patience` seconds (None: wait
    forever); what was deleted before stays deleted, and the next call continues. `CorruptStore` if a reachable
    object is damaged.
    """
    retention = Retention(since, since if published_since is None else published_since)
    marks = Marks(store, retention, hooks.roots)
    unreachable, size = marks.mark(progress)
    if dry_run:
        entries = sum(len(keys) for _, keys in _outdated(store, retention))
        return GcReport(_kept(store, unreachable), _all_kinds(unreachable), size, entries)
    gone, size = _Sweep(store, marks, hooks, patience).run() if unreachable else (Counter[Kind](), 0)
    entries = 0
    for page in _grouped(_outdated(store, retention)):
        with store.write() as writer:
            for oldest, keys in page:
                trim(writer.draft, oldest, keys)
                entries += len(keys)
        sleep(_PAUSE)
    return GcReport(_kept(store, Counter()), _all_kinds(gone), size, entries)


def _kept(store: TableStore, unreachable: Counter[Kind]) -> dict[Kind, int]:
    with store.read() as reader:
        return {kind: count - unreachable[kind] for kind, count in reader.object_counts().items()}


def _all_kinds(counts: Counter[Kind]) -> dict[Kind, int]:
    return {kind: counts[kind] for kind in Kind}


class _Unreachable(NamedTuple):
    number: int
    id: ObjectId
    kind: Kind
    size: int


class _Sweep:
    """The deletion of unmarked objects."""

    def __init__(self, store: SweptStore, marks: Marks, hooks: Hooks, patience: float | None) -> None:
        self._store = store
        self._marks = marks
        self._hooks = hooks
        self._patience = patience
        self._passed = marks.top + 1
        """This number and all above it have been visited."""
        self._waiting: list[_Unreachable] = []
        self._most = _FIRST
        self._gone: Counter[Kind] = Counter()
        self._size = 0

    def run(self) -> tuple[Counter[Kind], int]:
        """Returns how many objects were deleted, by kind, and their bytes."""
        while True:
            began = monotonic()
            self._gather()
            if not self._waiting:
                return self._gone, self._size
            self._catch_up()
            sleep(max(0.0, _PAUSE - (monotonic() - began)))
            found, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._delete_when_alone(found)

    def _gather(self) -> None:
        """Collect enough unmarked objects for the next transaction."""
        while len(self._waiting) < self._most:
            with self._store.read() as reader:
                before = self._passed
                for number, data in downward(reader, self._passed):
                    self._passed = number
                    if not self._marks.is_marked(number):
                        oid = identified(reader, number, data)
                        self._waiting.append(_Unreachable(number, oid, Kind(data[0]), len(data)))
            if self._passed == before:
                return

    def _catch_up(self) -> None:
        """Mark what has become reachable meanwhile, so that little of this is left for the transaction."""
        while True:
            with self._store.read() as reader:
                if self._marks.catch_up(reader, PAGE):
                    return

    def _delete_when_alone(self, found: list[_Unreachable]) -> None:
        """Delete those that are still unmarked, as soon as nobody keeps objects. `StoreBusy`."""
        started = monotonic()
        while not self._try_delete(found):
            if self._patience is not None and monotonic() - started >= self._patience:
                raise StoreBusy(
                    "a pull or an import is running and may need objects that would be deleted: "
                    "run `zonegit gc` again later"
                )
            sleep(_RETRY)
            self._catch_up()

    def _try_delete(self, found: list[_Unreachable]) -> bool:
        """Delete those that are still unmarked, in one transaction; returns False if somebody keeps objects, or if
        so much was stored meanwhile that marking it would block other writers.
        """
        with self._store.write() as writer, self._store.alone() as alone:
            began = monotonic()
            if not alone or not self._marks.is_near(writer):
                return False
            self._marks.catch_up(writer)
            unmarked = [each for each in found if not self._marks.is_marked(each.number)]
            if unmarked:
                self._hooks.forget(writer)
                _remove(writer, unmarked)
        took = monotonic() - began
        self._most = max(_FEWEST, min(int(self._most * min(_SLICE / max(took, 1e-6), 2.0)), _MOST))
        self._gone.update(each.kind for each in unmarked)
        self._size += sum(each.size for each in unmarked)
        return True


def _remove(writer: StoreWriter, unmarked: list[_Unreachable]) -> None:
    writer.draft.put(Table.META, layout.LAST, U64.pack(layout.last_object(writer.tables)))
    for each in unmarked:
        writer.draft.delete(Table.OBJECTS, U64.pack(each.number))
    forget_changes(writer.draft, {each.id for each in unmarked})
    for oid in sorted(each.id for each in unmarked):
        writer.draft.delete(Table.IDS, oid)
    for kind, count in Counter(each.kind for each in unmarked).items():
        key = layout.kind_key(kind)
        writer.draft.put(Table.META, key, U64.pack(layout.number(writer.tables, key) - count))


def _outdated(store: TableStore, retention: Retention) -> Iterator[tuple[bytes, list[bytes]]]:
    """For each ref, the key of the reflog entry that will be its oldest, and the keys of at most `PAGE` entries to
    delete, oldest first.
    """
    is_kept = Kept(retention)
    ref = kept = b""
    old: list[bytes] = []  # newest first, as in the table
    for page in pages(store, Table.REFLOG):
        for key, value in page:
            stays = is_kept(key, value)
            if key[:-8] != ref:
                yield from _in_pages(kept, old)
                ref, kept, old = key[:-8], key, []  # the newest entry stays, whatever its time
            elif stays:
                kept, old = key, []
            else:
                old.append(key)
    yield from _in_pages(kept, old)


def _in_pages(kept: bytes, old: list[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """A ref's old entries, at most `PAGE` at a time, after the entry that is the oldest once they are deleted."""
    while old:
        part = old[-PAGE:]
        del old[-PAGE:]
        yield old[-1] if old else kept, part[::-1]


def _grouped(found: Iterable[tuple[bytes, list[bytes]]]) -> Iterator[list[tuple[bytes, list[bytes]]]]:
    """The same, grouped into what one transaction may delete."""
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
