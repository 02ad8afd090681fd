"""The shapes of ASGI that our applications use, and reading a request's body within a bound."""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, Final

from blake3 import blake3

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


async def drain(receive: Receive, limit: int = DRAIN) -> None:
    """Read a body to its end, or so far."""
    async for part in _parts(receive):
        limit -= len(part)
        if limit <= 0:
            return


async def disconnected(receive: Receive) -> None:
    """Return when the client is gone. The body must have been read."""
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
