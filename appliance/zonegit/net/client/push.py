"""Drives a `sync.pushing` session: one request after another, repeated after a connection broke."""

import asyncio
import logging
import random
import time

from zonegit.net.client.peer import Declined, Interrupted, PeerClient
from zonegit.sync.arrival import Result
from zonegit.sync.pushing import Push

log = logging.getLogger(__name__)


async def push(peer: PeerClient, session: Push) -> list[Result]:
    """Send everything of a prepared push; the results of its refs, in the order of its updates.

    `NotAuthorised` beyond the key's scope, `Unreachable`, `InvalidData`. On failure only refs with a result have
    moved, what arrived is kept, and another push continues from there.
    """
    await _drive(peer, session, probes=False)
    return session.results


async def measure(peer: PeerClient, session: Push) -> None:
    """Ask the peer what it has, as far as needed to tell how much is to be sent; nothing is written there."""
    await _drive(peer, session, probes=True)


async def _drive(peer: PeerClient, session: Push, *, probes: bool) -> None:
    try:
        while session.probing or not probes:
            request = await asyncio.to_thread(session.next)
            if request is None:
                return
            if request.lost:
                await asyncio.sleep(random.uniform(0.05, 0.1) * 2.0 ** (request.lost - 1))  # noqa: S311  no secret
            started = time.monotonic()
            try:
                answer = await peer.push(request.body)
            except Interrupted as error:
                if not session.lost():
                    raise
                log.info("a push was interrupted and continues where it stopped: %s: %s", session.peer, error)
                continue
            if isinstance(answer, Declined):
                await asyncio.to_thread(session.declined, answer.error, answer.message)
            else:
                await asyncio.to_thread(session.answered, answer, time.monotonic() - started)
    except BaseException:
        await peer.close()
        raise
