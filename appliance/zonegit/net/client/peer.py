"""A peer's `/v0` over httpx: signed requests, verified answers. One long-lived connection.

A wrong clock is corrected by a signed answer only, and a refused key is replaced by another valid one; each is
tried once per request, so keys can be rotated in any order. After any failure the connection is dropped: httpx
never resets an abandoned stream, and a few of those make a connection hang.
"""

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from blake3 import blake3

from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.auth.scheme import Call
from zonegit.errors import ConfigError, InvalidData, NotAuthorised, Unreachable
from zonegit.net.client.connection import LOST, Connection
from zonegit.net.client.response import PeerResponse
from zonegit.net.tls import CLOSED, certificate_alert, client_context
from zonegit.ops.values import check_plaintext
from zonegit.sync import limits, push_wire, ref_diff, update_wire, wire
from zonegit.sync.frames import CONTENT_TYPE, Check
from zonegit.sync.ref_diff import Change
from zonegit.sync.ref_sketch import SKETCH_TYPE, SketchAnswer
from zonegit.sync.session import Ask

CONNECT: Final = 5.0
"""Seconds for resolving the peer's address and connecting, and again for the TLS handshake."""
PATIENCE: Final = 15.0
"""Seconds without a byte, beyond what a long-poll waits."""
_PUSHED: Final = 60
"""Additional seconds for sending the body of a push and storing it."""
_WALK: Final = 2 << 20
"""Bytes of an answer to a walk: 20,000 ids."""
_PORTION: Final = 64 << 10
"""Bytes of a body that are handed to httpcore at once."""
_NO_PUSHES: Final = "it takes none, as an older version of zonegitd"
_NO_UPDATES: Final = "it is an older version of zonegitd, which takes no UPDATEs from other nodes"
_NO_UPDATE: Final = "not for this zone: its file there needs the scope read:ZONE or read:*"
_NO_PUSH: Final = (
    "doesn't let it push all of that: its file there needs scopes that cover it, like push:ZONE or push:ZONE:BRANCH"
)
_NONSENSE: Final = (ValueError, LookupError, TypeError, AttributeError, AssertionError)
"""What httpcore and httpx may raise over malformed headers, which they hardly check."""

_NAME_ONE: Final = "name one of its CA with --client-cert and --client-key, or in [primary]"

log = logging.getLogger(__name__)


class Interrupted(Unreachable):
    """The connection broke, or can't be made now. The request may be sent again at once."""


class OpenStream(NamedTuple):
    """A stream that the peer has begun to send."""

    check: Check
    chunks: AsyncGenerator[bytes, None]
    """Raises `Unreachable` when they come too slowly. Close it."""


