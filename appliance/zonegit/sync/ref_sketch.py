"""`POST /v0/refs/diff` with a sketch: finds the differences of two sets of refs, in bytes proportional to them.

The client sends a sketch and the sum of its refs. The server answers with its refs that aren't in the sketch, and
with the elements of the sketch that it doesn't have. If the sketch is too narrow, it answers with an estimate of
how many elements differ, and the client sends a wider one. The client checks an answer by the sum, which reveals a
sketch that was decoded wrongly. Then, or if too much differs, it asks by buckets (`sync.ref_diff`).

Refused: anything of the wrong type or size, widths that no sketch folds to, refs out of order or repeated.
"""

from collections import Counter
from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.sync import ref_diff
from zonegit.sync.json_members import members
from zonegit.sync.ref_lists import LISTS, RefLists, in_order, read_list
from zonegit.sync.ref_table import SUM, RefTable
from zonegit.sync.sketch import ELEMENT, ROWS, WIDTHS, Difference, difference, estimate, read_sums, write_sums
from zonegit.sync.sketch import SUM as CELL
from zonegit.sync.tips import Tips
from zonegit.sync.wire import ALL_REFS, Accepts, PeerRefs, as_list, as_text, check_state, write_lists
from zonegit.sync.work import Due, Work, finish, never

SKETCH_TYPE: Final = "application/vnd.zonegit.sketch"
FIRST: Final = 8
FIRST_MOVED: Final = 6
"""The width of the first sketch, and the number of moved refs that it is enough for."""
FINE: Final = 56
"""The width of the counts sent with it, from which the number of differences is estimated."""
_VERSION: Final = 1
_HEAD: Final = Struct(f">BB16s{SUM}sHH")
_TIP: Final = 4 * ELEMENT
"""How many bits of an element depend on the tip; those before them depend on the name only."""
_TOGETHER: Final = 2_000
"""The most elements in one string of an answer: a string has at most 16 Ki characters."""


class SketchQuestion(NamedTuple):
    """What a client has of a peer's refs."""

    epoch: str
    """The peer's epoch as the client remembers it: 32 hex digits."""
    sum: int
    counts: list[int]
    """Counts of a sketch, modulo 256. Its width is that of `sums`, or a multiple of it."""
    sums: list[int]
    accepts: Accepts = ALL_REFS

    def encode(self) -> bytes:
        width, fine = len(self.sums) // ROWS, len(self.counts) // ROWS
        epoch, total = bytes.fromhex(self.epoch), self.sum.to_bytes(SUM, "big")
        first = _HEAD.pack(_VERSION, self.accepts.flags, epoch, total, width, fine)
        return first + bytes(count % 256 for count in self.counts) + write_sums(self.sums)

    @classmethod
    def decode(cls, data: bytes) -> "SketchQuestion":
        if len(data) < _HEAD.size:
            raise InvalidData("the sketch is truncated")
        version, flags, epoch, total, width, fine = _HEAD.unpack_from(data)
        if version != _VERSION:
            raise InvalidData("the sketch has an unknown version")
        if width not in WIDTHS or fine not in WIDTHS or fine % width:
            raise InvalidData("the sketch has a width that no sketch folds to")
        start = _HEAD.size + ROWS * fine
        if len(data) != start + ROWS * width * CELL:
            raise InvalidData("the length of the sketch doesn't match its widths")
        counts, sums = list(data[_HEAD.size : start]), read_sums(data[start:])
        return cls(epoch.hex(), int.from_bytes(total, "big"), counts, sums, Accepts.of_flags(flags))


