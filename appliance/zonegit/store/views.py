"""Served views: for a head, a flat index `(view u32, owner key) -> block`, moved with its ref by the trees' diff.

    views  view u32 | owner key -> CRC-32 of key and block | block      (a block as in tree/version.py)

In place of a block above 4 KiB stands an item of type 0 that says how many records and bytes it has; the block
itself is read from the tree, where it is asked for. So what lies beside a name that isn't there is small, whatever
a zone holds.

A view only speeds up answering and can be made again from its commit at any time. Its CRC is checked at each read,
and where nothing is found those of both neighbours are, beside which a changed key lies: so a flipped bit is
`CorruptStore` and never an answer or a denial.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile
from struct import Struct
from typing import Final, NamedTuple, cast

from zonegit.errors import CorruptStore, NotFound, OverBudget
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, absolute, key_owner, to_text
from zonegit.model.rdata import SOA
from zonegit.model.refs import RefName, parse
from zonegit.model.rrset import RRKey, served_soa
from zonegit.model.zone import Zone
from zonegit.store import layout
from zonegit.store.layout import U32, check_around, check_gap, seal, unseal
from zonegit.store.tables import Item, ReadTables, Table, WriteTables
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersionLater
from zonegit.tree.version import BLOCK_ITEM, block_item, block_items, excess
from zonegit.tree.walk import LOWEST, entries, under

_SHOWN: Final = Struct(">I32sI")
_BEGUN: Final = Struct(">I32s")
_LARGE: Final = 4096
"""Bytes of a block beyond which it stays in the tree."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a view shows, as `meta` says."""

    number: int
    commit: ObjectId
    serial: int

    @property
    def prefix(self) -> bytes:
        return U32.pack(self.number)


def find_view(tables: ReadTables, name: RefName) -> Shown | None:
    """The view that follows a head. `CorruptStore` when its entry was changed on disk."""
    key = layout.VIEW + name.encode()
    sealed = tables.get(Table.META, key)
    if sealed is None:
        return None
    number, commit, serial = _SHOWN.unpack(unseal(key, sealed))
    return Shown(number, ObjectId(commit), serial)


class ViewVersion:
    """`ZoneVersion` through a view. It follows its head when its reader is renewed."""

    def __init__(self, tables: ReadTables, nodes: Nodes, name: RefName, shown: Shown) -> None:
        self._tables = tables
        self._name = name
        self._apex = parse(name).apex
        self._shown = shown
        self._prefix = shown.prefix
        self._generation = tables.generation
        self._nodes = nodes
        self._tree = TreeVersionLater(nodes, self._apex, shown.commit)

    @property
    def apex(self) -> WireName:
        return self._apex

    @property
    def commit(self) -> ObjectId:
        if self._generation != self._tables.generation:
            self._follow()
        return self._shown.commit

    @property
    def serial(self) -> int:
        if self._generation != self._tables.generation:
            self._follow()
        return self._shown.serial

    @property
    def prefix(self) -> bytes:
        """What stands in front of the owners' keys in the table of views, until the head moves."""
        if self._generation != self._tables.generation:
            self._follow()
        return self._prefix

    def at(self, owner: OwnerKey) -> bytes | None:
        if self._generation != self._tables.generation:
            self._follow()
        block = _read(self._tables, self._prefix + owner)
        return block if block is None or len(block) > BLOCK_ITEM.size else self._large(owner, block)

    def look(self, owner: OwnerKey) -> tuple[bytes | None, OwnerKey | None]:
        if self._generation != self._tables.generation:
            self._follow()
        prefix = self._prefix
        key = prefix + owner
        sealed = self._tables.get(Table.VIEWS, key)
        if sealed is not None:
            block = unseal(key, sealed)
            return (block if len(block) > BLOCK_ITEM.size else self._large(owner, block)), None
        low, high = self._tables.around(Table.VIEWS, key)
        check_gap(key, low, high)
        return None, OwnerKey(high[0][4:]) if high is not None and high[0].startswith(prefix) else None

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        if self._generation != self._tables.generation:
            self._follow()
        low, _ = _around(self._tables, self._prefix + owner)
        if low is None or not low[0].startswith(self._prefix):
            return None
        found, block = OwnerKey(low[0][4:]), low[1][4:]
        return found, block if len(block) > BLOCK_ITEM.size else self._large(found, block)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        if self._generation != self._tables.generation:
            self._follow()
        prefix = self._prefix
        found = self._tables.keys_before(Table.VIEWS, prefix + owner, most)
        if found and not found[-1].startswith(prefix):
            found = list(takewhile(lambda key: key.startswith(prefix), found))
        return cast(list[OwnerKey], [key[4:] for key in found])  # calls of `OwnerKey` would take most of the time

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        if self._generation != self._tables.generation:
            self._follow()
        _, high = _around(self._tables, self._prefix + owner + b"\0")
        return OwnerKey(high[0][4:]) if high is not None and high[0].startswith(self._prefix) else None

    def _large(self, owner: OwnerKey, mark: bytes) -> bytes:
        """The block of an owner of which the view says only how large it is. `OverBudget` where it is too large."""
        _, records, size = BLOCK_ITEM.unpack(mark)
        if too_much := excess(records, size, to_text(absolute(key_owner(owner), self._apex))):
            raise OverBudget(too_much)
        block = self._tree.at(owner)
        if block is None:
            raise CorruptStore("a served view contradicts its commit; run `zonegit reindex`")
        return block

    def _follow(self) -> None:
        """The reader shows another version of the repository: look where the view is now."""
        shown = find_view(self._tables, self._name)
        if shown is None:
            raise NotFound(f"{self._name} has no served view any more")
        self._generation = self._tables.generation
        self._shown = shown
        self._prefix = shown.prefix
        self._tree = TreeVersionLater(self._nodes, self._apex, shown.commit)


