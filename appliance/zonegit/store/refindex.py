"""The ref index: a 16-ary Merkle trie over BLAKE3(ref name) -> tip. Pure, over any mutable map of cells.

    cell key   = depth u8 | one byte for each hex digit of the path
    cell value = slots, their digits rising
    slot       = digit u8 | 00 | key 32 | tip 32    or    digit u8 | 01 | BLAKE3 of the child's cell 32

A slot with one ref below it contains that ref; with more, the digest of a child. So the cells depend only on the
set of refs, not on the order in which they came, and moving a ref rewrites the cells on its path. The root is
BLAKE3 of the cell at depth 0 (of no bytes if there are no refs). A *bucket* is all refs whose keys begin with the
same byte. Its digest is the first half of BLAKE3 of the cell at its two digits, or of the cell that would be there,
if the bucket has only one ref.
"""

from collections.abc import Iterable, MutableMapping, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from blake3 import blake3

from zonegit.errors import CorruptStore
from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import RefName
from zonegit.store.port import Bucket

BUCKET_DIGEST: Final = 16
"""Bytes."""
_BUCKET_DEPTH: Final = 2
_DAMAGED: Final = "the ref index contradicts itself; run `zonegit reindex`"
_ENTRY: Final = 0
_CHILD: Final = 1


class _Entry(NamedTuple):
    key: bytes
    tip: bytes


_Slot = _Entry | bytes
"""A ref, or the digest of the cell below."""
_Cell = dict[int, _Slot]
"""Slots by digit."""
_Move = tuple[bytes, ObjectId | None]
"""The key of a ref, and its new tip."""


def index_key(name: RefName) -> bytes:
    """The key of a ref in the index; its first byte is its bucket."""
    return blake3(name.encode()).digest()


class FlatIndex:
    """The root and the digests of an index over refs that are kept elsewhere, without storing cells."""

    def __init__(self) -> None:
        self._slots: dict[int, _Slot] = {}
        """The slot of each bucket in the cell above it: its only ref, or the digest of its cell."""

    def put(self, prefix: int, refs: Iterable[tuple[bytes, ObjectId]]) -> None:
        """Set the refs of a bucket, by their `index_key`s."""
        entries = sorted(_Entry(key, tip) for key, tip in refs)
        if len(entries) > 1:
            self._slots[prefix] = blake3(_cell_of(entries, _BUCKET_DEPTH)).digest()
        elif entries:
            self._slots[prefix] = entries[0]
        else:
            self._slots.pop(prefix, None)

    @property
    def root(self) -> bytes:
        firsts: dict[int, _Cell] = {}
        for prefix, slot in self._slots.items():
            firsts.setdefault(prefix >> 4, {})[prefix & 15] = slot
        root: _Cell = {}
        for first, slots in firsts.items():
            only = next(iter(slots.values()))
            root[first] = only if len(slots) == 1 and isinstance(only, _Entry) else blake3(_encode(slots)).digest()
        return blake3(_encode(root)).digest()

    def digest(self, prefix: int) -> bytes | None:
        """The digest of a bucket; None if it has no refs."""
        slot = self._slots.get(prefix)
        if slot is None:
            return None
        return (_alone(slot) if isinstance(slot, _Entry) else slot)[:BUCKET_DIGEST]


