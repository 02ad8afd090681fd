"""Caches the list of missing commits between a fetch request and the next one, which resumes from its cursor.

A long history takes many responses, and listing it reads all its commits: doing so for every response would be most
of a server's work. A list that isn't cached (because of the bounds, a restart or another process) is computed
again.
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
"""Lists of at most this many ids aren't worth caching."""
MOST: Final = 1 << 18
"""The most ids in all lists together: about 20 MiB."""


class ClosureCache:
    """Lists of commits to walk, by want and have. A list stays valid; a commit deleted meanwhile is `NotFound`."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, Sequence[ObjectId]] = OrderedDict()
        self._size = 0

    def closure(self, store: Store, request: FetchRequest, due: Due, *, blind: bool = False) -> Work[Closure]:
        """The walk that a request asks for, moved to its cursor. `NotFound`; `Conflict` for a foreign cursor.

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
