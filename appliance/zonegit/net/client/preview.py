"""A preview of a fetch, which stores nothing: how much is missing here, and which commits lead to what is here."""

import asyncio
from collections.abc import Sequence
from typing import Final

from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId
from zonegit.net.client.objects import fetch_objects
from zonegit.net.client.peer import PeerClient
from zonegit.repo.ancestry import Objects
from zonegit.store.port import Store
from zonegit.sync.limits import MAX_WANTS
from zonegit.sync.wire import FetchRequest

MOST_STEPS: Final = 64
"""Generations of commits to look at; each is a round trip."""


class Overlay:
    """The objects of a store, and some more beside them."""

    def __init__(self, objects: Objects, more: dict[ObjectId, bytes]) -> None:
        self._objects = objects
        self._more = more

    def get(self, oid: ObjectId) -> bytes:
        found = self._more.get(oid)
        return self._objects.get(oid) if found is None else found

    def has(self, oid: ObjectId) -> bool:
        return oid in self._more or self._objects.has(oid)


async def count_lacking(peer: PeerClient, want: Sequence[ObjectId], have: Sequence[ObjectId]) -> tuple[int, int]:
    """How many objects `want` reaches and `have` doesn't, and their bytes."""
    objects = size = 0
    for at in range(0, len(want), MAX_WANTS):
        cursor = b""
        while True:
            request = FetchRequest(tuple(want[at : at + MAX_WANTS]), tuple(have), cursor)
            answer = await peer.walk(request)
            objects += answer.objects
            size += answer.size
            if not answer.cursor or not answer.objects:
                break
            cursor = answer.cursor
    return objects, size


async def commits_above(peer: PeerClient, store: Store, tips: Sequence[ObjectId]) -> dict[ObjectId, bytes] | None:
    """The commits between `tips` and what is here, and tags on the way; None if there are too many."""
    found: dict[ObjectId, bytes] = {}
    wanted = list(dict.fromkeys(tips))
    for _ in range(MOST_STEPS):
        if not wanted:
            return found
        got = await fetch_objects(peer, wanted)
        found |= got
        wanted = await asyncio.to_thread(_above, store, found, got)
    return None


def _above(store: Store, found: dict[ObjectId, bytes], got: dict[ObjectId, bytes]) -> list[ObjectId]:
    """The parents and targets of these objects that are not known yet."""
    parents: dict[ObjectId, None] = {}
    for data in got.values():
        if data[0] == Kind.COMMIT:
            parents |= dict.fromkeys(Commit.decode(data).parents)
        elif data[0] == Kind.TAG:
            parents[Tag.decode(data).target] = None
    with store.read() as reader:
        return [oid for oid in parents if oid not in found and not reader.has(oid)]
