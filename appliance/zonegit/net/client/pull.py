"""Drives a `sync.session`: several concurrent streams, inserted in the order of arrival (`batch_writer`).

Streams are spread over as many connections as the peer has processes, within the session's bound. A stream whose
connection breaks is requested again, from where it stopped: requests are idempotent.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final

from zonegit.errors import InvalidData, InvalidFrame, LimitExceeded, StoreError, SyncCut, ZonegitError
from zonegit.model.commit import Stamp
from zonegit.net.client.batch_writer import BatchWriter
from zonegit.net.client.peer import Interrupted, OpenStream, PeerClient
from zonegit.store.port import Store
from zonegit.sync import ref_sketch
from zonegit.sync.known_refs import KnownRefs, joined
from zonegit.sync.mirror import Moved
from zonegit.sync.ref_diff import MANY, holds_many, supposes_much
from zonegit.sync.session import Ask, Session
from zonegit.sync.sketch import width_for
from zonegit.sync.wire import CROWDED, PeerRefs

_GUESSED: Final = 250
"""Most moved refs that the first sketch allows for: it has 8 KB then."""
_SKETCHES: Final = 3
"""Most sketches in a row: the second one is nearly always wide enough."""
PARTS: Final = 16
"""A peer's refs may take this many times the bytes of one answer, at about 60 bytes each."""
_TOO_MANY: Final = "the peer has more refs than are taken from it: raise refs_bytes in its limits"

log = logging.getLogger(__name__)


async def latest_refs(
    peer: PeerClient, store: Store, name: str, root: str = "", wait: int = 0, tracked: KnownRefs | None = None
) -> PeerRefs | None:
    """The refs of a peer tracked here as `name`, by the cheapest way; None if their root is still `root`.

    A node that holds many of them waits for a move without asking for the list, and then asks what differs. With
    `tracked`, which is kept from one exchange to the next, only the differences are returned.
    """
    with store.read() as reader:
        many = holds_many(reader, name)
        alike = not root and supposes_much(reader, name)
    if not many and not (tracked is not None and tracked.shows_many):
        try:
            listed = (await _assumed(peer, store, name) if alike else None) or await peer.refs(root, wait)
        except LimitExceeded:  # the list is too long for one answer
            tracked = None
        else:
            if tracked is not None and listed is not None:
                tracked.shows_many = listed.lists.total > MANY
            return listed
    if root and not await peer.moved(root, wait):
        return None
    held = tracked or KnownRefs(name)
    await asyncio.to_thread(_catch_up, store, held)
    moved = 0 if tracked is not None else await asyncio.to_thread(_moved_here, store, held)
    found = await _by_sketch(peer, held, moved)
    if found is None:
        found = await _by_buckets(peer, held)
    return found if tracked is not None else await asyncio.to_thread(held.complete, found)


async def _assumed(peer: PeerClient, store: Store, name: str) -> PeerRefs | None:
    """All refs of a peer that was never asked, from how they differ from our own; None if too many do."""
    epoch = await peer.epoch()

    def own() -> KnownRefs:
        with store.read() as reader:
            return KnownRefs.assumed(reader, name, epoch)

    held = await asyncio.to_thread(own)
    found = await _by_sketch(peer, held)
    return None if found is None else await asyncio.to_thread(held.complete, found)


async def _by_buckets(peer: PeerClient, held: KnownRefs) -> PeerRefs:
    """The differences, in as many parts as it takes."""
    parts: list[PeerRefs] = []
    first = 0
    while not parts or first:
        change = await peer.changes(await asyncio.to_thread(held.question, first))
        parts.append(await asyncio.to_thread(held.differences, change))
        if change.epoch != parts[0].epoch or 0 < change.next <= first:
            raise InvalidData("the peer's refs can't be put together: its answers contradict each other")
        size = sum(part.lists.size for part in parts)
        if size > PARTS * peer.bounds.refs_bytes:
            raise LimitExceeded(_TOO_MANY)
        first = change.next
    return await asyncio.to_thread(joined, parts)


async def _by_sketch(peer: PeerClient, held: KnownRefs, moved: int = 0) -> PeerRefs | None:
    """The differences, in one or two round trips; None if only the buckets can tell.

    `moved`: how many refs may have moved, so that the first sketch is wide enough. Each is two elements.
    """
    width, fine = ref_sketch.FIRST, ref_sketch.FINE
    if moved > ref_sketch.FIRST_MOVED:
        width, fine = width_for(2 * min(moved, _GUESSED), above=width), 0
    for _ in range(_SKETCHES if held.epoch else 0):
        answer = await peer.sketched(await asyncio.to_thread(held.sketch, width, fine))
        if answer is None:
            return None
        if answer.differ is None:
            return await asyncio.to_thread(held.resolved, answer)
        width, fine = width_for(answer.differ, above=width), 0
        if not width:
            return None
    return None


