"""The names that a message holds, and pointers to them (RFC 1035 §4.1.4).

A name can end in a pointer to a name that ends in a pointer itself: its reader follows both. Widely used readers
stop at 10 or 16 pointers and drop the message, so no other name points to one that needs `MOST_POINTERS`.

Each name is taken apart once, however often it is written, and after `MOST_LABELS` labels none is any more: it is
written whole, unless the message has all of it.
"""

from typing import Final

MOST_POINTERS: Final = 8
"""Compression pointers that a reader follows for one name, at most."""
MOST_LABELS: Final = 1024
"""Labels that are looked at for one message."""
_FARTHEST: Final = 0x3FFF
_POINTER: Final = 0xC000


class NameTable:
    """The names of one message and their ancestors, but for the root: it is shorter than a pointer."""

    __slots__ = ("_behind", "_depths", "_far", "_places", "_unseen")

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
        self._far: dict[bytes, bytes] = {}
        """Names that stand too far from the start to be pointed to -> how each is written."""
        self._unseen = MOST_LABELS
        """Labels that may yet be looked at."""

    def short(self, wire: bytes, here: int) -> bytes:
        """The short form of a name that is written at `here` next; other names may point to it from then on."""
        known = self._places.get(wire) or self._far.get(wire)
        if known is None:
            known = self._shortened(wire, here)
            if here > _FARTHEST:
                self._far[wire] = known
        return known

    def _shortened(self, wire: bytes, here: int) -> bytes:
        """The same for a name that is taken apart now."""
        places = self._places
        taken = []
        at = 0
        rest = wire
        while (label := rest[0]) and self._unseen:
            self._unseen -= 1
            if here + at <= _FARTHEST:
                places[rest] = (_POINTER | here + at).to_bytes(2, "big")
                taken.append(rest)
            at += 1 + label
            rest = rest[1 + label :]
            known = places.get(rest)
            if known is not None:
                if known > self._behind:
                    self._deepen(taken, known)
                return wire[:at] + known
        return wire

    def _deepen(self, names: list[bytes], known: bytes) -> None:
        """Note how deep the names are that were just put in and end in this pointer; drop what is too deep."""
        depth = self._depths.get(known, 1) + 1
        for name in names:
            if depth < MOST_POINTERS:
                self._depths[self._places[name]] = depth
            else:
                del self._places[name]

    def forget(self, start: int) -> None:
        """Drop the names from `start` on: the records that they stood in were taken back."""
        if start <= _FARTHEST:
            self._far.clear()
            end = (_POINTER | start).to_bytes(2, "big")
            places, depths = self._places, self._depths  # both were filled from the start of the message on
            while places and places[name := next(reversed(places))] >= end:
                del places[name]
            while depths and (place := next(reversed(depths))) >= end:
                del depths[place]
