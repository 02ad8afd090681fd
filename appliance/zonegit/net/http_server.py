"""`/v0` as an ASGI application: a thin skin over `auth.gate` and `sync.server`. HTTP/2 only; no decisions here.

Each request's body is read, bounded, before it is answered, whatever the answer; a stream's task ends with its
client.
Refused: HTTP/1.1, upgrades, CONNECT and WebSockets, whatever else they carry.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Final, Protocol

from blake3 import blake3

from zonegit.auth.budget import source_of
from zonegit.auth.gate import Gate, Grant, Refusal
from zonegit.auth.scheme import Call, sign_response, signature_header
from zonegit.errors import Conflict, InvalidData, LimitExceeded, NotFound, ZonegitError
from zonegit.net.asgi import (
    CLIENT_CERT,
    FRAME_BUDGET,
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    disconnected,
    drain,
    read_body,
)
from zonegit.net.ref_watch import RefWatch
from zonegit.store.port import Store
from zonegit.sync import limits
from zonegit.sync.frames import CONTENT_TYPE, Seal
from zonegit.sync.server import Endpoint, FrameStream, Reply, Route, error_reply, find_route

BODY_SECONDS: Final = 30.0
"""A body must have arrived by then."""
STREAM_SECONDS: Final = 2 * limits.RESPONSE_SECONDS
"""A client that reads a stream more slowly than this is cut off."""
BODIES_PER_SOURCE: Final = 16 << 20
"""Bytes of unfinished bodies held for one source."""
ANSWERS_PER_SOURCE: Final = 16 << 20
"""Bytes of whole answers (objects, walks, differences) on their way to one source."""
SLOWLY: Final = 1.0
"""Seconds before a source that fails too often hears of its next failure: its streams are all it can flood with."""

_SLICE: Final = 32 << 10

log = logging.getLogger(__name__)


class Samples(Protocol):
    """Where counters go (`ops.samples.Samples`)."""

    def inc(self, name: str, value: float = 1, **labels: str) -> None: ...

    def set(self, name: str, value: float, **labels: str) -> None: ...

    def observe(self, name: str, value: float, **labels: str) -> None: ...


class ReplicationApp:
    """The ASGI application. Make it inside of the event loop that serves it."""

    def __init__(
        self,
        store: Store,
        gate: Gate,
        samples: Samples,
        clock: Callable[[], float] = time.time,
        *,
        slowly: float = SLOWLY,
        workers: int = 1,
    ) -> None:
        """`workers`: how many processes serve this port; clients are told."""
        self._slowly = slowly
        self._endpoint = Endpoint(store, workers)
        self._gate = gate
        self._samples = samples
        self._clock = clock
        self._watch = RefWatch(self._endpoint)
        self._bodies: Counter[str] = Counter()
        self._answers: Counter[str] = Counter()
        self._fetching: Counter[tuple[object, str]] = Counter()
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def drain(self) -> None:
        """Answer long-polls at once from now on, and return when no request is being answered."""
        self._watch.close()
        await self._idle.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            request = _Request(scope, receive, send)
            started = time.monotonic()
            self._active += 1
            self._idle.clear()
            try:
                await self._serve(request)
            except Disconnected:
                request.status = 499
            finally:
                self._active -= 1
                if not self._active:
                    self._idle.set()
                label = request.route.label
                method = request.call.method if request.call.method in ("GET", "POST") else "other"
                self._samples.inc("http_requests_total", route=label, method=method, code=str(request.status))
                self._samples.observe("http_request_duration_seconds", time.monotonic() - started, route=label)

    async def _serve(self, request: "_Request") -> None:
        if request.foreign:
            await _drain(request)
            await request.send_reply(Reply(505))
            return
        found = await self._authenticate(request)
        if isinstance(found, Refusal):
            self._count(found.kid, found.result)
            if found.retry_after:
                await _until_gone(request.receive, asyncio.sleep(self._slowly))
            reply = error_reply(
                found.status, found.error, server_time=found.server_time, retry_after=found.retry_after
            )
            await self._send(request, reply, found.grant)
            return
        request.passed()
        self._count(found.key.kid, "ok")
        self._samples.set("auth_key_last_used_timestamp_seconds", self._clock(), key_id=found.key.kid)
        try:
            answer = await self._answer(request, found)
        except ZonegitError as error:
            if error.http_status >= 500:
                log.error("%s: %s", request.route.label, error)
            answer = error_reply(error.http_status, _error_code(error))
        if isinstance(answer, Reply):
            await self._send_held(request, answer, found)
        else:
            await self._stream(request, answer, found)

    async def _authenticate(self, request: "_Request") -> Grant | Refusal:
        authorization = request.values(b"authorization")
        found = self._gate.begin(request.call, authorization, request.address, request.client_cert)
        if isinstance(found, Refusal):
            await _drain(request)
            return found
        source = source_of(request.address)
        held = 0

        def room(size: int) -> bool:
            nonlocal held
            held += size
            self._bodies[source] += size
            return self._bodies[source] <= BODIES_PER_SOURCE

        try:
            async with asyncio.timeout(BODY_SECONDS):
                keep = found.known and found.in_time
                request.body, digest = await read_body(request.receive, request.route.body, keep=keep, room=room)
        except (BodyTooLarge, TimeoutError):
            return self._gate.too_large(found)
        finally:
            self._bodies[source] -= held
            if not self._bodies[source]:
                del self._bodies[source]
        return self._gate.finish(found, digest, "read")

    async def _answer(self, request: "_Request", grant: Grant) -> Reply | FrameStream:
        route = request.route
        if route is Route.UNKNOWN:
            return error_reply(404, "not_found")
        if request.call.method != route.method:
            return error_reply(405, "method_not_allowed")
        if route is Route.REFS:
            return await self._refs(request, grant)
        if route is Route.REFS_DIFF:
            return self._endpoint.refs_diff(grant.key, request.body)
        if route is Route.OBJECT:
            return self._endpoint.object(request.call.path)
        if route is Route.WALK:
            return self._endpoint.walk(request.body)
        if self._fetching[request.connection, grant.key.kid] >= limits.FETCHES_PER_KEY:
            return error_reply(429, "too_many_fetches", retry_after=1)
        serve = self._endpoint.fetch if route is Route.FETCH else self._endpoint.objects
        return serve(request.body, _sealer(grant), self._clock)

    async def _refs(self, request: "_Request", grant: Grant) -> Reply:
        known = request.known_root()
        seconds = request.wait_seconds()
        if known and seconds:
            await _until_gone(request.receive, self._watch.wait(known, seconds))
        if known and self._endpoint.index_root() == known:
            return self._endpoint.unchanged(known)
        if request.prefers_minimal():
            return self._endpoint.brief(grant.key)
        return self._endpoint.refs(grant.key)

    async def _send_held(self, request: "_Request", reply: Reply, grant: Grant) -> None:
        """Send an answer, unless too much for its source is on the way. (The list of all refs is held once.)"""
        source = source_of(request.address)
        size = 0 if request.route is Route.REFS else len(reply.body)
        if self._answers[source] + size > ANSWERS_PER_SOURCE:
            reply, size = error_reply(429, "too_many_fetches", retry_after=1), 0
        self._answers[source] += size
        try:
            await _until_gone(request.receive, self._send(request, reply, grant))
        finally:
            self._answers[source] -= size
            if not self._answers[source]:
                del self._answers[source]

    async def _send(self, request: "_Request", reply: Reply, grant: Grant | None) -> None:
        signature = ""
        if grant:
            ts = int(self._clock())
            mac = sign_response(
                grant.key,
                grant.request_mac,
                status=reply.status,
                ts=ts,
                content_type=reply.content_type,
                digest=blake3(reply.body).digest(),
            )
            signature = signature_header(grant.key, ts, mac)
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                await request.send_reply(reply, signature)
        except TimeoutError:
            log.warning("cut a client off that reads too slowly: %s", request.address)

    async def _stream(self, request: "_Request", stream: FrameStream, grant: Grant) -> None:
        slot = (request.connection, grant.key.kid)
        self._fetching[slot] += 1
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                await _until_gone(request.receive, request.send_frames(stream))
        except TimeoutError:
            log.warning("cut a client off that reads too slowly: %s", request.address)
        finally:
            self._fetching[slot] -= 1
            if not self._fetching[slot]:
                del self._fetching[slot]

    def _count(self, kid: str, result: str) -> None:
        self._samples.inc("auth_attempts_total", key_id=kid or "unknown", result=result)


class _Request:
    """One request as ASGI gives it, and the way back."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive = receive
        self._send = send
        self._headers: list[tuple[bytes, bytes]] = list(scope["headers"])
        path = bytes(scope["raw_path"]) + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        content_type = b"\n".join(self.values(b"content-type"))  # twice is none that can be signed
        self.call = Call(scope["method"], path.decode("latin-1"), content_type.decode("latin-1"))
        self.route = find_route(self.call.path)
        self.connection: object = tuple(scope["client"] or ())
        self.address = scope["client"][0] if scope["client"] else ""
        self._state = scope.get("state", {})
        self.client_cert = str(self._state.get(CLIENT_CERT, ""))
        self.foreign = scope["http_version"] != "2" or bool(
            self.values(b"upgrade") or self.values(b"http2-settings")
        )
        self.body = b""
        self.status = 0

    def passed(self) -> None:
        """Let the connection know that this request's MAC has passed."""
        budget = self._state.get(FRAME_BUDGET)
        if budget is not None:
            budget.passed()

    def values(self, name: bytes) -> list[bytes]:
        return [value for found, value in self._headers if found == name]

    def known_root(self) -> str:
        """The root in `If-None-Match`; empty when there is none that could be ours."""
        values = self.values(b"if-none-match")
        text = values[0].decode("latin-1") if len(values) == 1 else ""
        return text[1:-1] if len(text) == 66 and text[0] == text[-1] == '"' else ""

    def wait_seconds(self) -> int:
        """What `Prefer: wait=N` (RFC 7240 §4.3) asks for, within our bound."""
        seconds = self._preference("wait")
        return min(int(seconds[:9]), limits.MAX_WAIT) if seconds.isdecimal() else 0

    def prefers_minimal(self) -> bool:
        """Whether `Prefer: return=minimal` (RFC 7240 §4.2) asks for a state without its refs."""
        return self._preference("return") == "minimal"

    def _preference(self, wanted: str) -> str:
        for value in self.values(b"prefer"):
            for preference in value.decode("latin-1").split(","):
                name, _, found = preference.strip().partition("=")
                if name == wanted:
                    return found
        return ""

    async def send_reply(self, reply: Reply, signature: str = "") -> None:
        headers = [(name.encode(), value.encode()) for name, value in reply.headers]
        if reply.content_type:
            headers.append((b"content-type", reply.content_type.encode()))
        if signature:
            headers.append((b"zg-signature", signature.encode()))
        if reply.status != 304:
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await self._start(reply.status, headers)
        await self._send_slices(reply.body)
        await self._send({"type": "http.response.body", "body": b""})

    async def send_frames(self, stream: FrameStream) -> None:
        await self._start(200, [(b"content-type", CONTENT_TYPE.encode()), (b"cache-control", b"no-store")])
        try:
            for piece in stream.pieces():
                await self._send_slices(piece)
                await asyncio.sleep(0)
        except ZonegitError as error:
            log.error("a stream to %s stopped: %s", self.address, error)
            await self._send({"type": "http.response.body", "body": stream.fail(str(error)), "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _send_slices(self, data: bytes) -> None:
        """Send what a slow client may take slowly: what is handed over is copied, so it is little at a time."""
        view = memoryview(data)
        for at in range(0, len(view), _SLICE):
            await self._send({"type": "http.response.body", "body": view[at : at + _SLICE], "more_body": True})

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})


async def _drain(request: _Request) -> None:
    """Read an unwanted body, but not for longer than a wanted one."""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            await drain(request.receive)
    except TimeoutError:
        log.info("cut a client off that sends too slowly: %s", request.address)


async def _until_gone(receive: Receive, work: Coroutine[None, None, None]) -> None:
    """Do the work, and give it up when the client disconnects (`Disconnected`): nothing else would stop it."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(disconnected(receive))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Disconnected
        await task
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


def _sealer(grant: Grant) -> Seal:
    def seal(ts: int, digest: bytes) -> bytes:
        return sign_response(
            grant.key, grant.request_mac, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest
        )

    return seal


def _error_code(error: ZonegitError) -> str:
    if isinstance(error, NotFound):
        return "not_found"
    if isinstance(error, Conflict):
        return "cursor"
    if isinstance(error, LimitExceeded):
        return "too_many"
    return "bad_request" if isinstance(error, InvalidData) else "internal"
