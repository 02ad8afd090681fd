"""The server's side of `/v0`: from a verified request to the plan of its response. No sockets, no headers' syntax.

An answer is either whole (`Reply`) or a `FrameStream`, made piece by piece so that memory stays bounded and no
read transaction is open between two pieces. A key sees the refs of its scope, and gets objects that these reach.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from zonegit.auth.key import Key
from zonegit.auth.scope import Scope
from zonegit.errors import InvalidData, NotFound, RevisionError
from zonegit.model.ids import ID_SIZE, Kind, ObjectId, parse_id
from zonegit.store.port import Reader, Store
from zonegit.sync import limits, ref_diff, wire
from zonegit.sync.closure import Closure
from zonegit.sync.frames import FrameWriter, Seal
from zonegit.sync.plans import Plans
from zonegit.sync.reach import reaches
from zonegit.sync.tips import Tips
from zonegit.sync.visible import Visible
from zonegit.sync.work import Due, Work, in_reads, never

OBJECT_TYPE: Final = "application/vnd.zonegit.object"
_OBJECT_PATH: Final = "/v0/objects/"
_SCOPES: Final = 16
"""Scopes whose refs are kept made."""


class Route(Enum):
    """An endpoint: its method, the label of its metrics, and how long its request's body may be."""

    REFS = ("GET", "refs", 0)
    REFS_DIFF = ("POST", "refs_diff", limits.DIFF_BODY)
    OBJECT = ("GET", "object", 0)
    WALK = ("POST", "walk", limits.FETCH_BODY)
    OBJECTS = ("POST", "objects", limits.LIST_BODY)
    FETCH = ("POST", "fetch", limits.FETCH_BODY)
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
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A response that is there as a whole."""

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
    """An error's response. Every 401 asks for the scheme and tells nothing else."""
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("www-authenticate", "ZG1-HMAC-SHA256"),)
    if retry_after:
        headers = (("retry-after", str(retry_after)),)
    return Reply(status, wire.JSON_TYPE, wire.encode_error(error, server_time), headers)


class Endpoint:
    """Answers requests from a store."""

    def __init__(self, store: Store, workers: int = 1, bounds: limits.ServerLimits = limits.SERVER) -> None:
        self._store = store
        self._workers = workers
        self.bounds = bounds
        self._refs: OrderedDict[tuple[tuple[Scope, ...], bool], Visible] = OrderedDict()
        self._plans = Plans()

    def index_root(self) -> str:
        """What decides whether refs changed: 64 hex digits."""
        with self._store.read() as reader:
            return reader.index_root.hex()

    def refs(self, key: Key, all_names: bool = False, due: Due = never) -> Work[Reply]:
        """The refs that a key may see, and whose names the client can take (`wire.ALL_NAMES`)."""
        refs, body = yield from self._visible(key, all_names).list(due)
        return Reply(200, wire.JSON_TYPE, body, (*_etag(refs), ("cache-control", "no-cache")))

    def brief(self) -> Reply:
        """The state of the refs without the refs: for a client that asks what differs afterwards."""
        with self._store.read() as reader:
            refs = wire.PeerRefs(reader.epoch, reader.seq, reader.index_root.hex(), Tips(), Tips(), self._workers)
        return Reply(200, wire.JSON_TYPE, refs.encode_brief(), _etag(refs))

    def refs_diff(self, key: Key, body: bytes, due: Due = never) -> Work[Reply]:
        """Those of the refs that a key may see which stand in buckets that differ from the client's."""
        question = ref_diff.Question.decode(body)
        change = yield from self._visible(key, question.all_names).change(question, due)
        answer = yield from change.writing(due)
        return Reply(200, wire.JSON_TYPE, answer, (("cache-control", "no-store"),))

    def _visible(self, key: Key, all_names: bool) -> Visible:
        kind = key.scopes, all_names
        found = self._refs.pop(kind, None) or Visible(self._store, key, self._workers, all_names=all_names)
        self._refs[kind] = found
        if len(self._refs) > _SCOPES:
            self._refs.popitem(last=False)
        return found

    def unchanged(self, root: str) -> Reply:
        """Nothing new. The root stands in the Content-Type too, which is signed, unlike the ETag."""
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
        """The ids of what `roots` reach and `known` don't."""
        request = yield from wire.FetchRequest.reading(body, due, "roots", "known")
        closure = yield from self._closure(key, request, due)
        steps = closure.steps()

        def read(reader: Reader) -> Iterator[bytes | None]:
            closure.objects = reader
            return (found and found[0] for found in steps)

        missing = yield from _taken(self._store, read, due, limits.MAX_WALK, limits.MAX_WALK * ID_SIZE)
        position = closure.position
        return Reply(200, wire.JSON_TYPE, wire.encode_walk(missing, position.encode() if position else b""))

    def fetch(
        self, key: Key, body: bytes, seal: Seal, clock: Callable[[], float], due: Due = never
    ) -> Work["FrameStream"]:
        """Frames of what `want` reaches and `have` doesn't. `NotFound`, `Conflict` for a foreign cursor."""
        request = yield from wire.FetchRequest.reading(body, due)
        closure = yield from self._closure(key, request, due)
        writer = FrameWriter(seal, compress=request.compress, sealed=request.sealed)
        return FrameStream(self._store, _Missing(closure), writer, clock, self.bounds)

    def objects(
        self, key: Key, body: bytes, seal: Seal, clock: Callable[[], float], due: Due = never
    ) -> Work["FrameStream"]:
        """Frames of the objects asked for, in that order. `NotFound` unless all are here."""
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
        return (yield from self._plans.closure(self._store, request, due, blind=not _sees_all(key)))

    def _check_reach(self, key: Key, asked: tuple[ObjectId, ...], due: Due) -> Work[None]:
        """`NotFound` where a key with a narrower scope asks for what the refs that it sees don't reach."""
        if _sees_all(key):
            return
        tips = yield from self._visible(key, True).tips(due)
        if not (yield from reaches(self._store, tips, asked, due)):
            raise NotFound("an object that was asked for is not here, or not in the key's scope")


