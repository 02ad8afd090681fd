"""Finds what an operation changed in other zones: `batch`, `rename` and `ttl` move branches of several zones at
once.

The repository doesn't record which moves belong together. They are recognized by the same reason and author at
nearly the same time.
"""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Final

from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.repo.context import Context
from zonegit.repo.position import heads
from zonegit.repo.results import Alongside, Entry, Position
from zonegit.repo.undo import last_done
from zonegit.store.port import Reader

_JOINT: Final = ("batch: ", "rename: ", "ttl: ")
"""Prefixes of the reasons of operations that may concern several zones."""
_APART: Final = 5
"""The most seconds between the moves of one operation, which is one transaction."""
_ENTRIES: Final = 20
"""The most operations that are read of each branch."""
_HEADS: Final = 2_000
"""The most branches that are read."""


def alongside(context: Context, place: Position, operation: Entry) -> tuple[Alongside, ...]:
    """The moves of other zones' branches by the same operation that aren't undone."""
    if not operation.reason.startswith(_JOINT):
        return ()
    found = []
    with context.store.read() as reader:
        for ref in islice(heads(reader), _HEADS):
            if ref.zone != place.zone and (same := _same(reader, Position(ref.zone, ref.name), operation)):
                commit, last = same
                found.append(Alongside(ref.zone, ref.name, commit, last))
    return tuple(found)


def _same(reader: Reader, place: Position, operation: Entry) -> tuple[ObjectId, bool] | None:
    """The commit that the operation made on a branch, and whether it is the last one there that isn't undone."""
    moves = reader.reflog(refs.head(place.zone, place.branch))
    entries = (Entry(number, each.old, each.new, each.who, each.reason) for number, each in enumerate(moves))
    for number, entry in enumerate(islice(iter(partial(last_done, entries), None), _ENTRIES)):
        if entry.who.time < operation.who.time - _APART:
            return None
        near = entry.who.time <= operation.who.time + _APART
        if near and (entry.reason, entry.who.name) == (operation.reason, operation.who.name) and entry.new:
            return entry.new, number == 0
    return None
