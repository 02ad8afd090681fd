"""Lists of missing commits, remembered from one request to the one that goes on from its cursor.

A long history takes many responses, and listing it takes a look at each of its commits: done for every response
that would be most of a server's work. What is forgotten (bounds, another process, a restart) is listed anew.
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import chain
from typing import Final

from blake3 import blake3

from zonegit.model.ids import ObjectId
from zonegit.store.port import Reader, Store
from zonegit.sync.closure import Closure, Position
from zonegit.sync.wire import FetchRequest
from zonegit.sync.work import Due, Work, in_reads

FEW: Final = 256
"""Lists up to this long are made faster than they are worth keeping."""
MOST: Final = 1 << 18
"""Ids kept in all lists together: about 20 MiB."""


class Plans:
    """What to walk, by want and have. A list stays right; what of it was deleted meanwhile is `NotFound`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Sequence[ObjectId]] = OrderedDict()
        self._size = 0

    def closure(self, store: Store, request: FetchRequest, due: Due, *, blind: bool = False) -> Work[Closure]:
        """The walk that a request asks for, at its cursor. `NotFound`, `Conflict` for a foreign cursor.

        `blind` as in `Closure`.
        """
        counts = (len(request.want) << 1 | blind).to_bytes(4, "big")
        key = blake3(b"".join(chain((counts,), request.want, request.have))).digest()
        items = self._kept.get(key) if request.cursor else None
        with store.read() as reader:
            closure = Closure(reader, request.want, request.have, items, blind=blind)
        steps = closure.prepare()

        def go_on(reader: Reader) -> bool:
            closure.objects = reader
            return all(not due() for _ in steps)

        yield from in_reads(store, go_on)
        if request.cursor:
            with store.read() as reader:
                closure.objects = reader
                closure.seek(Position.decode(request.cursor))
        if closure.position is not None:
            self._keep(key, closure.items)
        return closure

    def _drop(self, key: bytes) -> None:
        self._size -= len(self._kept.pop(key, ()))

    def _keep(self, key: bytes, items: Sequence[ObjectId]) -> None:
        if not FEW < len(items) <= MOST:
            return
        self._drop(key)
        self._kept[key] = items
        self._size += len(items)
        while self._size > MOST:
            self._drop(next(iter(self._kept)))