def _sees_all(key: Key) -> bool:
    return key.allows_zone("read", ".")


def _taken(
    store: Store, read: Callable[[Reader], Iterator[bytes | None]], due: Due, count: int, size: int
) -> Work[list[bytes]]:
    """What `read` gives out by and by, until it is so many or their bytes are. None is a step without any."""
    found: list[bytes] = []
    left = size

    def go_on(reader: Reader) -> bool:
        nonlocal left
        for data in read(reader):
            if data is not None:
                found.append(data)
                left -= len(data)
                if len(found) >= count or left <= 0:
                    return True
            if due():
                return False
        return True

    yield from in_reads(store, go_on)
    return found


def _etag(refs: wire.PeerRefs) -> tuple[tuple[str, str], ...]:
    return (("etag", f'"{refs.root}"'),)


class _Missing:
    """Objects of a closure, one read transaction after the other."""

    def __init__(self, closure: Closure) -> None:
        self._closure = closure
        self._steps = closure.steps()

    def read(self, reader: Reader) -> Iterator[bytes | None]:
        self._closure.objects = reader
        return (found and found[1] for found in self._steps)

    @property
    def cursor(self) -> bytes:
        position = self._closure.position
        return position.encode() if position else b""


class _Listed:
    """Objects of a list; the cursor counts those that were given out."""

    def __init__(self, ids: tuple[ObjectId, ...]) -> None:
        self._ids = ids
        self._at = 0

    def read(self, reader: Reader) -> Iterator[bytes]:
        while self._at < len(self._ids):
            self._at += 1
            yield reader.get(self._ids[self._at - 1])

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
        """Whether nothing comes any more."""
        return self._ended

    def fail(self, reason: str) -> bytes:
        """The frames that end the stream with an error."""
        self._ended = True
        return self._writer.error("internal", reason) + self._writer.end(int(self._clock()))

    def piece(self, due: Due = never) -> Work[bytes]:
        """The next group with what follows it. Nothing else of it is held while a slow client takes it."""
        objects = yield from _taken(self._store, self._source.read, due, limits.GROUP_OBJECTS, limits.GROUP_BYTES)
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
