"""The server's side of `/v0`: from an authenticated request to its response, without any I/O.

A response is either complete (`Reply`) or a `FrameStream`, which is made piece by piece so that memory stays
bounded and no read transaction is open between two pieces. A key sees the refs in its scope, and gets the objects
that are reachable from them.
"""

from collections.abc import Callable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from zonegit.auth.key import Key
from zonegit.errors import InvalidData, NotFound, RevisionError
from zonegit.model.ids import Kind, ObjectId, parse_id
from zonegit.store.port import Reader, Store
from zonegit.sync import limits, push_wire, ref_diff, ref_sketch, update_wire, wire
from zonegit.sync.closure import Closure
from zonegit.sync.closure_cache import ClosureCache
from zonegit.sync.frames import FrameWriter, Seal
from zonegit.sync.reach import reaches
from zonegit.sync.visible import VisibleCache
from zonegit.sync.work import Due, Work, in_reads, never

OBJECT_TYPE: Final = "application/vnd.zonegit.object"
_OBJECT_PATH: Final = "/v0/objects/"


class Route(Enum):
    """An endpoint: its method, its label in metrics, and the most bytes of its request's body."""

    REFS = ("GET", "refs", 0)
    REFS_DIFF = ("POST", "refs_diff", limits.DIFF_BODY)
    OBJECT = ("GET", "object", 0)
    WALK = ("POST", "walk", limits.FETCH_BODY)
    OBJECTS = ("POST", "objects", limits.LIST_BODY)
    FETCH = ("POST", "fetch", limits.FETCH_BODY)
    PUSH = ("POST", "push", limits.PUSH_BODY)
    UPDATE = ("POST", "update", update_wire.UPDATE_BODY)
    UNKNOWN = ("", "unknown", 0)

    def __init__(self, method: str, label: str, body: int) -> None:
        self.method = method
        self.label = label
        self.body = body


_PATHS: Final = {
    "/v0/refs": Route.REFS,
    ref_diff.PATH: Route.REFS_DIFF,
    "/v0/objects/walk": Route.WALK,
    "/v0/objects/fetch": Route.OBJECTS,
    "/v0/fetch": Route.FETCH,
    push_wire.PATH: Route.PUSH,
    update_wire.PATH: Route.UPDATE,
}


class Reply(NamedTuple):
    """A complete response."""

    status: int
    content_type: str = ""
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def find_route(path: str) -> Route:
    """The endpoint of a path, whatever the method."""
    route = _PATHS.get(path)
    if route is None and path.startswith(_OBJECT_PATH) and "/" not in path[len(_OBJECT_PATH) :]:
        return Route.OBJECT
    return route or Route.UNKNOWN


def error_reply(status: int, error: str, *, server_time: int | None = None, retry_after: int = 0) -> Reply:
    """The response for an error. A 401 names the authentication scheme and nothing else."""
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("www-authenticate", "ZG1-HMAC-SHA256"),)
    if retry_after:
        headers = (("retry-after", str(retry_after)),)
    return Reply(status, wire.JSON_TYPE, wire.encode_error(error, server_time), headers)


_PLAIN: Final = wire.Accepts()


