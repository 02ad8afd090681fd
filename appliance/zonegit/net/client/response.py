"""A peer's answer to one signed request: read within its bounds, and trusted once its MAC is right.

A stream's MAC is at its end and is checked by `sync.frames`; that of any other answer is in a header. Refused:
answers that are too long, too slow, or unsigned.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from hmac import compare_digest
from typing import Final, NamedTuple

import httpx
from blake3 import blake3

from zonegit.auth.key import Key
from zonegit.auth.scheme import check_response, parse_signature, sign_response
from zonegit.errors import LimitExceeded, NotAuthorised, Unreachable
from zonegit.sync import wire
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.limits import ClientLimits

WHOLE: Final = 1 << 20
"""Bytes of an answer that is neither refs nor a stream."""
_NO_READ: Final = "lets it read nothing: its file there needs a scope like read:*"
_SIGNATURE: Final = "zg-signature"


class BeyondScope(NotAuthorised):
    """The peer accepts the key, but doesn't allow it to do this."""


class PeerResponse(NamedTuple):
    """An answer whose head has arrived."""

    response: httpx.Response
    key: Key
    """The key of the request, which signs the answer too."""
    mac: str
    """The MAC of the request."""
    aud: str
    """The peer's name, as the request was signed for it."""
    bounds: ClientLimits
    heard: Callable[[int], None]
    """Called with the peer's time, in Unix seconds, once the signature is verified."""

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
    def is_signed(self) -> bool:
        """Whether it carries a signature, which is not verified yet."""
        return _SIGNATURE in self.response.headers

    @property
    def refuses_key(self) -> bool:
        """Whether the peer refuses the key, without saying why. (A wrong clock is reported in a signed answer.)

        After too many refused keys it answers 429 instead of 401, but never for a key that it accepts.
        """
        return self.status in (401, 429) and not self.is_signed

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body as it arrives. `Unreachable` if it arrives too slowly. Close it."""
        return paced(self.response.aiter_raw(), self.bounds)

    def check(self, ts: int, digest: bytes, found: bytes) -> bool:
        """Whether a stream's MAC is right for this answer (`sync.frames.Check`)."""
        expected = sign_response(self.key, self.mac, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest)
        return compare_digest(expected, found)

    async def read(self, limit: int = WHOLE) -> bytes:
        """The whole body, unverified. `LimitExceeded`, `Unreachable`."""
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

    async def authentic(self, limit: int = WHOLE, beyond: str = _NO_READ) -> bytes:
        """The whole body, verified. `NotAuthorised` without a valid signature, and for a 403.

        `beyond` says what a 403 means for the key. `Unreachable` for an unsigned 5xx, which a proxy sends for a
        peer that is down.
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
            raise NotAuthorised("the peer's answer has a wrong signature; it was changed on the way")
        self.heard(signature.ts)
        if self.status == 403:
            raise BeyondScope(f"the peer takes key {self.key.kid}, but {beyond}")
        return body

    async def content(self, limit: int) -> bytes:
        """The verified body of a 200; `Unreachable` for any other verified answer."""
        body = await self.authentic(limit)
        if self.status != 200:
            raise Unreachable(self.declined(wire.decode_error(body)[0]))
        return body

    def declined(self, error: str) -> str:
        """The message for a verified error."""
        if error == wire.CROWDED:
            return (
                f"the peer has as many connections with key {self.key.kid} from this address as it allows: "
                "give each secondary its own key, or raise connections_per_source there"
            )
        return f"the peer answers {self.status} {error}".rstrip()

    async def clock(self) -> int | None:
        """The peer's time in Unix seconds, if a verified answer says that ours is wrong."""
        if self.status != 401 or not self.is_signed:
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
                "and that it is neither retired nor outside its validity"
            )
        wait = self.response.headers.get("retry-after", "")[:6]
        return NotAuthorised(
            f"{refused}, and had too many failures from this address: it answers no more of them "
            f"for {wait or 'some'} s"
        )


async def paced(chunks: AsyncIterator[bytes], bounds: ClientLimits) -> AsyncGenerator[bytes, None]:
    """Pass an answer on. `Unreachable` if it arrives more slowly than `bounds.slowest`, or takes `answer_seconds`.

    The time that the reader of this stream takes doesn't count.
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
        "(on a slow link raise answer_seconds in [primary.limits])"
    )
