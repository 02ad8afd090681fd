"""Mark what refs reach, in short read transactions, while others write.

Objects have numbers in the order in which they came, and children came before their parents. So one pass from the
highest number down marks everything: whoever points to an object was looked at before it. Marks are one bit for
each number. What came in after the pass began counts as marked; what that, or a ref that moved since, points to is
marked by `catch_up`, as often as it is called.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from blake3 import blake3

from zonegit.errors import CorruptStore
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.refs import RefName
from zonegit.store import layout
from zonegit.store.layout import U64
from zonegit.store.reachable import children
from zonegit.store.reader import StoreReader
from zonegit.store.reflog import decode_entry, log_prefix
from zonegit.store.tables import Item, Table
from zonegit.store.views import begun_commits
from zonegit.store.writer import TableStore

Roots = Callable[[StoreReader], Iterable[ObjectId]]
"""What must stay beside what refs and reflogs name, as one version of the repository has it."""
Progress = Callable[[int, int], None]
"""Called with the objects that were looked at and how many there are."""

PAGE: Final = 2_000
"""Objects, refs or reflog entries that one read transaction looks at."""
_REMEMBERED: Final = 1 << 17
"""Ids that are known to be marked, about 12 MiB: versions share most of their nodes."""


class Marks:
    """Which objects stay."""

    def __init__(self, store: TableStore, since: int, more: Roots) -> None:
        """Reflog entries of after `since` (Unix seconds) keep what they name; `more` gives further roots."""
        self._store = store
        self._since = since
        self._more = more
        with store.read() as reader:
            self.top = layout.last_object(reader.tables)
            """The highest number when this began; what comes gets higher ones, even if this object goes."""
            self._seq = reader.seq
        self._newest = self.top
        self._bits = bytearray((self.top >> 3) + 1)
        self._passed = self.top + 1
        """All numbers from this one on were looked at."""
        self._open: list[int] = []
        """Marked ones of those whose children are still to be marked."""
        self._known: set[ObjectId] = set()
        self._logs: dict[RefName, bytes] = {}
        """The newest reflog entry that was looked at, of each ref that moved."""

    def is_marked(self, number: int) -> bool:
        return number > self.top or bool(self._bits[number >> 3] & 1 << (number & 7))

    def mark(self, progress: Progress | None = None) -> tuple[Counter[Kind], int]:
        """Mark all; how many objects nothing names, by kind, and their bytes. `CorruptStore`."""
        for prefix in (Table.REFS, Table.REFLOG):
            for page in pages(self._store, prefix):
                with self._store.read() as reader:
                    for _, value in page:
                        self._root(reader, prefix, value)
        with self._store.read() as reader:
            self._reach_more(reader)
            total = reader.tables.count(Table.OBJECTS)
        lost: Counter[Kind] = Counter()
        size = done = 0
        while self._passed > 1:
            with self._store.read() as reader:
                for number, data in downward(reader, self._passed):
                    done += 1
                    self._passed = number
                    if self.is_marked(number):
                        self._expand(reader, number, data)
                    else:
                        lost[Kind(data[0])] += 1
                        size += len(data)
                else:
                    if not before(reader, self._passed):
                        self._passed = 1
                self._settle(reader)
            if progress:
                progress(min(done, total), total)
        self._known.clear()
        return lost, size

    def catch_up(self, reader: StoreReader, most: int | None = None) -> bool:
        """Mark what was named since the last call, by at most so many new objects; whether that is all."""
        newest = layout.last_object(reader.tables)
        looked = 0
        if newest > self._newest:
            for key, data in reader.tables.scan(Table.OBJECTS, start=U64.pack(self._newest + 1)):
                if most is not None and looked >= most:
                    break
                self._newest = U64.unpack(key)[0]
                self._expand(reader, self._newest, data)
                looked += 1
        if reader.seq != self._seq:
            moved = reader.moved_since(self._seq)
            for name in self._all(reader) if moved is None else moved:
                self._follow(reader, name)
            self._seq = reader.seq
        self._reach_more(reader)
        self._settle(reader)
        if most is None or looked < most:
            self._newest = newest
        return self._newest >= newest

    def is_near(self, reader: StoreReader) -> bool:
        """Whether `catch_up` has so little to do that a write transaction may."""
        few = layout.last_object(reader.tables) - self._newest <= PAGE
        return few and (reader.seq == self._seq or reader.moved_since(self._seq) is not None)

    def _all(self, reader: StoreReader) -> Iterator[RefName]:
        yield from reader.logged("")

    def _follow(self, reader: StoreReader, name: RefName) -> None:
        """Mark what a ref that moved names now, and what the new entries of its reflog name."""
        if tip := reader.ref(name):
            self._reach(reader, tip)
        known = newest = self._logs.get(name)
        for at, (key, value) in enumerate(reader.tables.scan(Table.REFLOG, log_prefix(name))):
            newest = newest if at else key
            if key == known:
                break
            self._root(reader, Table.REFLOG, value)
        if newest:
            self._logs[name] = newest

    def _root(self, reader: StoreReader, table: Table, value: bytes) -> None:
        """Mark what an item of the refs or the reflog names."""
        if table is Table.REFS:
            self._reach(reader, ObjectId(value))
            return
        entry = decode_entry(value)
        if entry.who.time > self._since:
            for oid in filter(None, (entry.old, entry.new)):
                self._reach(reader, oid)

    def _reach_more(self, reader: StoreReader) -> None:
        for oid in (*begun_commits(reader.tables), *self._more(reader)):
            self._reach(reader, oid)

    def _reach(self, reader: StoreReader, oid: ObjectId) -> None:
        """Mark an object, if it is here: what the reflog names may be gone."""
        if oid in self._known:
            return
        found = reader.tables.get(Table.IDS, oid)
        if found is not None:
            number = U64.unpack(found)[0]
            if not self.is_marked(number):
                self._mark(number)
                if number >= self._passed:
                    self._open.append(number)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known.add(oid)

    def _mark(self, number: int) -> None:
        self._bits[number >> 3] |= 1 << (number & 7)

    def _settle(self, reader: StoreReader) -> None:
        """Mark what marked objects point to that the pass had left behind."""
        while self._open:
            number = self._open.pop()
            self._expand(reader, number, reader.tables.get(Table.OBJECTS, U64.pack(number)) or b"")

    def _expand(self, reader: StoreReader, number: int, data: bytes) -> None:
        identified(reader, number, data)
        for child in children(data):
            self._reach(reader, child)


def identified(reader: StoreReader, number: int, data: bytes) -> ObjectId:
    """The id of a stored object. `CorruptStore` when it isn't the one that was stored under its number."""
    oid = ObjectId(blake3(data).digest())
    if reader.tables.get(Table.IDS, oid) != U64.pack(number):
        raise CorruptStore(
            f"object number {number} was changed on disk: run `zonegit fsck`; nothing more is deleted"
        )
    return oid


def before(reader: StoreReader, number: int) -> int:
    """The highest number below this one that has an object; 0 without any."""
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
