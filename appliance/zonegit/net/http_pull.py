"""Drives a `sync.session` over a peer: several streams at once, inserts in a thread, in the order they came.

Streams at once are spread over as many connections as the peer has processes, within the session's bound. A stream
whose connection breaks is asked for again, from where it stopped: requests are idempotent.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from zonegit.errors import InvalidData, InvalidFrame, StoreError, SyncCut, ZonegitError
from zonegit.model.commit import Stamp
from zonegit.net.http_client import HttpPeer, Interrupted, Opened
from zonegit.store.port import Store
from zonegit.sync.incoming import Batch
from zonegit.sync.mirror import Moved
from zonegit.sync.ref_diff import holds_many
from zonegit.sync.session import Ask, Session
from zonegit.sync.tracked import Tracked
from zonegit.sync.wire import CROWDED, PeerRefs

log = logging.getLogger(__name__)


async def latest_refs(
    peer: HttpPeer, store: Store, name: str, root: str = "", wait: int = 0, tracked: Tracked | None = None
) -> PeerRefs | None:
    """The refs of a peer tracked here as `name`, by the cheapest way; None when their root is still `root`.

    Who holds many of them waits for word that something moved, without a list, and then asks what differs. With
    what is `tracked` from one exchange to the next, only differences come back then.
    """
    with store.read() as reader:
        many = holds_many(reader, name)
    if not many:
        return await peer.refs(root, wait)
    if root and not await peer.moved(root, wait):
        return None
    held = tracked or Tracked(name)
    question = await asyncio.to_thread(_question, store, held)
    apply = held.complete if tracked is None else held.differences
    return await asyncio.to_thread(apply, await peer.changes(question))


def _question(store: Store, held: Tracked) -> bytes:
    with store.read() as reader:
        held.look(reader)
        return held.question()


async def pull(peer: HttpPeer, session: Session, who: Stamp) -> Moved:
    """Fetch all that the session needs and move the refs. On failure the connection is dropped and no ref moves.

    The group of streams has a task of its own: when it fails that task goes on counting as cancelled (until Python
    3.13), and a timeout in it would end it (until Python 3.11.3, so on Debian 12).
    """
    before = _cancellations()
    try:
        await asyncio.create_task(_Pull(peer, session).run())
    except BaseException as error:
        await peer.close()
        if _cancellations() > before:  # a group that fails just then tells of its failures alone
            raise asyncio.CancelledError from None
        if isinstance(error, ExceptionGroup):
            raise _first(error) from None
        raise
    return await asyncio.to_thread(session.finish, who)


def _cancellations() -> int:
    """How often the end of this task was asked for."""
    task = asyncio.current_task()
    return task.cancelling() if task is not None else 0


class _Pull:
    def __init__(self, peer: HttpPeer, session: Session) -> None:
        self._peer = peer
        self._session = session
        self._writing = asyncio.Lock()
        self._streams = {peer: 0}
        """How many each connection carries."""

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
            await self._exchange(ask)
        except ZonegitError as error:
            if not isinstance(error, StoreError):  # what couldn't be written now can't be a moment later either
                await self._keep(ask, error)
            if not isinstance(error, Interrupted) or not self._session.lost(ask.number):
                raise
            log.info("the stream from %s broke: %s; going on from where it stopped", self._session.peer, error)
        self._ask_more(group)

    async def _exchange(self, ask: Ask) -> None:
        async with self._connection() as peer, peer.stream(ask) as answer:
            if isinstance(answer, Opened):
                await self._receive(ask, answer)
            elif answer.error == "too_many_fetches":  # the server may not have noticed yet that others broke off
                raise Interrupted("the peer is at as many fetches of this key as it takes")
            elif answer.error == CROWDED:  # as above, or they are other secondaries'
                raise Interrupted(answer.told)
            else:
                self._session.turned_down(ask.number, answer.error)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[HttpPeer]:
        """The connection with the fewest streams; a new one while all have some and another is worth it."""
        peer = min(self._streams, key=self._streams.__getitem__)
        if self._streams[peer] and len(self._streams) < self._session.connections:
            peer = self._peer.beside()
            self._streams[peer] = 0
        self._streams[peer] += 1
        try:
            yield peer
        finally:
            self._streams[peer] -= 1

    async def _receive(self, ask: Ask, answer: Opened) -> None:
        session = self._session
        session.opened(ask.number, answer.check)
        async with aclosing(answer.chunks) as chunks:
            async for chunk in chunks:
                await self._insert(session.received(ask.number, chunk))
        session.ended(ask.number)

    async def _insert(self, batches: list[Batch]) -> None:
        for batch in batches:
            async with self._writing:
                await asyncio.to_thread(self._session.insert, batch)

    async def _keep(self, ask: Ask, error: ZonegitError) -> None:
        """Keep what arrived whole, unless it is what was wrong."""
        if isinstance(error, InvalidData) and not isinstance(error, InvalidFrame | SyncCut):
            async with self._writing:
                await asyncio.to_thread(self._session.distrust, ask.number)
        else:
            await self._insert(self._session.broken(ask.number))


def _pause(lost: int) -> float:
    """Seconds before the next try: about 0.1, doubled with each that brought nothing."""
    return random.uniform(0.05, 0.1) * 2.0 ** (lost - 1)  # noqa: S311  no secret


def _first(group: ExceptionGroup[Exception]) -> Exception:
    """The failure that ended a pull: ours if there is one, since it names the reason."""
    found = [_first(error) if isinstance(error, ExceptionGroup) else error for error in group.exceptions]
    return next((error for error in found if isinstance(error, ZonegitError)), found[0])