class Endpoint:
    """Answers requests from a store."""

    def __init__(self, store: Store, workers: int = 1, bounds: limits.ServerLimits = limits.SERVER) -> None:
        self._store = store
        self._workers = workers
        self.bounds = bounds
        self._visible = VisibleCache(store, workers)
        self._closures = ClosureCache()

    def index_root(self) -> str:
        """The root of the ref index, 64 hex digits: it changes exactly when refs do."""
        with self._store.read() as reader:
            return reader.index_root.hex()

    def refs(self, key: Key, accepts: wire.Accepts = _PLAIN, due: Due = never) -> Work[Reply]:
        """The refs that a key may see and the client accepts."""
        refs, body = yield from self._visible.of(key, accepts).list(due)
        return Reply(200, wire.JSON_TYPE, body, (*_etag(refs), ("cache-control", "no-cache")))

    def brief(self) -> Reply:
        """The state of the refs without the refs, for a client that then asks for the differences."""
        with self._store.read() as reader:
            refs = wire.PeerRefs(reader.epoch, reader.seq, reader.index_root.hex(), workers=self._workers)
        return Reply(200, wire.JSON_TYPE, refs.encode_brief(), _etag(refs))

    def refs_diff(self, key: Key, body: bytes, due: Due = never) -> Work[Reply]:
        """The refs that a key may see, in the buckets that differ from the client's."""
        question = ref_diff.Question.decode(body)
        change = yield from self._visible.of(key, question.accepts).change(question, due)
        answer = yield from change.writing(due)
        return Reply(200, wire.JSON_TYPE, answer, (("cache-control", "no-store"),))

    def refs_sketch(self, key: Key, body: bytes, due: Due = never) -> Work[Reply]:
        """The refs that a key may see and a client's sketch lacks, and the elements that only the sketch has."""
        asked = ref_sketch.SketchQuestion.decode(body)
        found = yield from self._visible.of(key, asked.accepts).sketched(asked, due)
        answer = yield from found.writing(due)
        return Reply(200, wire.JSON_TYPE, answer, (("cache-control", "no-store"),))

    def unchanged(self, root: str) -> Reply:
        """The response 304. The Content-Type has the root too, because it is signed and the ETag isn't."""
        return Reply(304, f"{wire.JSON_TYPE}; root={root}", b"", (("etag", f'"{root}"'),))

    def object(self, key: Key, path: str, due: Due = never) -> Work[Reply]:
        """One object's bytes. `NotFound`."""
        try:
            oid = parse_id(path[len(_OBJECT_PATH) :])
        except RevisionError as error:
            raise InvalidData(str(error)) from None
        yield from self._check_reach(key, (oid,), due)
        with self._store.read() as reader:
            data = reader.get(oid)
        headers = (
            ("x-object-kind", Kind(data[0]).name.lower()),
            ("cache-control", "private, max-age=31536000, immutable"),
        )
        return Reply(200, OBJECT_TYPE, data, headers)

    def walk(self, key: Key, body: bytes, due: Due = never) -> Work[Reply]:
        """The ids of the objects reachable from `roots` but not from `known`."""
        request = yield from wire.FetchRequest.reading(body, due, "roots", "known")
        closure = yield from self._closure(key, request, due)
        missing: list[ObjectId] = []
        steps = closure.steps()
        size = 0

        def go_on(reader: Reader) -> bool:
            nonlocal size
            closure.objects = reader
            for found in steps:
                if found is not None:
                    missing.append(found[0])
                    size += len(found[1])
                    if len(missing) >= limits.MAX_WALK:
                        return True
                if due():
                    return False
            return True

        yield from in_reads(self._store, go_on)
        position = closure.position
        cursor = position.encode() if position else b""
        return Reply(200, wire.JSON_TYPE, wire.encode_walk(missing, size, cursor))

    def fetch(
        self, key: Key, body: bytes, seal: Seal, clock: Callable[[], float], due: Due = never
    ) -> Work["FrameStream"]:
        """Frames of the objects reachable from `want` but not from `have`. `NotFound`; `Conflict` for a cursor of
        another request.
        """
        request = yield from wire.FetchRequest.reading(body, due)
        closure = yield from self._closure(key, request, due)
        writer = FrameWriter(seal, compress=request.compress, sealed=request.sealed)
        return FrameStream(self._store, _Missing(closure), writer, clock, self.bounds)

    def objects(
        self, key: Key, body: bytes, seal: Seal, clock: Callable[[], float], due: Due = never
    ) -> Work["FrameStream"]:
        """Frames of the requested objects, in that order. `NotFound` unless all are here."""
        ids = wire.decode_ids(body)
        yield from self._check_reach(key, ids, due)
        waiting = iter(ids)

        def go_on(reader: Reader) -> bool:
            for oid in waiting:
                if not reader.has(oid):
                    raise NotFound(f"object {oid.hex()} is not here")
                if due():
                    return False
            return True

        yield from in_reads(self._store, go_on)
        return FrameStream(self._store, _Listed(ids), FrameWriter(seal), clock, self.bounds)

    def _closure(self, key: Key, request: wire.FetchRequest, due: Due) -> Work[Closure]:
        yield from self._check_reach(key, request.want, due)
        return (yield from self._closures.closure(self._store, request, due, blind=not _sees_all(key)))

    def _check_reach(self, key: Key, asked: tuple[ObjectId, ...], due: Due) -> Work[None]:
        """`NotFound` if a key with a narrow scope asks for objects not reachable from the refs that it may see."""
        if _sees_all(key):
            return
        tips = yield from self._visible.of(key).tips(due)
        if not (yield from reaches(self._store, tips, asked, due)):
            raise NotFound("a requested object is not here, or not in the key's scope")


