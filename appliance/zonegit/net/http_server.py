"""`/v0` as an ASGI application: a thin skin over `auth.gate` and `sync.server`. HTTP/2 only; no decisions here.

Each request's body is read, bounded, before it is answered, whatever the answer; a stream's task ends with its
client.
Refused: HTTP/1.1, upgrades, CONNECT and WebSockets, whatever else they carry.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Protocol

from blake3 import blake3

from zonegit.auth.budget import source_of
from zonegit.auth.gate import Gate, Grant, Refusal
from zonegit.auth.scheme import sign_response, signature_header
from zonegit.errors import Conflict, InvalidData, LimitExceeded, NotFound, ZonegitError
from zonegit.net import access_log
from zonegit.net.asgi import (
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    until_gone,
)
from zonegit.net.http_request import Request, drain_unwanted, in_time
from zonegit.net.known import count_down
from zonegit.net.long_work import LongWork
from zonegit.net.ref_watch import RefWatch
from zonegit.net.refusals import Refusals
from zonegit.store.port import Store
from zonegit.sync import limits, wire
from zonegit.sync.frames import CONTENT_TYPE, Seal
from zonegit.sync.server import Endpoint, FrameStream, Reply, Route, error_reply
from zonegit.sync.work import T, Work

ANSWER_SECONDS: Final = 60.0
"""A client that takes a whole answer in more slowly than this is cut off."""
BODIES_PER_SOURCE: Final = 16 << 20
"""Bytes of unfinished bodies held for one source."""
ANSWERS_PER_KEY: Final = 16 << 20
"""Bytes of whole answers (objects, walks, differences) and of the questions that are being answered, of one key at
one source."""
SLOWLY: Final = 1.0
"""Seconds before a source that fails too often hears of its next failure: its streams are all it can flood with."""

_BUSY: Final = error_reply(429, "too_many_fetches", retry_after=1)
_CROWDED: Final = error_reply(429, wire.CROWDED, retry_after=5)

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
        logged: bool = False,
        bounds: limits.ServerLimits = limits.SERVER,
        refusals: Refusals | None = None,
    ) -> None:
        """`workers`: how many processes serve this port; clients are told. `logged`: whether each request is.

        `refusals` are those of the process, where others tell of strangers too.
        """
        self._slowly = slowly
        self._logged = logged
        self._endpoint = Endpoint(store, workers, bounds)
        self._bounds = self._endpoint.bounds
        self._gate = gate
        self._samples = samples
        self._clock = clock
        self._watch = RefWatch(self._endpoint)
        self._work = LongWork()
        self._refusals = refusals or Refusals()
        self._bodies: Counter[str] = Counter()
        self._answers: Counter[tuple[str, str]] = Counter()
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
            request = Request(scope, receive, send)
            started = time.monotonic()
            self._active += 1
            self._idle.clear()
            try:
                await self._serve(request)
            except Disconnected:
                request.status = 499
            except asyncio.CancelledError:
                request.status = 499
                raise
            except Exception:
                request.status = 500
                raise
            finally:
                self._active -= 1
                if not self._active:
                    self._idle.set()
                self._tell(request, time.monotonic() - started)

    def _tell(self, request: Request, seconds: float) -> None:
        """Count a request that is over, and log it if wanted."""
        route, status = request.route.label, request.status
        method = request.call.method if request.call.method in ("GET", "POST") else "other"
        self._samples.inc("http_requests_total", route=route, method=method, code=str(status))
        self._samples.observe("http_request_duration_seconds", seconds, route=route)
        if self._logged:
            access_log.tell(
                kid=request.kid,
                method=method,
                route=route,
                status=status,
                size=request.sent,
                seconds=seconds,
                source=request.address,
            )

    async def _serve(self, request: Request) -> None:
        if request.foreign:
            await drain_unwanted(request)
            await until_gone(request.receive, request.send_reply(Reply(505)))
            return
        found = await self._authenticate(request)
        if isinstance(found, Refusal):
            request.kid = found.kid
            self._count(found.kid, found.result)
            self._refusals.tell(request.address, found.result, found.named, proven=found.proven)
            if found.retry_after:
                await until_gone(request.receive, self._hold(request))
            reply = error_reply(
                found.status, found.error, server_time=found.server_time, retry_after=found.retry_after
            )
            await until_gone(request.receive, self._send(request, reply, found.grant))
            return
        request.kid = kid = found.key.kid
        self._count(kid, "ok")
        self._samples.set("auth_key_last_used_timestamp_seconds", self._clock(), key_id=kid)
        with request.passing(kid) as has_place:
            if has_place:
                await self._serve_passed(request, found)
                return
        self._samples.inc("http_connections_refused_total", key_id=kid)
        self._refusals.crowded(request.address, kid)
        await until_gone(request.receive, self._send(request, _CROWDED, found))

    async def _serve_passed(self, request: Request, found: Grant) -> None:
        with self._room(request, found) as fits:
            answer = await self._tried(request, found) if fits else _BUSY
            request.body = b""  # whoever reads the answer slowly
            if isinstance(answer, Reply):
                await self._send_held(request, answer, found)
            else:
                await self._stream(request, answer)

    async def _tried(self, request: Request, grant: Grant) -> Reply | FrameStream:
        try:
            return await self._answer(request, grant)
        except ZonegitError as error:
            if error.http_status >= 500:
                log.error("%s: %s", request.route.label, error)
            return error_reply(error.http_status, _error_code(error))

    @contextmanager
    def _room(self, request: Request, grant: Grant) -> Iterator[bool]:
        """Whether there is room for a request: for its question, until it is answered, and for its stream."""
        asked, owner = len(request.body), _owner(request)
        slot = (request.connection, grant.key.kid)
        streams = int(request.route in (Route.FETCH, Route.OBJECTS))
        if self._answers[owner] + asked > ANSWERS_PER_KEY or (
            streams and self._fetching[slot] >= self._bounds.fetches
        ):
            yield False
            return
        self._answers[owner] += asked
        self._fetching[slot] += streams
        try:
            yield True
        finally:
            self._answered(owner, asked)
            count_down(self._fetching, slot, streams)

    async def _hold(self, request: Request) -> None:
        """Let a failure wait, and for its turn then: very many may have waited as long."""
        await asyncio.sleep(self._slowly)
        await request.turn()

    async def _authenticate(self, request: Request) -> Grant | Refusal:
        authorization = request.values(b"authorization")
        found = self._gate.begin(request.call, authorization, request.address, request.client_cert)
        if isinstance(found, Refusal):
            await drain_unwanted(request)
            return found
        source = source_of(request.address)
        held = 0

        def room(size: int) -> bool:
            nonlocal held
            held += size
            self._bodies[source] += size
            return self._bodies[source] <= BODIES_PER_SOURCE

        try:
            async with in_time():
                keep = found.known and found.in_time
                request.body, digest = await read_body(request.receive, request.route.body, keep=keep, room=room)
        except (BodyTooLarge, TimeoutError):
            return self._gate.too_large(found)
        finally:
            count_down(self._bodies, source, held)
        return self._gate.finish(found, digest, "read")

    async def _answer(self, request: Request, grant: Grant) -> Reply | FrameStream:
        route = request.route
        if route is Route.UNKNOWN:
            return error_reply(404, "not_found")
        if request.call.method != route.method:
            return error_reply(405, "method_not_allowed")
        if route is Route.REFS:
            return await self._refs(request, grant)
        key, body, due = grant.key, request.body, self._work.due
        if route is Route.OBJECT:
            return await self._done(request, self._endpoint.object(key, request.call.path, due))
        if route is Route.REFS_DIFF:
            return await self._done(request, self._endpoint.refs_diff(key, body, due))
        if route is Route.WALK:
            return await self._done(request, self._endpoint.walk(key, body, due))
        serve = self._endpoint.fetch if route is Route.FETCH else self._endpoint.objects
        return await self._done(request, serve(key, body, _sealer(grant), self._clock, due))

    async def _done(self, request: Request, work: Work[T]) -> T:
        """What a work makes, in turns with those of other keys."""
        return await self._work.finish(request.kid, work, partial(until_gone, request.receive))

    async def _refs(self, request: Request, grant: Grant) -> Reply:
        known = request.known_root()
        seconds = request.wait_seconds()
        if known and seconds:
            await until_gone(request.receive, self._watch.wait(known, seconds))
        if known and self._endpoint.index_root() == known:
            return self._endpoint.unchanged(known)
        if request.prefers_minimal():
            return self._endpoint.brief()
        work = self._endpoint.refs(grant.key, request.prefers_all_names(), self._work.due)
        return await self._done(request, work)

    async def _send_held(self, request: Request, reply: Reply, grant: Grant) -> None:
        """Send an answer, unless too much for its key is on the way. (The list of all refs is held once.)"""
        owner = _owner(request)
        size = 0 if request.route is Route.REFS else len(reply.body)
        if self._answers[owner] + size > ANSWERS_PER_KEY:
            reply, size = _BUSY, 0
        self._answers[owner] += size
        try:
            await until_gone(request.receive, self._send(request, reply, grant))
        finally:
            self._answered(owner, size)

    def _answered(self, owner: tuple[str, str], size: int) -> None:
        count_down(self._answers, owner, size)

    async def _send(self, request: Request, reply: Reply, grant: Grant | None) -> None:
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
            async with asyncio.timeout(ANSWER_SECONDS):
                await request.send_reply(reply, signature)
        except TimeoutError:
            if grant is None:
                return  # strangers write no lines of their own
            log.warning("cut a client off that reads too slowly: %s", request.address)

    async def _stream(self, request: Request, stream: FrameStream) -> None:
        try:
            async with asyncio.timeout(2 * self._bounds.response_seconds):
                await until_gone(request.receive, request.send_frames(stream, self._work))
        except TimeoutError:
            log.warning("cut a client off that reads too slowly: %s", request.address)

    def _count(self, kid: str, result: str) -> None:
        self._samples.inc("auth_attempts_total", key_id=kid or "unknown", result=result)


def _owner(request: Request) -> tuple[str, str]:
    """Whose account a request of which the MAC has passed is on: its source and its key."""
    return source_of(request.address), request.kid


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
