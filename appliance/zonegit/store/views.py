"""Served views: for a head or a published version, a flat index `(view u32, owner key) -> block`. It moves with its
ref, by the trees' diff.

    views  view u32 | owner key -> CRC-32 of key and block | block      (a block as in tree/version.py)

A block above 4 KiB is replaced by an item of type 0 with its numbers of records and bytes, and the block itself is
read from the tree when it is needed. So the neighbours of an absent name are always small.

A view only speeds up answering, and can be rebuilt from its commit at any time. An entry's CRC is checked at each
read. If no entry is found, the CRCs of both neighbours are checked, since an entry with a changed key is still next
to its old position. So a flipped bit causes `CorruptStore`, never a wrong answer or denial.
"""

from collections.abc import Callable, Iterator
from itertools import chain, groupby, takewhile
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
from zonegit.store.changes import Watched
from zonegit.store.layout import SEAL, U32, VIEW_NUMBER, check_around, check_gap, seal, unseal
from zonegit.store.port import Known
from zonegit.store.tables import Item, ReadTables, Table, WriteTables
from zonegit.store.view_rows import row_groups, shortened
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersionLater
from zonegit.tree.version import BLOCK_ITEM, block_item, block_items, excess
from zonegit.tree.walk import LOWEST, entries, under

_SHOWN: Final = Struct(">I32sI")
_BEGUN: Final = Struct(">I32s")


class Shown(NamedTuple):
    """What a view shows, as recorded in `meta`."""

    number: int
    commit: ObjectId
    serial: int

    @property
    def prefix(self) -> bytes:
        return U32.pack(self.number)


def find_view(tables: ReadTables, name: RefName) -> Shown | None:
    """What the view of a head or a published version shows; None if it has none. `CorruptStore` if the entry was
    changed on disk.
    """
    key = layout.VIEW + name.encode()
    sealed = tables.get(Table.META, key)
    if sealed is None:
        return None
    number, commit, serial = _SHOWN.unpack(unseal(key, sealed))
    return Shown(number, ObjectId(commit), serial)


class ViewVersion:
    """`ZoneVersion` through a view. It follows its head when its reader is renewed.

    Each method compares the generation by itself, because every query would pay for one more call.
    """

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
        """The prefix of the owner keys in the table of views; valid until the head moves."""
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
        return None, OwnerKey(high[0][VIEW_NUMBER:]) if high is not None and high[0].startswith(prefix) else None

    def before(self, owner: OwnerKey) -> tuple[OwnerKey, bytes] | None:
        if self._generation != self._tables.generation:
            self._follow()
        low, _ = _around(self._tables, self._prefix + owner)
        if low is None or not low[0].startswith(self._prefix):
            return None
        found, block = OwnerKey(low[0][VIEW_NUMBER:]), low[1][SEAL:]
        return found, block if len(block) > BLOCK_ITEM.size else self._large(found, block)

    def owners_before(self, owner: OwnerKey, most: int) -> list[OwnerKey]:
        if self._generation != self._tables.generation:
            self._follow()
        prefix = self._prefix
        found = self._tables.keys_before(Table.VIEWS, prefix + owner, most)
        if found and not found[-1].startswith(prefix):
            found = list(takewhile(lambda key: key.startswith(prefix), found))
        # Calling `OwnerKey` would take most of the time.
        return cast(list[OwnerKey], [key[VIEW_NUMBER:] for key in found])

    def after(self, owner: OwnerKey) -> OwnerKey | None:
        if self._generation != self._tables.generation:
            self._follow()
        _, high = _around(self._tables, self._prefix + owner + b"\0")
        return OwnerKey(high[0][VIEW_NUMBER:]) if high is not None and high[0].startswith(self._prefix) else None

    def _large(self, owner: OwnerKey, mark: bytes) -> bytes:
        """The block of an owner for which the view only has the size. `OverBudget` if it is too large."""
        _, records, size = BLOCK_ITEM.unpack(mark)
        if too_much := excess(records, size, to_text(absolute(key_owner(owner), self._apex))):
            raise OverBudget(too_much)
        block = self._tree.at(owner)
        if block is None:
            raise CorruptStore("a served view contradicts its commit; run `zonegit reindex`")
        return block

    def _follow(self) -> None:
        """Read the view's record again, because the reader shows another version of the repository."""
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
    known: Known | None = None,
) -> None:
    """Give a head a new view of a commit, with a new number; replaces the one that it may have.

    `counted` is called with the number of RRsets in each group that was written. If the commit has the `known`
    tree, that isn't read again.
    """
    drop_view(tables, name)
    number = layout.number(tables, layout.NEXT_VIEW) + 1
    tables.put(Table.META, layout.NEXT_VIEW, U32.pack(number))
    shown, root = shown_and_root(nodes, number, commit)
    held = known.entries if known is not None and known.root == root else entries(nodes, root)
    groups = row_groups(held, shown.prefix, shown.serial, counted)
    tables.append(Table.VIEWS, chain.from_iterable(groups))
    _show(tables, name, shown)