def _sees_all(key: Key) -> bool:
    return key.allows_all("read")


def _etag(refs: wire.PeerRefs) -> tuple[tuple[str, str], ...]:
    return (("etag", f'"{refs.root}"'),)


class _Missing:
    """The objects of a closure, read in one transaction after another."""

    def __init__(self, closure: Closure) -> None:
        self._closure = closure

    def collect(self, reader: Reader, found: list[bytes], due: Due) -> bool:
        """Read on, until `found` is a group or nothing is left; False if it is due before."""
        self._closure.objects = reader.successive()
        return self._closure.collect(found, limits.GROUP_OBJECTS, limits.GROUP_BYTES, due)

    @property
    def cursor(self) -> bytes:
        position = self._closure.position
        return position.encode() if position else b""


class _Listed:
    """The objects of a list; the cursor is the number of those that were yielded."""

    def __init__(self, ids: tuple[ObjectId, ...]) -> None:
        self._ids = ids
        self._at = 0

    def read(self, reader: Reader) -> Iterator[bytes]:
        while self._at < len(self._ids):
            self._at += 1
            yield reader.get(self._ids[self._at - 1])

    def collect(self, reader: Reader, found: list[bytes], due: Due) -> bool:
        """As that of `_Missing`."""
        left = limits.GROUP_BYTES - sum(map(len, found))
        for data in self.read(reader):
            found.append(data)
            left -= len(data)
            if len(found) >= limits.GROUP_OBJECTS or left <= 0:
                return True
            if due():
                return False
        return True

    @property
    def cursor(self) -> bytes:
        return self._at.to_bytes(2, "big") if self._at < len(self._ids) else b""


class FrameStream:
    """A response's frames, one group (with its checkpoint) at a time."""

    def __init__(
        self,
        store: Store,
        source: _Missing | _Listed,
        writer: FrameWriter,
        clock: Callable[[], float],
        bounds: limits.ServerLimits,
    ) -> None:
        self._store = store
        self._source = source
        self._writer = writer
        self._clock = clock
        self._most = bounds.response_bytes
        self._until = clock() + bounds.response_seconds
        self._ended = False

    @property
    def objects(self) -> int:
        return self._writer.objects

    @property
    def ended(self) -> bool:
        """Whether the last frame was made."""
        return self._ended

    def fail(self, reason: str) -> bytes:
        """The frames that end the stream with an error."""
        self._ended = True
        return self._writer.error("internal", reason) + self._writer.end(int(self._clock()))

    def piece(self, due: Due = never) -> Work[bytes]:
        """The next group with its checkpoint or end. Only this is in memory while a slow client reads it."""
        objects: list[bytes] = []
        yield from in_reads(self._store, lambda reader: self._source.collect(reader, objects, due))
        cursor = self._source.cursor
        frames = [(yield from self._writer.grouping(objects, due))] if objects else []
        if not cursor or self._full():
            self._ended = True
            frames.append(self._writer.end(int(self._clock()), cursor))
        else:
            frames.append(self._writer.checkpoint(cursor, int(self._clock())))
        return b"".join(frames)

    def _full(self) -> bool:
        return self._writer.size >= self._most or self._clock() >= self._until