class SketchAnswer(NamedTuple):
    """What only the server has, and what only the client has."""

    epoch: str
    seq: int
    root: str
    sum: int = 0
    """The sum of all refs that the client may see."""
    lists: RefLists = RefLists()
    gone: tuple[int, ...] = ()
    """The elements of refs that only the client has, without those of refs that moved, which `lists` name."""
    differ: int | None = None
    """About how many elements differ, if the sketch was too narrow to decode; 0 if no sketch would do."""

    def writing(self, due: Due) -> Work[bytes]:
        table: dict[str, object] = {"epoch": self.epoch, "seq": self.seq, "root": self.root}
        if self.differ is not None:
            return write_lists({**table, "differ": self.differ}, {}, due)
        table["sum"] = ref_diff.base64(self.sum.to_bytes(SUM, "big"))
        lists = self.lists.written(ref_diff.written)
        if self.gone:
            lists["gone"] = map(_joined, _batched(self.gone))
        return write_lists(table, lists, due)

    def encode(self) -> bytes:
        return finish(self.writing(never))

    @classmethod
    def decode(cls, data: bytes) -> "SketchAnswer":
        table: dict[str, object] = {}
        lists: dict[str, Tips] = {}
        gone: tuple[int, ...] = ()
        for name, value in members(data):
            if name == "gone":
                gone = tuple(element for text in as_list(name, value) for element in _elements(text))
            elif name in LISTS:
                lists[name] = read_list(name, as_list(name, value), ref_diff.tip_of)
            else:
                table[name] = value
        state = check_state(table)
        if "differ" in table:
            return cls(*state, differ=_number(table["differ"]))
        total = int.from_bytes(ref_diff.from_base64(as_text(table, "sum"), SUM), "big")
        return cls(*state, total, RefLists(**lists), gone)


def question(table: RefTable, epoch: str, width: int, fine: int = 0) -> SketchQuestion:
    """The client's question, from the refs that it has."""
    return SketchQuestion(epoch, table.sum, table.sketch.counts(fine or width), table.sketch.sums(width))


def answer(asked: SketchQuestion, table: RefTable, state: PeerRefs, due: Due = never) -> Work[SketchAnswer]:
    """The server's answer, from the present table. A client that remembers another `epoch` must ask by buckets."""
    known = state.epoch, state.seq, state.root
    total = table.sum
    if asked.epoch != state.epoch:
        return SketchAnswer(*known, differ=0)
    if asked.sum == total:
        return SketchAnswer(*known, total)
    width, fine = len(asked.sums) // ROWS, len(asked.counts) // ROWS
    counts = [
        (ours - theirs + 128) % 256 - 128
        for ours, theirs in zip(table.sketch.counts(fine), asked.counts, strict=True)
    ]
    sums = [ours ^ theirs for ours, theirs in zip(table.sketch.sums(width), asked.sums, strict=True)]
    about = estimate(counts)
    rows = range(0, ROWS * fine, fine)
    folded = [sum(counts[row + at : row + fine : width]) for row in rows for at in range(width)]
    found = (yield from difference(folded, sums, due)) if about <= 2 * len(sums) else None
    if found is None:
        return SketchAnswer(*known, differ=max(1, about))
    ours: list[tuple[RefName, ObjectId]] = []
    for element in found.ours:
        name = table.named(element)
        tip = None if name is None else table.get(name)
        if name is None or tip is None:  # decoded wrongly, or moved meanwhile
            return SketchAnswer(*known, differ=max(1, about))
        ours.append((name, tip))
    lists = yield from in_order([ours], due)
    return SketchAnswer(*known, total, lists, tuple(_unnamed(found)))


def _unnamed(found: Difference) -> Iterator[int]:
    """The client's elements without those of moved refs, which begin with the same bits as one of the server's."""
    moved = Counter(element >> _TIP for element in found.ours)
    for element in found.theirs:
        if moved[element >> _TIP]:
            moved[element >> _TIP] -= 1
        else:
            yield element


def _batched(elements: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return (elements[at : at + _TOGETHER] for at in range(0, len(elements), _TOGETHER))


def _joined(elements: tuple[int, ...]) -> str:
    joined = b"".join(element.to_bytes(ELEMENT, "big") for element in elements)
    return f'"{ref_diff.base64(joined)}"'


def _elements(text: object) -> Iterator[int]:
    if not isinstance(text, str):
        raise InvalidData("the peer's `gone` is invalid")
    joined = ref_diff.from_base64(text, len(text) // 8 * ELEMENT)
    return (int.from_bytes(joined[at : at + ELEMENT], "big") for at in range(0, len(joined), ELEMENT))


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 32:
        raise InvalidData("the peer's `differ` is not a number from 0 to 2^32 - 1")
    return value