class RefIndex:
    """The index with its cells in `cells`. `CorruptStore` if they contradict each other."""

    def __init__(self, cells: MutableMapping[bytes, bytes]) -> None:
        self._cells = cells

    @property
    def root(self) -> bytes:
        """32 bytes: equal if and only if all refs are equal."""
        return blake3(self._cells.get(b"\0", b"")).digest()

    def set(self, name: RefName, tip: ObjectId | None) -> None:
        """Move a ref; None removes it. Rewrites one cell per level, about log16 of the number of refs."""
        self.update([(name, tip)])

    def update(self, moves: Iterable[tuple[RefName, ObjectId | None]]) -> None:
        """Move refs, each at most once; None removes one. Rewrites each cell on their paths once."""
        found = sorted((index_key(name), tip) for name, tip in moves)
        if found:
            self._place(b"", self._merge(b"", self._load(b"", self.root), found), is_stored=True)

    def buckets(self) -> list[Bucket]:
        """All buckets with refs, by their prefix (0 to 255)."""
        found: dict[int, bytes] = {}
        root = self._load(b"", self.root)
        for first, slot in root.items():
            below = {slot.key[0] & 15: slot} if isinstance(slot, _Entry) else self._load(bytes((first,)), slot)
            for second, last in below.items():
                found[16 * first + second] = _alone(last) if isinstance(last, _Entry) else last
        return [Bucket(prefix, found[prefix][:BUCKET_DIGEST]) for prefix in sorted(found)]

    def _merge(self, path: bytes, cell: _Cell, moves: Sequence[_Move]) -> _Cell:
        """The cell at these digits after moves of refs that belong below it; the cells below are written."""
        depth = len(path)
        for digit, group in groupby(moves, lambda move: _digit(move[0], depth)):
            here = list(group)
            slot = self._below(path + bytes((digit,)), cell.get(digit), here)
            if slot is not None:
                cell[digit] = slot
            elif digit in cell:
                del cell[digit]
        return cell

    def _below(self, path: bytes, slot: _Slot | None, moves: Sequence[_Move]) -> _Slot | None:
        """What a slot contains after moves of refs that belong into it; None if that is nothing."""
        if isinstance(slot, bytes):
            return self._place(path, self._merge(path, self._load(path, slot), moves), is_stored=True)
        key, tip = moves[0]
        if len(moves) == 1 and (slot is None or slot.key == key):
            return None if tip is None else _Entry(key, tip)
        alone: _Cell = {} if slot is None else {_digit(slot.key, len(path)): slot}
        return self._place(path, self._merge(path, alone, moves), is_stored=False)

    def _place(self, path: bytes, cell: _Cell, *, is_stored: bool) -> _Slot | None:
        """Write a cell, and return the slot for it above; one with a single ref is left out below the root."""
        only = next(iter(cell.values())) if len(cell) == 1 and path else None
        if cell and not isinstance(only, _Entry):
            raw = _encode(cell)
            self._cells[_cell_key(path)] = raw
            return blake3(raw).digest()
        if is_stored and (path or b"\0" in self._cells):
            del self._cells[_cell_key(path)]
        return only

    def _load(self, path: bytes, digest: bytes) -> _Cell:
        raw = self._cells.get(_cell_key(path), b"")
        if blake3(raw).digest() != digest:
            raise CorruptStore(_DAMAGED)
        return _decode(raw)


def _cell_of(entries: list[_Entry], depth: int) -> bytes:
    """The cell with these refs, whose keys share their first `depth` digits."""
    groups: dict[int, list[_Entry]] = {}
    for entry in entries:
        groups.setdefault(_digit(entry.key, depth), []).append(entry)
    return _encode(
        {
            digit: found[0] if len(found) == 1 else blake3(_cell_of(found, depth + 1)).digest()
            for digit, found in groups.items()
        }
    )


def _alone(entry: _Entry) -> bytes:
    """The digest of a bucket with one ref."""
    return blake3(_encode({_digit(entry.key, _BUCKET_DEPTH): entry})).digest()


def _digit(key: bytes, depth: int) -> int:
    byte = key[depth >> 1]
    return byte & 15 if depth & 1 else byte >> 4


def _cell_key(path: bytes) -> bytes:
    return bytes((len(path),)) + path


def _encode(cell: _Cell) -> bytes:
    parts = []
    for digit in sorted(cell):
        slot = cell[digit]
        parts.append(
            bytes((digit, _ENTRY)) + slot.key + slot.tip
            if isinstance(slot, _Entry)
            else bytes((digit, _CHILD)) + slot
        )
    return b"".join(parts)


def _decode(raw: bytes) -> _Cell:
    cell: _Cell = {}
    at = 0
    while at + 2 <= len(raw):
        digit, kind = raw[at], raw[at + 1]
        at += 2
        if kind == _ENTRY:
            cell[digit] = _Entry(raw[at : at + ID_SIZE], raw[at + ID_SIZE : at + 2 * ID_SIZE])
            at += 2 * ID_SIZE
        else:
            cell[digit] = raw[at : at + ID_SIZE]
            at += ID_SIZE
    if at != len(raw):
        raise CorruptStore(_DAMAGED)
    return cell