def build_part(tables: WriteTables, nodes: Nodes, name: RefName, commit: ObjectId, most: int) -> bool:
    """Make the next `most` records, or a few more, of a head's future view; returns whether the view is complete.

    All parts show the commit of the first one. At the end the view is moved to the head's present commit.
    """
    begun = _find_begun(tables, name)
    if begun is None:
        number = layout.number(tables, layout.NEXT_VIEW) + 1
        tables.put(Table.META, layout.NEXT_VIEW, U32.pack(number))
        begun = _Begun(number, commit, LOWEST)
    shown, root = shown_and_root(nodes, begun.number, begun.commit)
    key = layout.MAKING + name.encode()
    written = 0
    following = entries(nodes, root, begun.start)
    for group in row_groups(following, shown.prefix, shown.serial, at_once=most + 1):  # the last owner waits
        tables.put_many(Table.VIEWS, group)
        written += sum(BLOCK_ITEM.unpack_from(sealed, SEAL)[1] for _, sealed in group)
        if written >= most:
            start = RRKey(group[-1][0][len(shown.prefix) :] + b"\1")
            tables.put(Table.META, key, seal(key, _BEGUN.pack(begun.number, begun.commit) + start))
            return False
    tables.delete(Table.META, key)
    _show(tables, name, shown)
    if begun.commit != commit:
        move_view(tables, nodes, name, shown, commit)
    return True


class _Begun(NamedTuple):
    """The progress of a view that is made in parts."""

    number: int
    commit: ObjectId
    start: RRKey
    """The key at which the next part begins."""


def _find_begun(tables: ReadTables, name: RefName) -> _Begun | None:
    key = layout.MAKING + name.encode()
    sealed = tables.get(Table.META, key)
    if sealed is None:
        return None
    value = unseal(key, sealed)
    number, commit = _BEGUN.unpack_from(value)
    return _Begun(number, ObjectId(commit), RRKey(value[_BEGUN.size :]))


def begun_commits(tables: ReadTables) -> Iterator[ObjectId]:
    """The commits of views that are being made in parts: `gc` must keep them until the views are complete."""
    for key, sealed in tables.scan(Table.META, layout.MAKING):
        yield ObjectId(_BEGUN.unpack_from(unseal(key, sealed))[1])


def move_view(tables: WriteTables, nodes: Nodes, name: RefName, shown: Shown, commit: ObjectId) -> None:
    """Move a head's view to another commit, by the difference of the trees; the apex gets the new serial.

    That difference is kept for incremental transfers (`store.changes`).
    """
    _, old = shown_and_root(nodes, shown.number, shown.commit)
    moved, new = shown_and_root(nodes, shown.number, commit)
    prefix = shown.prefix
    apex_seen = False
    differences = Watched(diff(nodes, old, new))
    for owner, changes in groupby(differences, key=lambda change: change[0][:-3]):
        apex_seen = apex_seen or not owner
        items = {int.from_bytes(key[-2:], "big"): payload for key, _, payload in changes}
        _rewrite(tables, nodes, new, prefix + owner, items, moved.serial)
    if not apex_seen:
        _rewrite(tables, nodes, new, prefix + APEX_KEY, {}, moved.serial)
    differences.keep(tables, old, new)
    _show(tables, name, moved)


def hand_over_view(tables: WriteTables, nodes: Nodes, name: RefName, to: RefName, commit: ObjectId) -> bool:
    """Give the view of one ref to another one, `to`, whose commit it then shows; False if there is none to give."""
    shown = find_view(tables, name)
    if shown is None:
        drop_view(tables, name)  # one that is being made
        return False
    tables.delete(Table.META, layout.VIEW + name.encode())
    move_view(tables, nodes, to, shown, commit)
    return True


def drop_view(tables: WriteTables, name: RefName) -> None:
    """Delete a head's view, complete or not, if it has one. Also works on a damaged one."""
    for key in (layout.VIEW + name.encode(), layout.MAKING + name.encode()):
        sealed = tables.get(Table.META, key)
        if sealed is not None:
            tables.delete(Table.META, key)
            tables.clear(Table.VIEWS, layout.view_number(sealed))
            tables.touch()


def shown_and_root(nodes: Nodes, number: int, oid: ObjectId) -> tuple[Shown, ObjectId]:
    """What a view of this commit shows, and the root of the commit's tree."""
    commit = Commit.decode(nodes.source.get(oid))
    return Shown(number, oid, commit.serial), Zone.decode(nodes.source.get(commit.zone_root)).tree


def _rewrite(
    tables: WriteTables, nodes: Nodes, root: ObjectId, key: bytes, changes: dict[int, bytes | None], serial: int
) -> None:
    """Put changed RRsets (None: deleted) into the block under `key`; its SOA, if it has one, gets `serial`. `root`
    is the tree that the view shows afterwards.
    """
    before = _read(tables, key) or b""
    if len(before) == BLOCK_ITEM.size:
        owner = RRKey(key[VIEW_NUMBER:] + b"\0")
        block = b"".join(block_item(payload, serial) for _, payload in under(nodes, root, owner))
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
        tables.put(Table.VIEWS, key, seal(key, shortened(block)))
    else:
        tables.delete(Table.VIEWS, key)


def _read(tables: ReadTables, key: bytes) -> bytes | None:
    """The block under a key; None if there is none, which its neighbours prove."""
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
