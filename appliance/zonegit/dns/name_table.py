"""The names that a message holds, and pointers to them (RFC 1035 §4.1.4).

A name can end in a pointer to a name that ends in a pointer itself: its reader follows both. Widely used readers
stop at 10 or 16 pointers and drop the message, so no other name points to one that needs `MOST_POINTERS`.
"""

from typing import Final

MOST_POINTERS: Final = 8
"""Compression pointers that a reader follows for one name, at most."""
_FARTHEST: Final = 0x3FFF
_POINTER: Final = 0xC000


class NameTable:
    """The names of one message and their ancestors, but for the root: it is shorter than a pointer."""

    __slots__ = ("_places",)

    def __init__(self, name: bytes, start: int) -> None:
        """`name` stands at `start` without a pointer, as that of a question does."""
        self._places: dict[bytes, tuple[bytes, int]] = {}
        """Name -> the pointer to it, and how many pointers a name has that ends in this one."""
        at = 0
        while label := name[at]:
            self._places[name[at:]] = (_pointer(start + at), 1)
            at += 1 + label

    def short(self, wire: bytes, here: int) -> bytes:
        """The short form of a name that is written at `here` next; other names may point to it from then on."""
        places = self._places
        place = places.get(wire)
        if place is not None:
            return place[0]
        starts = []
        at = 0
        while place is None and (label := wire[at]):
            starts.append(here + at)
            at += 1 + label
            place = places.get(wire[at:])
        end, pointers = place or (b"\0", 0)
        if pointers < MOST_POINTERS:
            for start in starts:
                if start <= _FARTHEST:
                    places[wire[start - here :]] = (_pointer(start), pointers + 1)
        return wire[:at] + end

    def forget(self, start: int) -> None:
        """Drop the names from `start` on: the records that they stood in were taken back."""
        if start <= _FARTHEST:
            end = _pointer(start)
            self._places = {name: place for name, place in self._places.items() if place[0] < end}


def _pointer(at: int) -> bytes:
    return (_POINTER | at).to_bytes(2, "big")
