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

    __slots__ = ("_behind", "_depths", "_places")

    def __init__(self, name: bytes, start: int) -> None:
        """`name` stands at `start` without a pointer, as that of a question does."""
        self._places: dict[bytes, bytes] = {}
        """Name -> the pointer to it."""
        self._depths: dict[bytes, int] = {}
        """Pointer -> how many pointers a reader follows where it leads, if that is more than one."""
        at = 0
        while label := name[at]:
            self._places[name[at:]] = (_POINTER | start + at).to_bytes(2, "big")
            at += 1 + label
        self._behind = (_POINTER | start + at).to_bytes(2, "big")
        """A pointer to what is no part of `name`."""

    def short(self, wire: bytes, here: int) -> bytes:
        """The short form of a name that is written at `here` next; other names may point to it from then on."""
        places = self._places
        known = places.get(wire)
        if known is not None:
            return known
        at = 0
        while label := wire[at]:
            if here + at <= _FARTHEST:
                places[wire[at:]] = (_POINTER | here + at).to_bytes(2, "big")
            at += 1 + label
            known = places.get(wire[at:])
            if known is not None:
                if known > self._behind:
                    self._deepen(wire[:at], wire[at:], known)
                return wire[:at] + known
        return wire

    def _deepen(self, labels: bytes, end: bytes, known: bytes) -> None:
        """Note how deep the names are that were just put in and end in this pointer; drop what is too deep."""
        depth = self._depths.get(known, 1) + 1
        at = 0
        while at < len(labels):
            name = labels[at:] + end
            place = self._places.get(name)
            if place is not None and depth < MOST_POINTERS:
                self._depths[place] = depth
            elif place is not None:
                del self._places[name]
            at += 1 + labels[at]

    def forget(self, start: int) -> None:
        """Drop the names from `start` on: the records that they stood in were taken back."""
        if start <= _FARTHEST:
            end = (_POINTER | start).to_bytes(2, "big")
            self._places = {name: place for name, place in self._places.items() if place < end}
            self._depths = {place: depth for place, depth in self._depths.items() if place < end}
