"""Marks the objects that refs reach, in short read transactions, while others write.

Objects are numbered in order of arrival, and children arrive before their parents. So one pass from the highest
number down marks everything: an object's parents are visited before it. Marks are one bit for each number. Objects
that arrive after the pass began count as marked. `catch_up` marks what they and refs moved since point to, and may
be called several times.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from blake3 import blake3

from zonegit.errors import CorruptStore
from zonegit.model.commit import Commit
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.refs import RefName
from zonegit.store import layout
from zonegit.store.layout import U64
from zonegit.store.reachable import children
from zonegit.store.reader import StoreReader
from zonegit.store.reflog import decode_entry, log_prefix
from zonegit.store.retention import Kept, Retention, is_published
from zonegit.store.tables import Item, Table
from zonegit.store.views import begun_commits
from zonegit.store.writer import TableStore

Roots = Callable[[StoreReader], Iterable[ObjectId]]
"""Further objects to keep, besides those that refs and reflogs name, in one version of the repository."""
Progress = Callable[[int, int], None]
"""Called with the number of objects visited so far, and of all objects."""

PAGE: Final = 2_000
"""The most objects, refs or reflog entries that one read transaction visits."""
_REMEMBERED: Final = 1 << 17
"""Ids that are known to be marked, about 12 MiB: versions share most of their nodes."""


class Marks:
    """Which objects are kept."""

    def __init__(self, store: TableStore, retention: Retention, more: Roots) -> None:
        """`retention` says which reflog entries keep what they name; `more` gives further roots."""
        self._store = store
        self._retention = retention
        self._more = more
        with store.read() as reader:
            self.top = layout.last_object(reader.tables)
            """The highest number at the start; new objects get higher ones, even if this object is deleted."""
            self._seq = reader.seq
        self._newest = self.top
        """The highest number of those new objects whose children `catch_up` has marked."""
        self._bits = bytearray((self.top >> 3) + 1)
        self._passed = self.top + 1
        """This number and all above it have been visited."""
        self._open: list[int] = []
        """Numbers that were marked after the pass had visited them: their children are still to be marked."""
        self._known: set[ObjectId] = set()
        self._logs: dict[RefName, bytes] = {}
        """The newest reflog entry that was visited, of each ref that moved."""

    def is_marked(self, number: int) -> bool:
        return number > self.top or bool(self._bits[number >> 3] & 1 << (number & 7))

    def mark(self, progress: Progress | None = None) -> tuple[Counter[Kind], int]:
        """Mark all that is reachable. Returns how many objects aren't, by kind, and their bytes. `CorruptStore`."""
        kept = Kept(self._retention)
        for page in pages(self._store, Table.REFS):
            with self._store.read() as reader:
                for name, value in page:
                    self._mark_root(reader, name, ObjectId(value))
        for page in pages(self._store, Table.REFLOG):
            with self._store.read() as reader:
                for key, value in page:
                    self._mark_entry(reader, kept, key, value)
        with self._store.read() as reader:
            self._mark_more_roots(reader)
            total = reader.tables.count(Table.OBJECTS)
        unreachable: Counter[Kind] = Counter()
        size = done = 0
        while self._passed > 1:
            with self._store.read() as reader:
                for number, data in downward(reader, self._passed):
                    done += 1
                    self._passed = number
                    if self.is_marked(number):
                        self._mark_children(reader, number, data)
                    else:
                        unreachable[Kind(data[0])] += 1
                        size += len(data)
                if not before(reader, self._passed):
                    self._passed = 1
                self._mark_open(reader)
            if progress:
                progress(min(done, total), total)
        self._known.clear()
        return unreachable, size

    def catch_up(self, reader: StoreReader, most: int | None = None) -> bool:
        """Mark what new objects and moved refs point to since the last call. Visits at most `most` new objects;
        returns whether those were all.
        """
        newest = layout.last_object(reader.tables)
        visited = 0
        if newest > self._newest:
            for key, data in reader.tables.scan(Table.OBJECTS, start=U64.pack(self._newest + 1)):
                if most is not None and visited >= most:
                    break
                self._newest = U64.unpack(key)[0]
                self._mark_children(reader, self._newest, data)
                visited += 1
        if reader.seq != self._seq:
            moved = reader.moved_since(self._seq)
            for name in reader.logged("") if moved is None else moved:
                self._mark_moved(reader, name)
            self._seq = reader.seq
        self._mark_more_roots(reader)
        self._mark_open(reader)
        if most is None or visited < most:
            self._newest = newest  # the last numbers may have no object any more
        return self._newest >= newest

    def is_near(self, reader: StoreReader) -> bool:
        """Whether `catch_up` has so little left to do that it may run in a write transaction."""
        few = layout.last_object(reader.tables) - self._newest <= PAGE
        return few and (reader.seq == self._seq or reader.moved_since(self._seq) is not None)

    def _mark_moved(self, reader: StoreReader, name: RefName) -> None:
        """Mark what a moved ref names now, and what the new entries of its reflog name."""
        if tip := reader.ref(name):
            self._mark_root(reader, name.encode(), tip)
        kept = Kept(self._retention)
        known = newest = self._logs.get(name)
        for at, (key, value) in enumerate(reader.tables.scan(Table.REFLOG, log_prefix(name))):
            newest = newest if at else key
            if key == known:
                break
            self._mark_entry(reader, kept, key, value)
        if newest:
            self._logs[name] = newest

    def _mark_entry(self, reader: StoreReader, kept: Kept, key: bytes, value: bytes) -> None:
        """Mark what an item of the reflog names, if it keeps that."""
        if kept(key, value):
            entry = decode_entry(value)
            for oid in filter(None, (entry.old, entry.new)):
                self._mark_root(reader, key, oid)

    def _mark_root(self, reader: StoreReader, name: bytes, oid: ObjectId) -> None:
        """Mark what a ref names or named, and of a published version the commit that it shows.

        That one isn't a child of the version: a mirror may have the one without the other.
        """
        self._mark_object(reader, oid)
        if is_published(name) and reader.has(oid):
            shown = Commit.decode(reader.get(oid)).publishes
            if shown is not None:
                self._mark_object(reader, shown)

    def _mark_more_roots(self, reader: StoreReader) -> None:
        for oid in (*begun_commits(reader.tables), *self._more(reader)):
            self._mark_object(reader, oid)

    def _mark_object(self, reader: StoreReader, oid: ObjectId) -> None:
        """Mark an object, if it is stored: what a reflog names may have been deleted."""
        if oid in self._known:
            return
        found = reader.tables.get(Table.IDS, oid)
        if found is not None:
            number = U64.unpack(found)[0]
            if not self.is_marked(number):
                self._set_bit(number)
                if number >= self._passed:
                    self._open.append(number)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known.add(oid)

    def _set_bit(self, number: int) -> None:
        self._bits[number >> 3] |= 1 << (number & 7)

    def _mark_open(self, reader: StoreReader) -> None:
        """Mark the children of objects that were marked only after the pass had visited them."""
        while self._open:
            number = self._open.pop()
            self._mark_children(reader, number, reader.tables.get(Table.OBJECTS, U64.pack(number)) or b"")

    def _mark_children(self, reader: StoreReader, number: int, data: bytes) -> None:
        identified(reader, number, data)
        for child in children(data):
            self._mark_object(reader, child)


