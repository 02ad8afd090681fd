"""A write transaction over tables: objects in, refs moved by compare-and-swap with all that hangs on them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import Final, Protocol

from zonegit.errors import Conflict, NotFound, StoreError
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind, RefName, parse
from zonegit.model.zone import Zone
from zonegit.store import journal, layout
from zonegit.store.facts import FactCache, Facts, stored_facts
from zonegit.store.insert import check_object, check_target
from zonegit.store.port import VIEW_AT_ONCE, VIEWS_AT_ONCE, RefLogEntry, RefUpdate
from zonegit.store.reader import StoreReader
from zonegit.store.refindex import RefIndex
from zonegit.store.reflog import encode_entry, log_prefix, next_key
from zonegit.store.tables import Table, WriteTables
from zonegit.store.views import build_part, build_view, drop_view, find_view, move_view
from zonegit.tree.source import NodeCache, Nodes

_GROUP_COUNT: Final = 10_000
_GROUP_BYTES: Final = 8 << 20
"""Objects wait in groups of at most this many and this many bytes, to be written with their ids sorted."""
_REMEMBERED: Final = 1 << 16
"""Objects that are known to be here, about 6 MiB."""


def found_repository(tables: WriteTables, epoch: bytes) -> bool:
    """Write what makes empty tables a repository; False if they are one."""
    if tables.get(Table.META, layout.FORMAT) is not None:
        return False
    tables.put(Table.META, layout.EPOCH, epoch)
    tables.put(Table.META, layout.SEQ, layout.U64.pack(0))
    tables.put(Table.META, layout.FORMAT, layout.U32.pack(layout.STORE_FORMAT))
    return True


class StoreWriter(StoreReader):
    """The `Writer` of both stores. The store calls `finish` before it commits."""

    def __init__(self, tables: WriteTables, facts: FactCache, nodes: NodeCache) -> None:
        super().__init__(tables, facts)
        self.draft = tables
        self._nodes = Nodes(self, nodes)
        self._waiting: dict[ObjectId, bytes] = {}
        self._here: set[ObjectId] = set()
        """Objects that are known to be here as long as this transaction lasts."""
        self._moved: dict[RefName, None] | None = {}
        """What the journal is to name; None: anything."""
        self._spoiled = False
        self._viewed = 0
        """Records in views that were made for new heads."""
        self.appeared = 0

    def begin_epoch(self, epoch: bytes) -> None:
        """Be another repository than peers know, with an epoch of 16 bytes by chance."""
        self.draft.put(Table.META, layout.EPOCH, epoch)

    def insert(self, objects: Iterable[bytes]) -> int:
        new = size = 0
        waiting = self._waiting
        try:
            for data in objects:
                oid = object_id(data)
                if self.has(oid):
                    continue
                self._facts.add(oid, check_object(data, self._describe))
                self._here.add(oid)
                waiting[oid] = data
                new += 1
                size += len(data)
                if len(waiting) >= _GROUP_COUNT or size >= _GROUP_BYTES:
                    self._flush()
                    size = 0
            self._flush()
        except BaseException:
            self._spoiled = True
            raise
        return new

    def get(self, oid: ObjectId) -> bytes:
        return self._waiting.get(oid) or super().get(oid)

    def has(self, oid: ObjectId) -> bool:
        return oid in self._waiting or super().has(oid)

    def move_refs(self, updates: Iterable[RefUpdate], who: Stamp, reason: str) -> None:
        moves = self._agreed(updates)
        if not moves:
            return
        index = RefIndex(Cells(self.draft))
        for name, (ref, old, new) in moves.items():
            self._log(name, RefLogEntry(old, new, who, reason))
            if new is None:
                self.draft.delete(Table.REFS, layout.ref_key(name))
            else:
                self.draft.put(Table.REFS, layout.ref_key(name), new)
            if ref.kind is not RefKind.REMOTE:
                index.set(name, new)
            if ref.kind is RefKind.HEAD:
                self._move_view(name, ref, old, new)
            self._note(name)

    def show(self, name: RefName, counted: Callable[[int], None] = lambda records: None) -> None:
        tip = self.ref(name)
        if tip is None or parse(name).kind is not RefKind.HEAD:
            raise NotFound(f"{name} is not a branch here, so it can't be shown")
        if find_view(self.tables, name) is None:
            build_view(self.draft, self._nodes, name, tip, counted)
            self._note(name)

    def show_part(self, name: RefName, records: int) -> bool:
        tip = self.ref(name)
        if tip is None or parse(name).kind is not RefKind.HEAD:
            raise NotFound(f"{name} is not a branch here, so it can't be shown")
        if find_view(self.tables, name) is not None:
            return True
        done = build_part(self.draft, self._nodes, name, tip, records)
        if done:
            self._note(name)
        return done

    def hide(self, name: RefName) -> None:
        drop_view(self.draft, name)
        self._note(name)

    def note_all(self) -> None:
        """Have the journal say that any refs and views may have moved."""
        self._count()
        self._moved = None

    def set_setting(self, name: str, value: bytes | None) -> None:
        key = layout.setting_key(name)
        if value is None:
            self.draft.delete(Table.META, key)
        else:
            self.draft.put(Table.META, key, value)

    def finish(self) -> None:
        """Complete what is to be committed.

        `StoreError` after a refused object: what stands in the tables then is not what was asked for.
        """
        if self._spoiled:
            raise StoreError("the transaction was given up when an object in it was refused; nothing was written")
        if self._moved is None or self._moved:
            journal.note(self.draft, self._moved)

    def _note(self, name: RefName) -> None:
        """Have the journal name a ref."""
        self._count()
        if self._moved is not None:
            self._moved[name] = None

    def _count(self) -> None:
        """Move `seq`, once in a transaction."""
        if self._moved is not None and not self._moved:
            self.draft.put(Table.META, layout.SEQ, layout.U64.pack(self.seq + 1))

    def _describe(self, oid: ObjectId) -> Facts | None:
        if oid not in self._here:
            if not self.has(oid):
                return None
            self._here.add(oid)
        facts = self._facts.get(oid)
        if facts is None:
            facts = stored_facts(self.get(oid), self.get)
            self._facts.add(oid, facts)
        return facts

    def _flush(self) -> None:
        waiting = self._waiting
        if len(self._here) > _REMEMBERED:
            self._here.clear()
        if not waiting:
            return
        first = layout.last_object(self.tables) + 1
        numbers = [layout.U64.pack(first + at) for at in range(len(waiting))]
        self.draft.append(Table.OBJECTS, zip(numbers, waiting.values(), strict=True))
        self.draft.put_many(Table.IDS, sorted(zip(waiting, numbers, strict=True)))
        for kind, count in Counter(data[0] for data in waiting.values()).items():
            key = layout.kind_key(kind)
            self.draft.put(Table.META, key, layout.U64.pack(layout.number(self.tables, key) + count))
        waiting.clear()

    def _agreed(self, updates: Iterable[RefUpdate]) -> dict[RefName, tuple[Ref, ObjectId | None, ObjectId | None]]:
        """The moves that remain of the updates, after every one of them was found possible."""
        moves: dict[RefName, tuple[Ref, ObjectId | None, ObjectId | None]] = {}
        for update in updates:
            name = update.name
            ref = parse(name)
            layout.ref_key(name)
            before = moves[name][1] if name in moves else self.ref(name)
            current = moves[name][2] if name in moves else before
            if current != update.old:
                raise Conflict(f"{name} is at {_text(current)}, not at {_text(update.old)}: read it and retry")
            if update.new is not None:
                check_target(ref, update.new, self._describe)
            moves[name] = (ref, before, update.new)
        return {name: move for name, move in moves.items() if move[1] != move[2]}

    def _log(self, name: RefName, entry: RefLogEntry) -> None:
        newest = next(iter(self.tables.scan(Table.REFLOG, log_prefix(name))), None)
        self.draft.put(Table.REFLOG, next_key(name, newest[0] if newest else None), encode_entry(entry))

    def _move_view(self, name: RefName, ref: Ref, old: ObjectId | None, new: ObjectId | None) -> None:
        if new is None:
            drop_view(self.draft, name)
        elif shown := find_view(self.tables, name):
            move_view(self.draft, self._nodes, name, shown, new)
        elif old is None and ref.name == DEFAULT_BRANCH:
            self._view_new(name, new)

    def _view_new(self, name: RefName, commit: ObjectId) -> None:
        """Make a new head's view, unless that takes long: zones may share a tree, and each has its own view."""
        records = self._records(commit)
        self.appeared += records
        if records <= VIEW_AT_ONCE and self._viewed + records <= VIEWS_AT_ONCE:
            self._viewed += records
            build_view(self.draft, self._nodes, name, commit)

    def _records(self, commit: ObjectId) -> int:
        return Zone.decode(self.get(Commit.decode(self.get(commit)).zone_root)).records


class TableStore(Protocol):
    """Either store, to code that knows the tables."""

    def read(self) -> AbstractContextManager[StoreReader]: ...

    def write(self) -> AbstractContextManager[StoreWriter]: ...


class Cells(MutableMapping[bytes, bytes]):
    """The `refindex` table as the map that `RefIndex` works on."""

    def __init__(self, tables: WriteTables) -> None:
        self._tables = tables

    def __getitem__(self, key: bytes) -> bytes:
        found = self._tables.get(Table.REFINDEX, key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._tables.put(Table.REFINDEX, key, value)

    def __delitem__(self, key: bytes) -> None:
        self._tables.delete(Table.REFINDEX, key)

    def __iter__(self) -> Iterator[bytes]:
        return (key for key, _ in self._tables.scan(Table.REFINDEX))

    def __len__(self) -> int:
        return self._tables.count(Table.REFINDEX)


def _text(oid: ObjectId | None) -> str:
    return "nothing" if oid is None else short(oid)
