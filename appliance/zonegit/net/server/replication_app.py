"""`/v0` as an ASGI application: a thin layer over `auth.gate` and `sync.server`. HTTP/2 only; no decisions.

Each request body is read, within its bound, before the request is answered. A stream's task ends when its client
disconnects. Refused: HTTP/1.1, upgrades, CONNECT and WebSockets, whatever else they carry.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from blake3 import blake3

from zonegit.auth.budget import source_of
from zonegit.auth.gate import Gate, Grant, Refusal
from zonegit.auth.scheme import sign_response, signature_header
from zonegit.errors import Conflict, InvalidData, LimitExceeded, NotFound, Replayed, ZonegitError
from zonegit.net.server import access_log
from zonegit.net.server.asgi import (
    BodyTooLarge,
    Disconnected,
    Receive,
    Scope,
    Send,
    read_body,
    until_disconnect,
)
from zonegit.net.server.authenticated import count_down
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.net.server.pushes import Pushes
from zonegit.net.server.rate_limited_log import RateLimitedLog
from zonegit.net.server.ref_watch import RefWatch
from zonegit.net.server.request import Request, drain_unwanted, in_time
from zonegit.net.server.updates import Updates
from zonegit.net.server.work_scheduler import WorkScheduler
from zonegit.store.port import Store
from zonegit.sync import limits, wire
from zonegit.sync.frames import CONTENT_TYPE, Seal
from zonegit.sync.ref_sketch import SKETCH_TYPE
from zonegit.sync.server import Endpoint, FrameStream, Reply, Route, error_reply
from zonegit.sync.work import T, Work

ANSWER_SECONDS: Final = 60.0
"""The time that a client has to read a whole answer."""
BODIES_PER_SOURCE: Final = 16 << 20
"""Bytes of unfinished bodies held for one source."""
ANSWERS_PER_KEY: Final = 16 << 20
"""Bytes of whole answers (objects, walks, differences) and of the requests being answered, for one key at one
source."""
FAILURE_DELAY: Final = 1.0
"""Seconds that a source with too many failures waits for the answer to its next one; meanwhile its streams are used
up."""

_BUSY: Final = error_reply(429, "too_many_fetches", retry_after=1)
_CROWDED: Final = error_reply(429, wire.CROWDED, retry_after=5)

log = logging.getLogger(__name__)


class ReplicationApp:
    """The ASGI application. Create it inside the event loop that serves it."""

    def __init__(
        self,
        store: Store,
        gate: Gate,
        samples: MetricsSink,
        clock: Callable[[], float] = time.time,
        *,
        failure_delay: float = FAILURE_DELAY,
        workers: int = 1,
        logged: bool = False,
        bounds: limits.ServerLimits = limits.SERVER,
        client_log: RateLimitedLog | None = None,
        pushes: Pushes | None = None,
        updates: Updates | None = None,
    ) -> None:
        """`workers`: how many processes serve this port, for clients to know. `logged`: log each request.

        Pass `client_log` where a process has several servers. Without `pushes`, none are accepted, and
        without `updates` no UPDATE is.
        """
        self._pushes = pushes
        self._updates = updates
        self._failure_delay = failure_delay
        self._logged = logged
        self._endpoint = Endpoint(store, workers, bounds)
        self._bounds = self._endpoint.bounds
        self._gate = gate
        self._samples = samples
        self._clock = clock
        self._watch = RefWatch(self._endpoint)
        self._work = WorkScheduler()
        self._client_log = client_log or RateLimitedLog()
        self._bodies: Counter[str] = Counter()
        self._answers: Counter[tuple[str, str]] = Counter()
        self._fetching: Counter[tuple[object, str]] = Counter()
        self._active = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def drain(self) -> None:
        """Answer long-polls at once from now on, and return when no request is in progress."""
        self._watch.close()
        await self._idle.wait()
        if self._pushes is not None:
            self._pushes.close()

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
                self._finished(request, time.monotonic() - started)

    def _finished(self, request: Request, seconds: float) -> None:
        """Count a finished request, and log it if configured."""
        route, status = request.route.label, request.status
        method = request.call.method if request.call.method in ("GET", "POST") else "other"
        self._samples.inc("http_requests_total", route=route, method=method, code=str(status))
        self._samples.observe("http_request_duration_seconds", seconds, route=route)
        if self._logged:
            access_log.log_request(
                kid=request.kid,
                method=method,
                route=route,
                status=status,
                size=request.sent,
                seconds=seconds,
                source=request.address,
            )

    async def _serve(self, request: Request) -> None:
        if request.is_not_h2:
            await drain_unwanted(request)
            await until_disconnect(request.receive, request.send_reply(Reply(505)))
            return
        found = await self._authenticate(request)
        if isinstance(found, Refusal):
            await self._refuse(request, found)
            return
        request.kid = kid = found.key.kid
        self._count(kid, "ok")
        self._samples.set("auth_key_last_used_timestamp_seconds", self._clock(), key_id=kid)
        with request.passing(kid) as has_slot:
            if has_slot:
                await self._serve_passed(request, found)
                return
        self._samples.inc("http_connections_refused_total", key_id=kid)
        self._client_log.crowded(request.address, kid)
        await until_disconnect(request.receive, self._send(request, _CROWDED, found))

    async def _refuse(self, request: Request, found: Refusal) -> None:
        request.kid = found.kid
        self._count(found.kid, found.result)
        self._client_log.refused(request.address, found.result, found.named, proven=found.proven)
        if found.retry_after:
            await until_disconnect(request.receive, self._delay_failure(request))
        reply = error_reply(found.status, found.error, server_time=found.server_time, retry_after=found.retry_after)
        await until_disconnect(request.receive, self._send(request, reply, found.grant))

    async def _serve_passed(self, request: Request, found: Grant) -> None:
        with self._room(request, found) as fits:
            answer = await self._tried(request, found) if fits else _BUSY
            request.body = b""  # the answer may be read slowly
            if isinstance(answer, Refusal):
                await self._refuse(request, answer)
            elif isinstance(answer, Reply):
                await self._send_held(request, answer, found)
            else:
                await self._stream(request, answer)

    async def _tried(self, request: Request, grant: Grant) -> Reply | FrameStream | Refusal:
        try:
            return await self._answer(request, grant)
        except Replayed:
            return self._gate.replayed(request.kid, request.address)
        except ZonegitError as error:
            if error.http_status >= 500:
                log.error("cannot answer a request for %s: %s", request.route.label, error)
            return error_reply(error.http_status, _error_code(error))

    @contextmanager
    def _room(self, request: Request, grant: Grant) -> Iterator[bool]:
        """Reserve room for a request's body, until it is answered, and for its stream; whether there was any."""
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
            count_down(self._answers, owner, asked)
            count_down(self._fetching, slot, streams)

    async def _delay_failure(self, request: Request) -> None:
        """Delay the answer to a failure, then wait for its turn: many others may have been delayed as long."""
        await asyncio.sleep(self._failure_delay)
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
        return self._gate.finish(found, digest, "push" if request.route is Route.PUSH else "read")

    async def _answer(self, request: Request, grant: Grant) -> Reply | FrameStream:
        route = request.route
        if route is Route.UNKNOWN:
            return error_reply(404, "not_found")
        if request.call.method != route.method:
            return error_reply(405, "method_not_allowed")
        if route is Route.REFS:
            return await self._refs(request, grant)
        if route is Route.UPDATE:
            if self._updates is None:
                return error_reply(404, "not_found")
            answering = self._updates.answer(grant.key, request.call.content_type, request.body, request.address)
            return await until_disconnect(request.receive, answering)
        if route is Route.PUSH:
            if self._pushes is None:
                return error_reply(403, "forbidden")
            return await until_disconnect(request.receive, self._pushes.answer(grant, request.body))
        key, body, due = grant.key, request.body, self._work.due
        if route is Route.OBJECT:
            return await self._run(request, self._endpoint.object(key, request.call.path, due))
        if route is Route.REFS_DIFF:
            sketched = request.call.content_type == SKETCH_TYPE
            differ = self._endpoint.refs_sketch if sketched else self._endpoint.refs_diff
            return await self._run(request, differ(key, body, due))
        if route is Route.WALK:
            return await self._run(request, self._endpoint.walk(key, body, due))
        serve = self._endpoint.fetch if route is Route.FETCH else self._endpoint.objects
        return await self._run(request, serve(key, body, _sealer(grant), self._clock, due))

    async def _run(self, request: Request, work: Work[T]) -> T:
        """Do a piece of work, in turns with that of other keys; returns its result."""
        return await self._work.finish(request.kid, work, partial(until_disconnect, request.receive))

    async def _refs(self, request: Request, grant: Grant) -> Reply:
        known = request.known_root()
        seconds = request.wait_seconds()
        if known and seconds:
            await until_disconnect(request.receive, self._watch.wait(known, seconds))
        if known and self._endpoint.index_root() == known:
            return self._endpoint.unchanged(known)
        if request.prefers_minimal():
            return self._endpoint.brief()
        return await self._run(request, self._endpoint.refs(grant.key, request.accepts(), self._work.due))

    async def _send_held(self, request: Request, reply: Reply, grant: Grant) -> None:
        """Send an answer, unless its key has too much in flight. (The list of all refs is held once for all.)"""
        owner = _owner(request)
        size = 0 if request.route is Route.REFS else len(reply.body)
        if self._answers[owner] + size > ANSWERS_PER_KEY:
            reply, size = _BUSY, 0
        self._answers[owner] += size
        try:
            await until_disconnect(request.receive, self._send(request, reply, grant))
        finally:
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
                return  # clients without a key get no log lines of their own
            log.warning("gave up the answer to a client that reads too slowly: %s", request.address)

    async def _stream(self, request: Request, stream: FrameStream) -> None:
        try:
            async with asyncio.timeout(2 * self._bounds.response_seconds):
                await until_disconnect(request.receive, request.send_frames(stream, self._work))
        except TimeoutError:
            log.warning("gave up the answer to a client that reads too slowly: %s", request.address)

    def _count(self, kid: str, result: str) -> None:
        self._samples.inc("auth_attempts_total", key_id=kid or "unknown", result=result)


def _owner(request: Request) -> tuple[str, str]:
    """The account that an authenticated request is charged to: its source and its key."""
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