class Declined(NamedTuple):
    """An authentic error instead of a stream."""

    error: str
    message: str
    """The error in words."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request that is yet to be signed."""

    call: Call
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Headers outside the signature."""
    wait: int = 0
    """Seconds that the peer may delay its answer."""


_Send = Callable[[Key], Awaitable[PeerResponse]]


class PeerClient:
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
        """May be replaced at any time; it applies to the next connection (`close`)."""
        self._connection: Connection | None = None
        self._sketchless = False
        """Whether the peer refused a sketch over this connection: it is an older version."""

    def beside(self) -> "PeerClient":
        """The same peer over another connection."""
        return PeerClient(self._url, self.signer, tls=self.tls, allow_plaintext=True, bounds=self.bounds)

    async def close(self) -> None:
        """Drop the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        self._sketchless = False
        if connection is not None:
            await connection.drop()

    async def refs(self, root: str = "", wait: int = 0) -> wire.PeerRefs | None:
        """The peer's refs; None if their root is still `root` after `wait` seconds.

        Without a `root` the peer answers at once.

        `Unreachable`, `NotAuthorised`, `InvalidData`.
        """
        body = await self._refs(root, wait, "")
        if body is None:
            return None
        refs = await asyncio.to_thread(wire.PeerRefs.decode, body)
        return refs if refs.root != root else None

    async def moved(self, root: str, wait: int) -> bool:
        """Whether the root of the peer's refs is no longer `root`, within `wait` seconds; fetches no refs."""
        body = await self._refs(root, wait, "return=minimal")
        return body is not None and wire.decode_root(body) != root

    async def epoch(self) -> str:
        """The epoch of the peer's repository; fetches no refs."""
        body = await self._refs("", 0, "return=minimal")
        return wire.check_state(wire.as_table(body or b""))[0]

    async def changes(self, question: bytes) -> Change:
        """How the peer's refs differ from those in a question of `sync.ref_diff`."""
        async with self._ask(_Request(Call("POST", ref_diff.PATH, wire.JSON_TYPE), question)) as answer:
            body = await answer.content(self.bounds.refs_bytes)
        return await asyncio.to_thread(Change.decode, body)

    async def push(self, body: bytes) -> push_wire.Answer | Declined:
        """The peer's answer to one request of a push. `Interrupted` if the connection breaks before it."""
        request = _Request(Call("POST", push_wire.PATH, CONTENT_TYPE), body, wait=_PUSHED)
        async with self._ask(request) as answer:
            if answer.status == 413 and not answer.is_signed:  # from a server that expects no body there
                await answer.read()
                return Declined("not_found", _NO_PUSHES)
            data = await answer.authentic(push_wire.ANSWER, _NO_PUSH)
            if answer.status != 200:
                error = wire.decode_error(data)[0]
                return Declined(error or str(answer.status), wire.decode_message(data) or answer.declined(error))
        return await asyncio.to_thread(push_wire.Answer.decode, data)

    async def update(self, message: bytes) -> bytes | Declined:
        """The response to an UPDATE (RFC 2136). If the connection breaks, the peer may get the message twice."""
        request = _Request(Call("POST", update_wire.PATH, update_wire.DNS_TYPE), message)
        async with self._ask(request) as answer:
            if answer.status == 413 and not answer.is_signed:  # from a server that expects no body there
                await answer.read()
                return Declined("not_found", _NO_UPDATES)
            data = await answer.authentic(update_wire.UPDATE_BODY, _NO_UPDATE)
        if answer.status == 200:
            return data
        error = wire.decode_error(data)[0]
        why = _NO_UPDATES if error == "not_found" else answer.declined(error)
        return Declined(error or str(answer.status), why)

    async def walk(self, request: wire.FetchRequest) -> wire.WalkAnswer:
        """How much is missing of what the request wants."""
        call = Call("POST", "/v0/objects/walk", wire.JSON_TYPE)
        async with self._ask(_Request(call, request.encode("roots", "known"), wait=_PUSHED)) as answer:
            body = await answer.content(_WALK)
        return await asyncio.to_thread(wire.WalkAnswer.decode, body)

    async def sketched(self, question: bytes) -> SketchAnswer | None:
        """How the peer's refs differ, by a sketch (`sync.ref_sketch`); None if the peer knows no sketches."""
        if self._sketchless:
            return None
        async with self._ask(_Request(Call("POST", ref_diff.PATH, SKETCH_TYPE), question)) as answer:
            if answer.status == 400:
                await answer.authentic()
                self._sketchless = True
                return None
            body = await answer.content(self.bounds.refs_bytes)
        return await asyncio.to_thread(SketchAnswer.decode, body)

    async def _refs(self, root: str, wait: int, prefer: str) -> bytes | None:
        preferences = [*(f"{name}={value}" for name, value in wire.ALL_REFS.preferences.items()), prefer]
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
                # If-None-Match and ETag are not signed. The Content-Type is, and names the root.
                if answer.content_type != f"{wire.JSON_TYPE}; root={root}":
                    raise InvalidData("the peer says that nothing changed since a state that it wasn't asked about")
                return None
            return await answer.content(self.bounds.refs_bytes)

    @asynccontextmanager
    async def stream(self, ask: Ask) -> AsyncIterator[OpenStream | Declined]:
        """Send a request of a session. `Interrupted` if the connection breaks, also while the stream is read."""
        async with self._ask(_Request(Call("POST", ask.path, ask.content_type), ask.body)) as answer:
            if answer.is_stream:
                yield OpenStream(answer.check, answer.chunks())
            else:
                error = wire.decode_error(await answer.authentic())[0]
                yield Declined(error or str(answer.status), answer.declined(error))

    @asynccontextmanager
    async def _ask(self, request: _Request) -> AsyncIterator[PeerResponse]:
        """Send a signed request, again with another key or the peer's clock if necessary; translate errors."""
        used: Connection | None = None
        answered = False

        async def send(key: Key) -> PeerResponse:
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
        """A hint about our certificate, if that may be why the peer closed the connection.

        `NotAuthorised` if the peer says so.
        """
        if not self._url.startswith("https:") or isinstance(error, httpx.ConnectError | httpx.TimeoutException):
            return ""
        parts = urlsplit(self._url)
        found = await certificate_alert(
            parts.hostname or "", parts.port or 0, self.tls or client_context(None, None)
        )
        if found not in ("", CLOSED):
            raise NotAuthorised(f"{self._url} refuses this side's certificate ({found}): {_NAME_ONE}")
        return (
            f"; a peer that closes after the TLS handshake may require a certificate: {_NAME_ONE}" if found else ""
        )

    async def _first(self, send: _Send) -> PeerResponse:
        """The answer to the first attempt; over a new connection if the peer had just closed the old one."""
        if self._connection is not None and self._connection.is_worn:
            await self.close()
        kept = self._connection
        try:
            return await send(self.signer.key)
        except LOST:
            if kept is None:
                raise
            if self._connection is kept:  # else another stream has opened a new one
                await self.close()
            return await send(self.signer.key)

    async def _settled(self, answer: PeerResponse, send: _Send) -> PeerResponse:
        """The answer, or the one to a request with another key or the peer's clock; each is tried once."""
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
            self.signer.accepted(answer.key)
        return answer

    async def _send(self, connection: Connection, key: Key, request: _Request) -> PeerResponse:
        call, body = request.call, request.body
        authorization, mac = self.signer.sign(call, blake3(body).digest(), key)
        headers = {**request.headers, "authorization": authorization}
        if call.content_type:
            headers["content-type"] = call.content_type
        if body:
            headers["content-length"] = str(len(body))
        made = connection.client.build_request(
            call.method,
            self._url + call.path,
            headers=headers,
            content=_portions(body) if body else None,
            timeout=httpx.Timeout(PATIENCE, connect=CONNECT, read=PATIENCE + request.wait),
        )
        try:
            async with asyncio.timeout(3 * PATIENCE + request.wait):  # whatever arrives instead of an answer
                return PeerResponse(
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

    async def _other_key(self, answer: PeerResponse) -> Key | None:
        """The key to try instead of a refused one, or None; if there is one, the answer is read to its end."""
        if not answer.refuses_key:
            return None
        other = self.signer.refused(answer.key)
        if other is not None:
            log.warning("the peer refuses a key: %s; trying another: %s", answer.key.kid, other.kid)
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


async def _portions(body: bytes) -> AsyncIterator[bytes]:
    """A body in pieces: httpcore copies what is left of a piece for each frame that it sends of it."""
    for at in range(0, len(body), _PORTION):
        yield body[at : at + _PORTION]


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
