"""Objects that keys have pushed lately and that no ref points to yet, so that an interrupted push can resume.

Only the roots are kept, to which no other pushed object points: the pusher knows everything below them. Each
process remembers its own; what is forgotten has to be sent again.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

from zonegit.model.ids import ObjectId, object_id
from zonegit.store.reachable import children

_KEYS: Final = 64
_TOPS: Final = 1 << 16
"""The most roots of a key."""


class RecentPushes:
    """Roots of pushed objects, by the id of the key."""

    def __init__(self) -> None:
        self._tops: OrderedDict[str, dict[ObjectId, None]] = OrderedDict()

    def tops(self, kid: str) -> list[ObjectId]:
        """The objects that this key has pushed and to which none of its other pushed objects points."""
        return list(self._tops.get(kid, ()))

    def add(self, kid: str, objects: Iterable[bytes]) -> None:
        """Note that these objects were stored."""
        tops = self._tops.pop(kid, {})
        self._tops[kid] = tops
        for data in objects:
            for child in children(data):
                tops.pop(child, None)
            tops[object_id(data)] = None
        while len(tops) > _TOPS:
            del tops[next(iter(tops))]
        if len(self._tops) > _KEYS:
            self._tops.popitem(last=False)

    def drop(self, kid: str, gone: Iterable[ObjectId]) -> None:
        """Note that these objects were deleted."""
        tops = self._tops.get(kid, {})
        for oid in gone:
            tops.pop(oid, None)
