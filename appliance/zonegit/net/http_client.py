"""A peer's `/v0` over httpx: signed requests out, verified answers back. One connection, kept for long.

A clock that is off is corrected by a signed answer only, a key that is refused is replaced by another valid one,
each once for a request: keys can be turned in any order. After any failure the connection is dropped: httpx never
resets a stream that is given up, and a few of those make a connection hang.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httpx
from blake3 import blake3

from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call
from zonegit.errors import ConfigError, InvalidData, NotAuthorised, Unreachable
from zonegit.net.http_answer import Answer
from zonegit.net.http_connection import LOST, Connection
from zonegit.net.tls import CLOSED, client_context, objection
from zonegit.ops.values import check_plaintext
from zonegit.sync import limits, ref_diff, wire
from zonegit.sync.frames import Check
from zonegit.sync.ref_diff import Change
from zonegit.sync.session import Ask

CONNECT: Final = 5.0
"""Seconds that looking up the peer's address and connecting may take, and so may the TLS handshake after it."""
PATIENCE: Final = 15.0
"""Seconds without a byte, beyond what a long-poll waits."""
_NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What httpcore and httpx may raise over headers that make no sense: they check few of them."""

_NAME_ONE: Final = "name one of its CA with --client-cert and --client-key, or in [primary]"

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
    told: str
    """The same for people."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that is still to be signed."""

    call: Call
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Those that aren't signed."""
    wait: int = 0
    """Seconds that the peer may hold its answer back."""


