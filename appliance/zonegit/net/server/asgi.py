"""The types of ASGI that our applications use, and reading a request body within a bound."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, Final, TypeVar

from blake3 import blake3

T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
"""ASGI's own types: dictionaries whose keys depend on their `type`."""
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CLIENT_CERT: Final = "client_cert"
"""Key of a scope's `state`: SHA-256 of the client certificate's DER, lowercase hex; empty or absent if none."""
FRAME_BUDGET: Final = "frame_budget"
"""Key of a scope's `state`: the connection's `frame_budget.FrameBudget`; absent under another server."""
REQUEST_COST: Final = "request_cost"
"""Key of a scope's `state`: the units that the request cost of that budget; absent without one."""
REQUEST_LINE: Final = "request_line"
"""Key of a scope's `state`: `(method, path)` as they were sent, bytes; absent under another server."""
DRAIN: Final = 2 << 20
"""Bytes of an unwanted body that are read and discarded before the response: under HTTP/2's flow control, a body
that nobody reads blocks all streams of its connection."""


class Disconnected(Exception):
    """The client is gone."""


class BodyTooLarge(Exception):
    """The body exceeds its bound; the rest of it has been read and discarded, up to `DRAIN` bytes."""


async def read_body(
    receive: Receive, limit: int, *, keep: bool, room: Callable[[int], bool]
) -> tuple[bytes, bytes]:
    """`(body, its BLAKE3 digest)`; without `keep` it is only hashed. `room(n)` is asked before n bytes are kept."""
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
    """Read a body to its end, or up to `limit` bytes; whether it ended."""
    async for part in _parts(receive):
        limit -= len(part)
        if limit <= 0:
            return False
    return True


async def until_disconnect(receive: Receive, work: Coroutine[None, None, T]) -> T:
    """The result of `work`, which is cancelled when the client disconnects (`Disconnected`).

    Nothing else would cancel it. The rest of the body is read and discarded meanwhile: nobody else takes it from
    Hypercorn's queue, and while that is full, the connection is not read and its end is not noticed.
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
