"""A peer's `/v0` over httpx: signed requests out, verified answers back. One connection, kept for long.

Nothing is believed before its MAC is right: a 304, an error, refs. A stream's MAC is in its end and is checked by
`sync.frames`. A clock that is off is corrected by a signed answer only, a key that is refused is replaced by
another valid one, each once for a request: keys can be turned in any order. After any failure the connection is
dropped: httpx never resets a stream that is given up, and a few of those make a connection hang.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

import httpx
from blake3 import blake3

from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call, check_response, parse_signature, sign_response
from zonegit.errors import ConfigError, InvalidData, LimitExceeded, NotAuthorised, Unreachable
from zonegit.net.http_connection import LOST, Connection
from zonegit.net.tls import client_context
from zonegit.ops.values import check_plaintext
from zonegit.sync import limits, ref_diff, wire
from zonegit.sync.frames import CONTENT_TYPE, Check
from zonegit.sync.ref_diff import Change
from zonegit.sync.session import Ask

ANSWER: Final = 1 << 20
"""Bytes of an answer that isn't refs nor a stream."""
PATIENCE: Final = 15.0
"""Seconds without a byte, beyond what a long-poll waits."""
RECYCLE: Final = 500
"""Requests of one connection. Hypercorn as shipped ends it at 1,000, with answers on their way."""
_NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What httpcore and httpx may raise over headers that make no sense: they check few of them."""

log = logging.getLogger(__name__)


class Interrupted(Unreachable):
    """The connection broke, or can't be made just now. The same may be asked again at once."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A stream that the peer began to send."""

    check: Check
    chunks: AsyncGenerator[bytes, None]
    """Ends with `Unreachable` when they come too slowly. To be closed."""


@dataclass(frozen=True, slots=True)
class Declined:
    """An authentic error instead of a stream."""

    error: str


@dataclass(frozen=True, slots=True)
class _Answer:
    response: httpx.Response
    key: Key
    """The request's, and so the answer's."""
    mac: str
    """Of the request."""


