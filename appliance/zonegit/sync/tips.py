"""The refs of a peer: a `Tip` for each, and a compact list of many."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from struct import Struct
from typing import Final, NamedTuple, overload

from zonegit.model.ids import ID_SIZE, ObjectId
from zonegit.model.refs import split

_ID: Final = Struct(f"{ID_SIZE}s")


class Tip(NamedTuple):
    """A branch or a tag of a zone, and the commit (or tag object) that it points to."""

    zone: str
    name: str
    oid: ObjectId

    @property
    def label(self) -> str:
        """`<zone>/<name>`: what follows the kind in the ref's name. Lists are sorted by it."""
        return f"{self.zone}/{self.name}"


class Tips(Sequence[Tip]):
    """Many tips: each takes 36 bytes and its label, an eighth of the size of a Python object."""

    __slots__ = ("_ends", "_ids", "_labels")

    def __init__(self, tips: Iterable[Tip] = ()) -> None:
        self._labels = bytearray()
        self._ends = array("I")
        self._ids = bytearray()
        for tip in tips:
            self.add(tip)

    def add(self, tip: Tip) -> None:
        self._labels += tip.label.encode()
        self._ends.append(len(self._labels))
        self._ids += tip.oid

    @property
    def size(self) -> int:
        """The bytes that the tips take."""
        return len(self._labels) + len(self._ids) + 4 * len(self._ends)

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Tip]:
        labels, start = self._labels.decode(), 0  # plain ASCII, as is every label
        for end, (oid,) in zip(self._ends, _ID.iter_unpack(self._ids), strict=True):
            zone, name = split(labels[start:end])
            start = end
            yield Tip(zone, name, oid)

    @overload
    def __getitem__(self, at: int) -> Tip: ...

    @overload
    def __getitem__(self, at: slice) -> "Tips": ...

    def __getitem__(self, at: int | slice) -> "Tip | Tips":
        indices = range(len(self._ends))[at]
        return self._at(indices) if isinstance(indices, int) else Tips(map(self._at, indices))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tips):
            return NotImplemented
        return (self._ends, self._labels, self._ids) == (other._ends, other._labels, other._ids)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Tips({list(self)!r})"

    def _at(self, at: int) -> Tip:
        zone, name = split(self._labels[self._ends[at - 1] if at else 0 : self._ends[at]].decode())
        return Tip(zone, name, ObjectId(bytes(self._ids[at * ID_SIZE : (at + 1) * ID_SIZE])))
