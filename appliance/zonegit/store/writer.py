"""A write transaction over tables: inserts objects, and moves refs by compare-and-swap with all derived data."""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from zonegit.errors import Conflict, NotFound, StoreError
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.refs import DEFAULT_BRANCH, Ref, RefKind, RefName, head, parse
from zonegit.model.zone import Zone
from zonegit.store import journal, layout
from zonegit.store.facts import FactCache
from zonegit.store.insert import check_target
from zonegit.store.insertion import Insertion
from zonegit.store.port import VIEW_AT_ONCE, VIEWS_AT_ONCE, Known, RefLogEntry, RefUpdate
from zonegit.store.reader import StoreReader
from zonegit.store.refindex import RefIndex
from zonegit.store.reflog import encode_entry, log_prefix, next_key
from zonegit.store.served import served_ref
from zonegit.store.tables import Table, WriteTables
from zonegit.store.views import build_part, build_view, drop_view, find_view, hand_over_view, move_view
from zonegit.tree.source import NodeCache, Nodes


def create_repository(tables: WriteTables, epoch: bytes) -> bool:
    """Initialize empty tables as a repository; returns False if they already are one."""
    if tables.get(Table.META, layout.FORMAT) is not None:
        return False
    tables.put(Table.META, layout.EPOCH, epoch)
    tables.put(Table.META, layout.SEQ, layout.U64.pack(0))
    tables.put(Table.META, layout.FORMAT, layout.U32.pack(layout.STORE_FORMAT))
    return True


class _Move(NamedTuple):
    """The move of a ref by a call of `move_refs`; None stands for an absent ref."""

    ref: Ref
    old: ObjectId | None
    new: ObjectId | None


