"""A peer's answer to one signed request: read within its bounds, and believed once its MAC is right.

A stream's MAC is in its end and is checked by `sync.frames`; any other answer's is in a header. Refused: answers
that are too long or come too slowly, and whatever nobody signed.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final

import httpx
from blake3 import blake3

from zonegit.auth.key import Key
from zonegit.auth.scheme import check_response, parse_signature, sign_response
from zonegit.errors import LimitExceeded, NotAuthorised, Unreachable
from zonegit.sync import wire
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.limits import ClientLimits

WHOLE: Final = 1 << 20
"""Bytes of an answer that isn't refs nor a stream."""
_SIGNATURE: Final = "zg-signature"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer whose head is here."""

    response: httpx.Response
    key: Key
    """The request's, and so the answer's."""
    mac: str
    """Of the request."""
    aud: str
    """The peer's name, as the request was signed for it."""
    bounds: ClientLimits
    heard: Callable[[int], None]
    """Called with the peer's time, in Unix seconds, once its signature has passed."""

    @property
    def status(self) -> int:
        return self.response.status_code

    @property
    def content_type(self) -> str:
        return str(self.response.headers.get("content-type", ""))

    @property
    def is_stream(self) -> bool:
        return self.status == 200 and self.content_type == CONTENT_TYPE

    @property
    def refuses_key(self) -> bool:
        """Whether the peer refuses the key, without saying why. (A clock that is off is told in a signed answer.)

        429 is what it says in place of 401 where too many keys were refused; a key that it takes is never among
        those.
        """
        return self.status in (401, 429) and _SIGNATURE not in self.response.headers

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. `Unreachable` when it comes too slowly. To be closed."""
        return paced(self.response.aiter_raw(), self.bounds)

    def check(self, ts: int, digest: bytes, found: bytes) -> bool:
        """Whether a stream's MAC is the one for this answer (`sync.frames.Check`)."""
        expected = sign_response(self.key, self.mac, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest)
        return compare_digest(expected, found)

    async def read(self, limit: int = WHOLE) -> bytes:
        """The whole body, which nobody has vouched for yet. `LimitExceeded`, `Unreachable`."""
        parts = []
        size = 0
        async with aclosing(self.chunks()) as chunks:
            async for part in chunks:
                size += len(part)
                if size > limit:
                    raise LimitExceeded(f"the peer's answer is longer than {limit} bytes")
                if part:
                    parts.append(part)
        return b"".join(parts)

    async def authentic(self, limit: int = WHOLE) -> bytes:
        """The whole body of an answer whose signature is right. `NotAuthorised` for any other, and for a 403.

        `Unreachable` for an unsigned 5xx, which a proxy sends for a peer that is away.
        """
        body = await self.read(limit)
        signed = self.response.headers.get(_SIGNATURE)
        if signed is None:
            raise self._unsigned()
        signature = parse_signature(signed.encode("latin-1"))
        digest = blake3(body).digest()
        if not check_response(
            self.key, self.mac, signature, status=self.status, content_type=self.content_type, digest=digest
        ):
            raise NotAuthorised("the peer's answer has a wrong signature; it was changed on its way")
        self.heard(signature.ts)
        if self.status == 403:
            raise NotAuthorised(
                f"the peer takes key {self.key.kid}, but lets it read nothing: "
                "its file there needs a scope like read:*"
            )
        return body

    async def content(self, limit: int) -> bytes:
        """The body of an authentic 200; any other authentic answer is `Unreachable`."""
        body = await self.authentic(limit)
        if self.status != 200:
            raise Unreachable(self.declined(wire.decode_error(body)[0]))
        return body

    def declined(self, error: str) -> str:
        """What to say of an authentic error."""
        if error == wire.CROWDED:
            return (
                f"the peer has as many connections with key {self.key.kid} from this address as it takes: "
                "give each secondary its own key, or raise connections_per_source there"
            )
        return f"the peer answers {self.status} {error}".rstrip()

    async def clock(self) -> int | None:
        """The peer's time in Unix seconds, if it says authentically that ours is off."""
        if self.status != 401 or _SIGNATURE not in self.response.headers:
            return None
        error, now = wire.decode_error(await self.authentic())
        return now if error == "clock_skew" else None

    def _unsigned(self) -> NotAuthorised | Unreachable:
        if self.status >= 500:
            return Unreachable(f"something on the way to the peer, or the peer itself, answers {self.status}")
        if not self.refuses_key:
            return NotAuthorised(f"the peer's answer {self.status} is not signed; is that a zonegit server?")
        refused = f"the peer refuses key {self.key.kid} (or its name isn't {self.aud!r})"
        if self.status == 401:
            return NotAuthorised(
                f"{refused}: check that both sides have the same key file, "
                "and that it is neither retired nor out of its time"
            )
        wait = self.response.headers.get("retry-after", "")[:6]
        return NotAuthorised(
            f"{refused}, and had too many failures from this address to answer more of them "
            f"before {wait or 'some'} s are over"
        )


async def paced(chunks: AsyncIterator[bytes], bounds: ClientLimits) -> AsyncGenerator[bytes, None]:
    """Pass an answer on. `Unreachable` where it comes more slowly than `bounds.slowest`, or takes `answer_seconds`.

    Time that the reader of this stream takes doesn't count.
    """
    seconds, left = bounds.slowest_over, bounds.answer_seconds
    waited = 0.0
    size = 0
    iterator = aiter(chunks)
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(min(seconds, left)):  # a busy connection may carry nothing of the stream
                chunk = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError:
            if left <= seconds:
                raise Unreachable(_long(bounds)) from None
            raise Unreachable(f"the peer sent nothing of its answer for {seconds:.0f} s; giving up") from None
        took = time.monotonic() - started
        waited += took
        left -= took
        if left <= 0:
            raise Unreachable(_long(bounds))
        size += len(chunk)
        if waited >= seconds:
            if size < bounds.slowest * waited:
                raise Unreachable(f"the peer sent {size} bytes in {waited:.0f} s; giving up")
            waited, size = 0.0, 0
        yield chunk


def _long(bounds: ClientLimits) -> str:
    return (
        f"the peer's answer takes more than {bounds.answer_seconds:.0f} s; giving up "
        "(on a slow line raise answer_seconds in [primary.limits])"
    )