def identified(reader: StoreReader, number: int, data: bytes) -> ObjectId:
    """The id of a stored object. `CorruptStore` if its bytes aren't those that were stored under its number."""
    oid = ObjectId(blake3(data).digest())
    if reader.tables.get(Table.IDS, oid) != U64.pack(number):
        raise CorruptStore(
            f"object number {number} was changed on disk: run `zonegit fsck`; nothing more is deleted"
        )
    return oid


def before(reader: StoreReader, number: int) -> int:
    """The highest number below this one that has an object; 0 if there is none."""
    found = reader.tables.keys_before(Table.OBJECTS, U64.pack(number), 1)
    return U64.unpack(found[0])[0] if found else 0


def downward(reader: StoreReader, number: int) -> Iterator[tuple[int, bytes]]:
    """The objects with the highest numbers below this one, from the highest on; at most `PAGE`."""
    highest = before(reader, number)
    lowest = max(1, highest - PAGE + 1)
    page = []
    for key, data in reader.tables.scan(Table.OBJECTS, start=U64.pack(lowest)):
        if (found := U64.unpack(key)[0]) > highest:
            break
        page.append((found, data))
    yield from reversed(page)


def pages(store: TableStore, table: Table) -> Iterator[list[Item]]:
    """A table's items in key order, `PAGE` at a time, each from a transaction of its own."""
    start = b""
    while True:
        with store.read() as reader:
            page: list[Item] = []
            for item in reader.tables.scan(table, start=start):
                page.append(item)
                if len(page) == PAGE:
                    break
        yield page
        if len(page) < PAGE:
            return
        start = page[-1][0] + b"\0"