def build_view(
    tables: WriteTables,
    nodes: Nodes,
    name: RefName,
    commit: ObjectId,
    counted: Callable[[int], None] = lambda records: None,
) -> None:
    """Give a head a new view of a commit, under a number of its own, in place of the one it may have.

    `counted` is told of the records in each block that was written.
    """
    drop_view(tables, name)
    number = layout.number(tables, layout.NEXT_VIEW) + 1
    tables.put(Table.META, layout.NEXT_VIEW, U32.pack(number))
    shown, root = target(nodes, number, commit)
    tables.append(Table.VIEWS, rows(nodes, root, shown, counted))
    _show(tables, name, shown)


def build_part(tables: WriteTables, nodes: Nodes, name: RefName, commit: ObjectId, most: int) -> bool:
    """Make the next so many records, or somewhat more, of a view that a head is to have; whether it has one now.

    What is begun stays a view of one commit. At the end it is moved to where the head is by then.
    """
    begun = _find_begun(tables, name)
    if begun is None:
        number = layout.number(tables, layout.NEXT_VIEW) + 1
        tables.put(Table.META, layout.NEXT_VIEW, U32.pack(number))
        begun = _Begun(number, commit, LOWEST)
    shown, root = target(nodes, begun.number, begun.commit)
    part: list[Item] = []
    written = 0

    def counted(records: int) -> None:
        nonlocal written
        written += records

    key = layout.MAKING + name.encode()
    for item in rows(nodes, root, shown, counted, begun.start):
        part.append(item)
        if written >= most:
            tables.put_many(Table.VIEWS, part)
            start = RRKey(item[0][len(shown.prefix) :] + b"\1")
            tables.put(Table.META, key, seal(key, _BEGUN.pack(begun.number, begun.commit) + start))
            return False
    tables.put_many(Table.VIEWS, part)
    tables.delete(Table.META, key)
    _show(tables, name, shown)
    if begun.commit != commit:
        move_view(tables, nodes, name, shown, commit)
    return True


class _Begun(NamedTuple):
    """How far a view is that is made in parts."""

    number: int
    commit: ObjectId
    start: RRKey
    """Where the next part begins."""


def _find_begun(tables: ReadTables, name: RefName) -> _Begun | None:
    key = layout.MAKING + name.encode()
    sealed = tables.get(Table.META, key)
    if sealed is None:
        return None
    value = unseal(key, sealed)
    number, commit = _BEGUN.unpack_from(value)
    return _Begun(number, ObjectId(commit), RRKey(value[_BEGUN.size :]))


def begun_commits(tables: ReadTables) -> Iterator[ObjectId]:
    """The commits of views that are made in parts: none may go before its view is finished."""
    for key, sealed in tables.scan(Table.META, layout.MAKING):
        yield ObjectId(_BEGUN.unpack_from(unseal(key, sealed))[1])


