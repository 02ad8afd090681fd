"""The shapes of ASGI that our applications use, and reading a request's body within a bound."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final, TypeVar

from blake3 import blake3

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
"""ASGI's own types: dictionaries whose members depend on their `type`."""
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLIENT_CERT: Final = "client_cert"
"""Member of a scope's `state`: SHA-256 of the client certificate's DER, lowercase hex; empty or absent if none."""
FRAME_BUDGET: Final = "frame_budget"
"""Member of a scope's `state`: the connection's `net.h2_bounds.FrameBudget`; absent where another server serves."""
REQUEST_COST: Final = "request_cost"
"""Member of a scope's `state`: what the request cost of that budget; absent where that is."""
REQUEST_LINE: Final = "request_line"
"""Member of a scope's `state`: `(method, path)` as they were sent, bytes; absent where another server serves."""
DRAIN: Final = 2 << 20
"""Bytes of an unwanted body that are read and thrown away before the answer: with HTTP/2's flow control all streams
of a connection wait for a body that nobody reads."""


class Disconnected(Exception):
    """The client is gone."""


class BodyTooLarge(Exception):
    """The body is larger than its bound; the rest of it has been read and thrown away, as far as `DRAIN`."""


async def read_body(
    receive: Receive, limit: int, *, keep: bool, room: Callable[[int], bool]
) -> tuple[bytes, bytes]:
    """`(body, its BLAKE3 digest)`; without `keep` it is only hashed. `room` is asked before bytes are kept."""
    parts: list[bytes] = []
    digest = blake3()
    size = 0
    fits = True
    async for part in _parts(receive):
        size += len(part)
        fits = fits and size <= limit and (not keep or room(len(part)))
        if fits:
            digest.update(part)
            if keep:
                parts.append(part)
        elif size > DRAIN:
            break
        else:
            parts.clear()
    if not fits:
        raise BodyTooLarge
    return b"".join(parts), digest.digest()


async def drain(receive: Receive, limit: int = DRAIN) -> bool:
    """Read a body to its end, or so far; whether that was its end."""
    async for part in _parts(receive):
        limit -= len(part)
        if limit <= 0:
            return False
    return True


async def until_gone(receive: Receive, work: Coroutine[None, None, T]) -> T:
    """What the work returns; given up when the client disconnects (`Disconnected`), which nothing else would do.

    What still comes of the body is thrown away meanwhile. Nobody else would take it from Hypercorn's queue, and
    while that is full the connection isn't read, nor its end noticed, for ever.
    """
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Disconnected
        return await task
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _parts(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]