def _catch_up(store: Store, held: KnownRefs) -> None:
    with store.read() as reader:
        held.catch_up(reader)


def _moved_here(store: Store, held: KnownRefs) -> int:
    with store.read() as reader:
        return held.moved_here(reader)


async def pull(peer: PeerClient, session: Session, who: Stamp) -> Moved:
    """Fetch all that the session needs, and move the refs. On failure the connection is dropped and no ref moves.

    The group of streams runs in its own task: after a failure, that task still counts as cancelled (until Python
    3.13), and a timeout in it would end it (until Python 3.11.3, so on Debian 12).
    """
    before = _cancellations()
    try:
        await asyncio.create_task(_Pull(peer, session).run())
    except BaseException as error:
        await peer.close()
        if _cancellations() > before:  # a group that fails at that moment reports its failures alone
            raise asyncio.CancelledError from None
        if isinstance(error, ExceptionGroup):
            raise _first(error) from None
        raise
    return await asyncio.to_thread(session.finish, who)


def _cancellations() -> int:
    """How often this task was asked to cancel."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


class _Pull:
    def __init__(self, peer: PeerClient, session: Session) -> None:
        self._peer = peer
        self._session = session
        self._writer = BatchWriter(session)
        self._streams = {peer: 0}
        """Streams on each connection."""

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                self._ask_more(group)
        finally:
            for extra in list(self._streams)[1:]:
                await extra.close()

    def _ask_more(self, group: asyncio.TaskGroup) -> None:
        for ask in self._session.next():
            group.create_task(self._transfer(group, ask))

    async def _transfer(self, group: asyncio.TaskGroup, ask: Ask) -> None:
        if ask.lost:
            await asyncio.sleep(_pause(ask.lost))
        try:
            await self._exchange(group, ask)
        except ZonegitError as error:
            if not isinstance(error, StoreError):  # a second write would fail too
                await self._keep(ask, error)
            if not isinstance(error, Interrupted) or not self._session.lost(ask.number):
                raise
            log.info("a stream was interrupted and continues where it stopped: %s: %s", self._session.peer, error)
        self._ask_more(group)

    async def _exchange(self, group: asyncio.TaskGroup, ask: Ask) -> None:
        async with self._connection() as peer, peer.stream(ask) as answer:
            if isinstance(answer, OpenStream):
                await self._receive(group, ask, answer)
            elif answer.error == "too_many_fetches":  # the server may not have noticed yet that others broke
                raise Interrupted("the peer has as many fetches of this key as it allows")
            elif answer.error == CROWDED:  # as above, or other secondaries use the key
                raise Interrupted(answer.message)
            else:
                self._session.declined(ask.number, answer.error)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[PeerClient]:
        """The connection with the fewest streams; a new one while all have some and more are allowed."""
        peer = min(self._streams, key=self._streams.__getitem__)
        if self._streams[peer] and len(self._streams) < self._session.connections:
            peer = self._peer.beside()
            self._streams[peer] = 0
        self._streams[peer] += 1
        try:
            yield peer
        finally:
            self._streams[peer] -= 1

    async def _receive(self, group: asyncio.TaskGroup, ask: Ask, answer: OpenStream) -> None:
        """Receive a stream, at most one batch ahead of what is being inserted.

        What the stream before it left waiting counts, too: a peer may end each after one batch.
        """
        session = self._session
        session.opened(ask.number, answer.check)
        taken = self._writer.newest
        async with aclosing(answer.chunks) as chunks:
            async for chunk in chunks:
                for batch in session.received(ask.number, chunk):
                    if taken is not None:
                        await taken
                    taken = self._writer.add(batch)
                    if self._writer.is_idle:
                        group.create_task(self._writer.write())
        if not session.goes_on(ask.number):
            await self._writer.write()
        session.ended(ask.number)

    async def _keep(self, ask: Ask, error: ZonegitError) -> None:
        """Keep what arrived completely, unless that is what was wrong."""
        if isinstance(error, InvalidData) and not isinstance(error, InvalidFrame | SyncCut):
            await asyncio.to_thread(self._session.distrust, ask.number)
        else:
            for batch in self._session.broken(ask.number):
                self._writer.add(batch)
            await self._writer.write()


def _pause(lost: int) -> float:
    """Seconds before the next attempt: about 0.1, doubled with each that brought nothing."""
    return random.uniform(0.05, 0.1) * 2.0 ** (lost - 1)  # noqa: S311  no secret


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The failure that ended a pull: one of ours if there is one, since it names the reason."""
    found = [_first(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return next((error for error in found if isinstance(error, ZonegitError)), found[0])