def move_view(tables: WriteTables, nodes: Nodes, name: RefName, shown: Shown, commit: ObjectId) -> None:
    """Move a head's view to another commit by the difference of their trees; the apex gets its serial."""
    _, old = target(nodes, shown.number, shown.commit)
    moved, new = target(nodes, shown.number, commit)
    prefix = shown.prefix
    apex_seen = False
    for owner, changes in groupby(diff(nodes, old, new), key=lambda change: change[0][:-3]):
        apex_seen = apex_seen or not owner
        items = {int.from_bytes(key[-2:], "big"): payload for key, _, payload in changes}
        _rewrite(tables, nodes, new, prefix + owner, items, moved.serial)
    if not apex_seen:
        _rewrite(tables, nodes, new, prefix + APEX_KEY, {}, moved.serial)
    _show(tables, name, moved)


def drop_view(tables: WriteTables, name: RefName) -> None:
    """Take a head's view away, if it has one, finished or not. Works on a damaged one, too."""
    for key in (layout.VIEW + name.encode(), layout.MAKING + name.encode()):
        sealed = tables.get(Table.META, key)
        if sealed is not None:
            tables.delete(Table.META, key)
            tables.clear(Table.VIEWS, sealed[4:8])
            tables.touch()


def rows(
    nodes: Nodes,
    root: ObjectId,
    shown: Shown,
    counted: Callable[[int], None] = lambda records: None,
    start: RRKey = LOWEST,
) -> Iterator[tuple[bytes, bytes]]:
    """The items of `views` that show a tree, in key order. `counted` is told of the records in each before it."""
    prefix, serial = shown.prefix, shown.serial
    here = place = None
    block = b""
    for key, payload in entries(nodes, root, start):
        owner = key[:-3]
        if owner == here:
            block += block_item(payload, serial)
            continue
        if place is not None:
            counted(BLOCK_ITEM.unpack_from(block)[1])
            yield place, seal(place, block if len(block) <= _LARGE else _mark(block))
        here, place = owner, prefix + owner
        block = block_item(payload, serial)
    if place is not None:
        counted(BLOCK_ITEM.unpack_from(block)[1])
        yield place, seal(place, block if len(block) <= _LARGE else _mark(block))


def target(nodes: Nodes, number: int, oid: ObjectId) -> tuple[Shown, ObjectId]:
    """What a view of this commit shows, and the root of the commit's tree."""
    commit = Commit.decode(nodes.source.get(oid))
    return Shown(number, oid, commit.serial), Zone.decode(nodes.source.get(commit.zone_root)).tree


def _mark(block: bytes) -> bytes:
    """What a view holds in the place of a large block: how large it is."""
    return BLOCK_ITEM.pack(0, sum(records for _, records, _ in block_items(block)), len(block))


def _rewrite(
    tables: WriteTables, nodes: Nodes, root: ObjectId, key: bytes, changes: dict[int, bytes | None], serial: int
) -> None:
    """Put changed RRsets (None: gone) into the block under `key`; its SOA, if it has one, gets `serial`. `root` is
    the tree of which the block is one then.
    """
    before = _read(tables, key) or b""
    if len(before) == BLOCK_ITEM.size:
        block = b"".join(block_item(payload, serial) for _, payload in under(nodes, root, RRKey(key[4:] + b"\0")))
        _put(tables, key, block)
        return
    items = {
        rtype: BLOCK_ITEM.pack(rtype, records, len(rrs)) + (served_soa(rrs, serial) if rtype == SOA else rrs)
        for rtype, records, rrs in block_items(before)
    }
    for rtype, payload in changes.items():
        if payload is None:
            if items.pop(rtype, None) is None:
                raise CorruptStore("a served view contradicts its commit; run `zonegit reindex`")
        else:
            items[rtype] = block_item(payload, serial)
    _put(tables, key, b"".join(items[rtype] for rtype in sorted(items)))


def _put(tables: WriteTables, key: bytes, block: bytes) -> None:
    if block:
        tables.put(Table.VIEWS, key, seal(key, block if len(block) <= _LARGE else _mark(block)))
    else:
        tables.delete(Table.VIEWS, key)


def _read(tables: ReadTables, key: bytes) -> bytes | None:
    """The block under a key; None where nothing stands, which its neighbours prove."""
    sealed = tables.get(Table.VIEWS, key)
    if sealed is not None:
        return unseal(key, sealed)
    check_gap(key, *tables.around(Table.VIEWS, key))
    return None


def _around(tables: ReadTables, key: bytes) -> tuple[Item | None, Item | None]:
    found = tables.around(Table.VIEWS, key)
    check_around(key, *found)
    return found


def _show(tables: WriteTables, name: RefName, shown: Shown) -> None:
    key = layout.VIEW + name.encode()
    tables.put(Table.META, key, seal(key, _SHOWN.pack(shown.number, shown.commit, shown.serial)))
    tables.touch()