class StoreWriter(StoreReader):
    """The `Writer` of both stores. The store calls `finish` before it commits."""

    def __init__(self, tables: WriteTables, facts: FactCache, nodes: NodeCache) -> None:
        super().__init__(tables, facts)
        self.draft = tables
        """`tables`, to write to: a draft of the next version until the store commits it."""
        self._nodes = Nodes(self, nodes)
        self._insertion = Insertion(tables, facts, nodes, super().get)
        self._moved: dict[RefName, None] | None = {}
        """The refs for the journal's entry; None: any may have moved."""
        self._decoded: tuple[ObjectId, Commit] | None = None
        """The commit that was looked at last: the one that a ref moves to is needed several times."""
        self._viewed = 0
        """The number of records in views that were made for new heads."""
        self.appeared = 0

    def begin_epoch(self, epoch: bytes) -> None:
        """Set a new epoch of 16 random bytes, so that to peers this is another repository."""
        self.draft.put(Table.META, layout.EPOCH, epoch)

    def insert(self, objects: Iterable[bytes]) -> int:
        return self._insertion.insert(objects)

    def get(self, oid: ObjectId) -> bytes:
        return self._insertion.waiting.get(oid) or super().get(oid)

    def has(self, oid: ObjectId) -> bool:
        return self._insertion.has(oid)

    def move_refs(self, updates: Iterable[RefUpdate], who: Stamp, reason: str) -> None:
        moves = self._checked_moves(updates)
        if not moves:
            return
        indexed = [(name, move.new) for name, move in moves.items() if move.ref.kind is not RefKind.REMOTE]
        RefIndex(Cells(self.draft)).update(indexed)
        for name, (ref, old, new) in moves.items():
            # A branch at a tombstone has no view, as if its ref were absent.
            was_removed = self.is_removed(name)
            self._log(name, RefLogEntry(old, new, who, reason))
            if new is None:
                self.draft.delete(Table.REFS, layout.ref_key(name))
            else:
                self.draft.put(Table.REFS, layout.ref_key(name), new)
            removed = ref.kind.names_commits and self._note_removed(name, new)
            if ref.kind is RefKind.HEAD:
                self._move_view(name, ref, None if was_removed else old, None if removed else new)
            elif ref.kind is RefKind.PUBLISHED:
                self._move_published(name, head(ref.zone, ref.name), new, removed=removed)
            self._note_moved(name)

    def show(
        self,
        name: RefName,
        counted: Callable[[int], None] = lambda records: None,
        known: Known | None = None,
    ) -> None:
        tip = self._commit_to_show(name)
        if tip is not None and find_view(self.tables, name) is None:
            build_view(self.draft, self._nodes, name, tip, counted, known)
            self._note_moved(name)

    def show_part(self, name: RefName, records: int) -> bool:
        tip = self._commit_to_show(name)
        if tip is None or find_view(self.tables, name) is not None:
            return True
        done = build_part(self.draft, self._nodes, name, tip, records)
        if done:
            self._note_moved(name)
        return done

    def _commit_to_show(self, name: RefName) -> ObjectId | None:
        """The commit that a view of this ref has to show; None for a head whose published version is served."""
        tip, ref = self.live(name), parse(name)
        if tip is None or ref.kind not in (RefKind.HEAD, RefKind.PUBLISHED):
            raise NotFound(f"{name} is not a branch here, so it can't be shown")
        return tip if served_ref(self, ref.zone, ref.name) == name else None

    def hide(self, name: RefName) -> None:
        drop_view(self.draft, name)
        self._note_moved(name)

    def note_all(self) -> None:
        """Record in the journal that any refs and views may have moved."""
        self._increment_seq()
        self._moved = None

    def set_setting(self, name: str, value: bytes | None) -> None:
        key = layout.setting_key(name)
        if value is None:
            self.draft.delete(Table.META, key)
        else:
            self.draft.put(Table.META, key, value)

    def finish(self) -> None:
        """Complete the transaction before its commit.

        `StoreError` if an object was refused, since then the tables lack some of the objects.
        """
        if self._insertion.spoiled:
            raise StoreError("the transaction was aborted because an object in it was refused; nothing was written")
        if self._moved is None or self._moved:
            journal.note(self.draft, self._moved)

    def _note_moved(self, name: RefName) -> None:
        """Add a ref to the journal's entry."""
        self._increment_seq()
        if self._moved is not None:
            self._moved[name] = None

    def _increment_seq(self) -> None:
        """Increment `seq`, once in a transaction."""
        if self._moved is not None and not self._moved:
            self.draft.put(Table.META, layout.SEQ, layout.U64.pack(self.seq + 1))

    def _checked_moves(self, updates: Iterable[RefUpdate]) -> dict[RefName, _Move]:
        """Check all updates, and combine them into one move for each ref that changes."""
        moves: dict[RefName, _Move] = {}
        for name, old, new in updates:
            ref = parse(name)
            layout.ref_key(name)  # refuses a name that is too long
            move = moves.get(name)
            before = self.ref(name) if move is None else move.old
            current = before if move is None else move.new
            if current != old:
                raise Conflict(f"{name} is at {_text(current)}, not at {_text(old)}: read it and retry")
            if new is not None:
                check_target(ref, new, self._insertion.describe)
            moves[name] = _Move(ref, before, new)
        return {name: move for name, move in moves.items() if move.old != move.new}

    def _log(self, name: RefName, entry: RefLogEntry) -> None:
        newest = next(iter(self.tables.scan(Table.REFLOG, log_prefix(name))), None)
        self.draft.put(Table.REFLOG, next_key(name, newest[0] if newest else None), encode_entry(entry))

    def _note_removed(self, name: RefName, new: ObjectId | None) -> bool:
        """Record whether a branch is removed, that is, moves to a tombstone; returns that."""
        removed = new is not None and self._commit(new).is_tombstone
        key = layout.REMOVED + name.encode()
        if removed and new is not None:
            self.draft.put(Table.META, key, new)
        elif self.tables.get(Table.META, key) is not None:
            self.draft.delete(Table.META, key)
        return removed

    def _move_view(self, name: RefName, ref: Ref, old: ObjectId | None, new: ObjectId | None) -> None:
        if new is None:
            drop_view(self.draft, name)
        elif shown := find_view(self.tables, name):
            move_view(self.draft, self._nodes, name, shown, new)
        elif old is None and ref.name == DEFAULT_BRANCH and served_ref(self, ref.zone, ref.name) == name:
            self._build_small_view(name, new)

    def _move_published(self, name: RefName, branch: RefName, new: ObjectId | None, *, removed: bool) -> None:
        """Move the view of a branch's published version. The branch itself has a view only while it has none."""
        if removed:
            drop_view(self.draft, name)
            drop_view(self.draft, branch)
        elif new is None:
            tip = self.live(branch)
            if tip is None or not hand_over_view(self.draft, self._nodes, name, branch, tip):
                drop_view(self.draft, name)
        elif shown := find_view(self.tables, name):
            move_view(self.draft, self._nodes, name, shown, new)
        elif not hand_over_view(self.draft, self._nodes, branch, name, new):
            self._build_small_view(name, new)

    def _build_small_view(self, name: RefName, commit: ObjectId) -> None:
        """Build a new head's view, unless that would take too long.

        The records of all new heads together are limited, too: zones may share a tree, but not a view.
        """
        records = self._records(commit)
        self.appeared += records
        if records <= VIEW_AT_ONCE and self._viewed + records <= VIEWS_AT_ONCE:
            self._viewed += records
            build_view(self.draft, self._nodes, name, commit)

    def _records(self, commit: ObjectId) -> int:
        return Zone.decode(self.get(self._commit(commit).zone_root)).records

    def _commit(self, oid: ObjectId) -> Commit:
        if self._decoded is None or self._decoded[0] != oid:
            self._decoded = oid, Commit.decode(self.get(oid))
        return self._decoded[1]


class TableStore(Protocol):
    """Either store, for code that uses the tables directly."""

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