_Send = Callable[[Key], Awaitable[Answer]]


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

    def beside(self) -> "HttpPeer":
        """The same peer over a connection of its own."""
        return HttpPeer(self._url, self.signer, tls=self.tls, allow_plaintext=True, bounds=self.bounds)

    async def close(self) -> None:
        """Drop the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.drop()

    async def refs(self, root: str = "", wait: int = 0) -> wire.PeerRefs | None:
        """The peer's refs; None when their root is still `root`, after at most `wait` seconds.

        Without a `root` the peer answers at once.

        `Unreachable`, `NotAuthorised`, `InvalidData`.
        """
        body = await self._refs(root, wait, "")
        if body is None:
            return None
        refs = await asyncio.to_thread(wire.PeerRefs.decode, body)
        return refs if refs.root != root else None

    async def moved(self, root: str, wait: int) -> bool:
        """Whether the root of the peer's refs is another than `root`, after at most `wait` seconds; lists none."""
        body = await self._refs(root, wait, "return=minimal")
        return body is not None and wire.decode_root(body) != root

    async def changes(self, question: bytes) -> Change:
        """What differs from the refs that a question of `sync.ref_diff` tells."""
        async with self._ask(_Request(Call("POST", ref_diff.PATH, wire.JSON_TYPE), question)) as answer:
            body = await answer.content(self.bounds.refs_bytes)
        return await asyncio.to_thread(Change.decode, body)

    async def _refs(self, root: str, wait: int, prefer: str) -> bytes | None:
        preferences = [f"names={wire.ALL_NAMES}", prefer]
        headers = {}
        if not root:
            wait = 0
        else:
            headers["if-none-match"] = f'"{root}"'
            preferences.append(f"wait={wait}")
        headers["prefer"] = ", ".join(filter(None, preferences))
        async with self._ask(_Request(Call("GET", "/v0/refs"), b"", headers, wait)) as answer:
            if answer.status == 304 and root:
                await answer.authentic()
                # If-None-Match and ETag are not signed; the Content-Type is, and names the root that was meant.
                if answer.content_type != f"{wire.JSON_TYPE}; root={root}":
                    raise InvalidData("the peer says that nothing changed since a state that wasn't asked about")
                return None
            return await answer.content(self.bounds.refs_bytes)

    @asynccontextmanager
    async def stream(self, ask: Ask) -> AsyncIterator[Opened | Declined]:
        """Send a question of a session. `Interrupted` when the connection breaks, while it is read too."""
        async with self._ask(_Request(Call("POST", ask.path, ask.content_type), ask.body)) as answer:
            if answer.is_stream:
                yield Opened(answer.check, answer.chunks())
            else:
                error = wire.decode_error(await answer.authentic())[0]
                yield Declined(error or str(answer.status), answer.declined(error))

    @asynccontextmanager
    async def _ask(self, request: _Request) -> AsyncIterator[Answer]:
        """Send a signed request, again by another key or by the peer's clock if need be; errors become ours."""
        used: Connection | None = None
        answered = False

        async def send(key: Key) -> Answer:
            nonlocal used
            if used is not self._connection or used is None:
                used = await carrying.enter_async_context(self._open())
            return await self._send(used, key, request)

        try:
            async with AsyncExitStack() as carrying:
                answer = await self._settled(await self._first(send), send)
                answered = True
                try:
                    yield answer
                finally:
                    await answer.response.aclose()
        except LOST as error:
            if self._connection is used:
                await self.close()
            hint = "" if answered else await self._certificate(error)
            kind = Unreachable if isinstance(error, httpx.TimeoutException) else Interrupted
            raise kind(f"{self._url} can't be reached: {_reason(error)}{hint}") from None

    async def _certificate(self, error: Exception) -> str:
        """What to say of our certificate where that may be why the peer broke the connection off.

        `NotAuthorised` where the peer says so.
        """
        if not self._url.startswith("https:") or isinstance(error, httpx.ConnectError | httpx.TimeoutException):
            return ""
        parts = urlsplit(self._url)
        found = await objection(parts.hostname or "", parts.port or 0, self.tls or client_context(None, None))
        if found not in ("", CLOSED):
            raise NotAuthorised(f"{self._url} refuses this side's certificate ({found}): {_NAME_ONE}")
        return f"; a peer that closes behind the TLS handshake may want a certificate: {_NAME_ONE}" if found else ""

    async def _first(self, send: _Send) -> Answer:
        """The answer to the first try; over a new connection if the peer closed the old one just before."""
        if self._connection is not None and self._connection.is_worn:
            await self.close()
        kept = self._connection
        try:
            return await send(self.signer.key)
        except LOST:
            if kept is None:
                raise
            if self._connection is kept:  # else another stream has opened a new one already
                await self.close()
            return await send(self.signer.key)

    async def _settled(self, answer: Answer, send: _Send) -> Answer:
        """That answer, or the one to the request by another key, or by the peer's clock; each is tried once."""
        other = await self._other_key(answer)
        if other:
            answer = await send(other)
            if answer.refuses_key:
                self.signer.refused(other)
        now = await answer.clock()
        if now is not None:
            self.signer.correct(now)
            await answer.response.aclose()
            answer = await send(answer.key)
        if not answer.refuses_key:
            self.signer.taken(answer.key)
        return answer

    async def _send(self, connection: Connection, key: Key, request: _Request) -> Answer:
        call, body = request.call, request.body
        authorization, mac = self.signer.sign(call, blake3(body).digest(), key)
        headers = {**request.headers, "authorization": authorization}
        if call.content_type:
            headers["content-type"] = call.content_type
        made = connection.client.build_request(
            call.method,
            self._url + call.path,
            headers=headers,
            content=body or None,
            timeout=httpx.Timeout(PATIENCE, connect=CONNECT, read=PATIENCE + request.wait),
        )
        try:
            async with asyncio.timeout(3 * PATIENCE + request.wait):  # whatever comes in place of an answer
                return Answer(
                    await connection.send(made), key, mac, self.signer.aud, self.bounds, self.signer.heard
                )
        except (TimeoutError, *_NONSENSE) as error:
            await self.close()
            raise httpx.RemoteProtocolError(_reason(error)) from None

    def _open(self) -> Connection:
        if self._connection is None:
            secure = self._url.startswith("https:")
            self._connection = Connection((self.tls or client_context(None, None)) if secure else False)
        return self._connection

    async def _other_key(self, answer: Answer) -> Key | None:
        """The key to try once instead of one that the peer refuses; the answer is read to its end then."""
        if not answer.refuses_key:
            return None
        other = self.signer.refused(answer.key)
        if other is not None:
            log.warning("the peer refuses key %s; trying %s", answer.key.kid, other.kid)
            await answer.read()
            await answer.response.aclose()
        return other


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
