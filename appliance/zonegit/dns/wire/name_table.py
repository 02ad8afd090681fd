"""The names that a message holds, and pointers to them (RFC 1035 §4.1.4).

A name can end in a pointer to a name that itself ends in a pointer; a reader follows both. Widely used readers stop
at 10 or 16 pointers and drop the message, so no name points to one that needs `MOST_POINTERS`.

A name is split into labels once, however often it is written. After `MOST_LABELS` labels no more names are split: a
name is then written whole, unless the message has all of it.
"""

from typing import Final

MOST_POINTERS: Final = 8
"""The most compression pointers that a reader follows for one name."""
MOST_LABELS: Final = 1024
"""The most labels that are looked at for one message."""
_FARTHEST: Final = 0x3FFF
POINTER: Final = 0xC000
"""A compression pointer to offset 0."""


class NameTable:
    """The names of one message and their ancestors, without the root, which is shorter than a pointer."""

    __slots__ = ("_behind", "_depths", "_far", "_places", "_unseen")

    def __init__(self, name: bytes, start: int) -> None:
        """`name` is at `start`, uncompressed, like that of a question."""
        self._places: dict[bytes, bytes] = {}
        """Name -> the pointer to it."""
        self._depths: dict[bytes, int] = {}
        """Pointer -> how many pointers a reader follows from it, if more than one."""
        at = 0
        while label := name[at]:
            self._places[name[at:]] = (POINTER | start + at).to_bytes(2, "big")
            at += 1 + label
        self._behind = (POINTER | start + at).to_bytes(2, "big")
        """The pointer to the end of `name`: greater ones lead to other names."""
        self._far: dict[bytes, bytes] = {}
        """Names too far from the start to be pointed to -> how each is written."""
        self._unseen = MOST_LABELS
        """How many labels may still be looked at."""

    def short(self, wire: bytes, here: int) -> bytes:
        """The compressed form of a name that is written at `here` next. Later names may point to it."""
        known = self._places.get(wire) or self._far.get(wire)
        if known is None:
            known = self._shortened(wire, here)
            if here > _FARTHEST:
                self._far[wire] = known
        return known

    def _shortened(self, wire: bytes, here: int) -> bytes:
        """The same for a name that isn't known yet."""
        places = self._places
        taken = []
        at = 0
        rest = wire
        while (label := rest[0]) and self._unseen:
            self._unseen -= 1
            if here + at <= _FARTHEST:
                places[rest] = (POINTER | here + at).to_bytes(2, "big")
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
        """Note how many pointers the names just added, which end in `known`, need; drop those with too many."""
        depth = self._depths.get(known, 1) + 1
        for name in names:
            if depth < MOST_POINTERS:
                self._depths[self._places[name]] = depth
            else:
                del self._places[name]

    def forget(self, start: int) -> None:
        """Forget the names from `start` on: their records were removed again."""
        if start <= _FARTHEST:
            self._far.clear()
            end = (POINTER | start).to_bytes(2, "big")
            places, depths = self._places, self._depths  # both were filled from the start of the message on
            while places and places[name := next(reversed(places))] >= end:
                del places[name]
            while depths and (place := next(reversed(depths))) >= end:
                del depths[place]