class HttpPeer:
    """A client of one peer. Use `close` when done."""

    def __init__(
        self,
        url: str,
        signer: Signer,
        *,
        tls: ssl.SSLContext | None = None,
        allow_plaintext: bool = False,
        bounds: limits.ClientLimits = limits.CLIENT,
    ) -> None:
        """`url` is `https://host:port`, or `http://` to loopback, or to anywhere if allowed. `ConfigError`.

        `tls` (`net.tls.client_context`) is for https; without it the system's CAs are trusted.
        """
        self._url = _base(url)
        check_plaintext(self._url, allow_plaintext)
        self.signer = signer
        self.bounds = bounds
        self.tls = tls
        """May be replaced at any time; it counts from the next connection on (`close`)."""
        self._connection: Connection | None = None
        self._sent = 0
        """Requests of this connection."""

    def beside(self) -> "HttpPeer":
        """The same peer over a connection of its own."""
        return HttpPeer(self._url, self.signer, tls=self.tls, allow_plaintext=True, bounds=self.bounds)

    async def close(self) -> None:
        """Drop the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        self._sent = 0
        if connection is not None:
            await connection.drop()

    async def refs(self, root: str = "", wait: int = 0) -> wire.PeerRefs | None:
        """The peer's refs; None when their root is still `root`, after at most `wait` seconds.

        `Unreachable`, `NotAuthorised`, `InvalidData`.
        """
        body = await self._refs(root, wait, "")
        if body is None:
            return None
        refs = wire.PeerRefs.decode(body)
        return refs if refs.root != root else None

    async def moved(self, root: str, wait: int) -> bool:
        """Whether the root of the peer's refs is another than `root`, after at most `wait` seconds; lists none."""
        body = await self._refs(root, wait, "return=minimal")
        return body is not None and wire.decode_root(body) != root

    async def changes(self, question: bytes) -> Change:
        """What differs from the refs that a question of `sync.ref_diff` tells."""
        async with self._ask("POST", ref_diff.PATH, wire.JSON_TYPE, question, {}, 0) as answer:
            body = await self._authentic(answer, self.bounds.refs_bytes)
            return Change.decode(_content(answer, body))

    async def _refs(self, root: str, wait: int, prefer: str) -> bytes | None:
        headers = {}
        if root:
            headers["if-none-match"] = f'"{root}"'
            headers["prefer"] = ", ".join(filter(None, (f"wait={wait}", prefer)))
        async with self._ask("GET", "/v0/refs", "", b"", headers, wait) as answer:
            body = await self._authentic(answer, self.bounds.refs_bytes)
            if answer.response.status_code == 304 and root:
                # If-None-Match and ETag are not signed; the Content-Type is, and names the root that was meant.
                if answer.response.headers.get("content-type") != f"{wire.JSON_TYPE}; root={root}":
                    raise InvalidData("the peer says that nothing changed since a state that wasn't asked about")
                return None
            return _content(answer, body)

    @asynccontextmanager
    async def stream(self, ask: Ask) -> AsyncIterator[Opened | Declined]:
        """Send a question of a session. `Interrupted` when the connection breaks, while it is read too."""
        async with self._ask("POST", ask.path, ask.content_type, ask.body, {}, 0) as answer:
            response = answer.response
            if response.status_code == 200 and response.headers.get("content-type") == CONTENT_TYPE:
                yield Opened(_checker(answer), self._paced(response))
                return
            body = await self._authentic(answer, ANSWER)
            yield Declined(wire.decode_error(body)[0] or str(response.status_code))

    @asynccontextmanager
    async def _ask(
        self, method: str, path: str, content_type: str, body: bytes, headers: dict[str, str], wait: int
    ) -> AsyncIterator[_Answer]:
        """Send a signed request, again by another key or by the peer's clock if need be; errors become ours."""
        used: Connection | None = None

        async def send(key: Key) -> _Answer:
            nonlocal used
            if used is not self._connection or used is None:
                used = await carrying.enter_async_context(self._open())
            return await self._send(used, key, method, path, content_type, body, headers, wait)

        await self._recycle()
        kept = self._connection
        try:
            async with AsyncExitStack() as carrying:
                try:
                    answer = await send(self.signer.key)
                except LOST:
                    if kept is None:
                        raise
                    if self._connection is kept:  # else another stream has opened a new one already
                        await self.close()  # the peer may have closed it just before we used it again
                    answer = await send(self.signer.key)
                other = await self._other_key(answer)
                if other:
                    answer = await send(other)
                    if _refused(answer.response):
                        self.signer.refused(other)
                if await self._skewed(answer):
                    await answer.response.aclose()
                    answer = await send(answer.key)
                if not _refused(answer.response):
                    self.signer.taken(answer.key)
                try:
                    yield answer
                finally:
                    await answer.response.aclose()
        except LOST as error:
            if self._connection is used:
                await self.close()
            kind = Unreachable if isinstance(error, httpx.TimeoutException) else Interrupted
            raise kind(f"{self._url} can't be reached: {_reason(error)}") from None

    async def _recycle(self) -> None:
        """Change an idle connection for a new one before a server's bound on its requests cuts answers off."""
        if self._sent >= RECYCLE and self._connection is not None and not self._connection.busy:
            await self.close()

    async def _send(
        self,
        connection: Connection,
        key: Key,
        method: str,
        path: str,
        content_type: str,
        body: bytes,
        headers: dict[str, str],
        wait: int,
    ) -> _Answer:
        authorization, mac = self.signer.sign(Call(method, path, content_type), blake3(body).digest(), key)
        headers = {**headers, "authorization": authorization}
        if content_type:
            headers["content-type"] = content_type
        client = connection.client
        self._sent += 1
        timeout = httpx.Timeout(PATIENCE, read=PATIENCE + wait)
        request = client.build_request(
            method, self._url + path, headers=headers, content=body or None, timeout=timeout
        )
        try:
            async with asyncio.timeout(3 * PATIENCE + wait):  # whatever the peer sends in place of an answer
                return _Answer(await client.send(request, stream=True), key, mac)
        except (TimeoutError, *_NONSENSE) as error:
            await self.close()
            raise httpx.RemoteProtocolError(_reason(error)) from None

    def _open(self) -> Connection:
        if self._connection is None:
            secure = self._url.startswith("https:")
            self._connection = Connection((self.tls or client_context(None, None)) if secure else False)
        return self._connection

    async def _other_key(self, answer: _Answer) -> Key | None:
        """The key to try once instead of one that the peer refuses; the answer is read to its end then."""
        if not _refused(answer.response):
            return None
        other = self.signer.refused(answer.key)
        if other is not None:
            log.warning("the peer refuses key %s; trying %s", answer.key.kid, other.kid)
            await self._read(answer.response, ANSWER)
            await answer.response.aclose()
        return other

    async def _skewed(self, answer: _Answer) -> bool:
        """Whether the peer told us its clock, in an authentic answer; then ours follows it from now on."""
        if answer.response.status_code != 401 or "zg-signature" not in answer.response.headers:
            return False
        error, now = wire.decode_error(await self._authentic(answer, ANSWER))
        if error != "clock_skew" or now is None:
            return False
        self.signer.correct(now)
        return True

    async def _authentic(self, answer: _Answer, limit: int) -> bytes:
        """The whole body of an answer whose signature is right."""
        response = answer.response
        body = await self._read(response, limit)
        signed = response.headers.get("zg-signature")
        if signed is None:
            raise _unsigned(response, answer.key, self.signer.aud)
        key = answer.key
        signature = parse_signature(signed.encode("latin-1"))
        content_type = response.headers.get("content-type", "")
        digest = blake3(body).digest()
        if not check_response(
            key, answer.mac, signature, status=response.status_code, content_type=content_type, digest=digest
        ):
            raise NotAuthorised("the peer's answer has a wrong signature; it was changed on its way")
        if response.status_code == 403:
            raise NotAuthorised(
                f"the peer takes key {key.kid}, but lets it read nothing: its file there needs a scope like read:*"
            )
        return body

    async def _read(self, response: httpx.Response, limit: int) -> bytes:
        """The whole body of an answer."""
        parts = []
        size = 0
        async with aclosing(self._paced(response)) as chunks:
            async for part in chunks:
                size += len(part)
                if size > limit:
                    raise LimitExceeded(f"the peer's answer is longer than {limit} bytes")
                if part:
                    parts.append(part)
        return b"".join(parts)

    def _paced(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        return paced(response.aiter_raw(), self.bounds.slowest, self.bounds.slowest_over)


def _checker(answer: _Answer) -> Check:
    def check(ts: int, digest: bytes, found: bytes) -> bool:
        expected = sign_response(
            answer.key, answer.mac, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest
        )
        return compare_digest(expected, found)

    return check


def _refused(response: httpx.Response) -> bool:
    """Whether the peer refuses the key, without saying why. (A clock that is off is told in a signed answer.)

    429 is what it says in place of 401 where too many keys were refused; a key that it takes is never among those.
    """
    return response.status_code in (401, 429) and "zg-signature" not in response.headers


async def paced(chunks: AsyncIterator[bytes], slowest: int, seconds: float) -> AsyncGenerator[bytes, None]:
    """Pass a stream on. `Unreachable` when less than `slowest` bytes a second came over so many seconds of waiting.

    Time that the reader of this stream takes doesn't count.
    """
    waited = 0.0
    size = 0
    iterator = aiter(chunks)
    while True:
        started = time.monotonic()
        try:
            async with asyncio.timeout(seconds):  # a peer may keep a connection busy and send nothing of the stream
                chunk = await anext(iterator)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise Unreachable(f"the peer sent nothing of its answer for {seconds:.0f} s; giving up") from None
        waited += time.monotonic() - started
        size += len(chunk)
        if waited >= seconds:
            if size < slowest * waited:
                raise Unreachable(f"the peer sent {size} bytes in {waited:.0f} s; giving up")
            waited, size = 0.0, 0
        yield chunk


def _content(answer: _Answer, body: bytes) -> bytes:
    """The body of a 200; any other answer is `Unreachable`."""
    status = answer.response.status_code
    if status != 200:
        raise Unreachable(f"the peer answers {status} {wire.decode_error(body)[0]}".rstrip())
    return body


def _unsigned(response: httpx.Response, key: Key, aud: str) -> Exception:
    status = response.status_code
    if status == 401:
        return NotAuthorised(
            f"the peer refuses key {key.kid} (or its name isn't {aud!r}): check that both sides have "
            "the same key file, and that it is neither retired nor out of its time"
        )
    if status == 429:
        wait = response.headers.get("retry-after", "")[:6]
        return NotAuthorised(
            f"the peer refuses key {key.kid} (or its name isn't {aud!r}), and had too many failures from this "
            f"address to answer more of them before {wait or 'some'} s are over"
        )
    return NotAuthorised(f"the peer's answer {status} is not signed; is that a zonegit server?")


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
    ):
        raise ConfigError(f"{url[:120]!r} is not a primary's URL: write http://192.0.2.1:9354")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port or 9354}"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
