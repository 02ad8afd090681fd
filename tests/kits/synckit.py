"""Zones in a store for tests of replication, and a pull between two stores over bytes, without a socket."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from zonegit.auth.key import Key
from zonegit.auth.scheme import sign_response
from zonegit.auth.scope import parse_scope
from zonegit.errors import Refused
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import Owner, join, parse_apex
from zonegit.model.refs import head, tag
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import Shape, Zone
from zonegit.repo.context import Context
from zonegit.repo.peer_status import REFUSED
from zonegit.repo.writing import check_not_mirrored
from zonegit.store.port import RefUpdate, Store
from zonegit.sync.frames import CONTENT_TYPE, Check, Seal
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.limits import SERVER, ServerLimits
from zonegit.sync.mirror import Moved
from zonegit.sync.ref_sketch import FINE, FIRST, SketchAnswer
from zonegit.sync.server import Endpoint, FrameStream
from zonegit.sync.session import Ask, Session
from zonegit.sync.sketch import width_for
from zonegit.sync.wire import ALL_REFS, Accepts, PeerRefs
from zonegit.sync.work import Work, finish
from zonegit.tree.build import build

WHO = Stamp("Test <test@example.org>", 1_767_225_600)
SHAPE = Shape(b"s" * 32)
SMALL_NODES = Shape(b"t" * 32, 64, 128, 256)
KEY = Key.derive("k1", bytes(range(32)), scopes=(parse_scope("read:*"),))
PEER = "primary-1"
ORG, NET = "example.org.", "example.net."
Content = dict[RRKey, bytes]


def soa(apex: str) -> RRset:
    rdata = (
        parse_apex("ns." + apex)
        + parse_apex("admin." + apex)
        + b"".join(n.to_bytes(4, "big") for n in (0, 60, 60, 600, 60))
    )
    return RRset.of(Owner(b""), 6, 3600, [rdata])


def names(apex: str, count: int, seed: int = 0, large: int = 0) -> Content:
    """A zone of an SOA, `count` addresses, and `large` RRsets that need objects of their own."""
    rng = Random(seed)
    sets = [soa(apex)]
    sets += [RRset.of(join([b"h%06d" % at]), 1, 300, [rng.randbytes(4)]) for at in range(count)]
    for at in range(large):
        sets.append(RRset.of(join([b"large%d" % at]), 28, 300, [rng.randbytes(16) for _ in range(90)]))
    return dict(sorted((found.key, found.encode()) for found in sets))


def commit(
    store: Store,
    apex: str,
    content: Mapping[RRKey, bytes],
    *,
    branch: str = "main",
    shape: Shape = SHAPE,
    parents: tuple[ObjectId, ...] | None = None,
    message: str = "",
) -> ObjectId:
    """Put a version of a zone on a branch, on top of what is there (or of `parents`)."""
    built = build(shape, sorted(content.items()))
    zone = Zone(built.root, shape, built.records).encode()
    name = head(apex, branch)
    with store.write() as writer:
        tip = writer.ref(name)
        if parents is None:
            parents = () if tip is None else (tip,)
        above = [Commit.decode(writer.get(oid)) for oid in parents]
        made = Commit(
            object_id(zone),
            parents,
            apex,
            1 + max((old.seq for old in above), default=0),
            1 + max((old.generation for old in above), default=0),
            WHO,
            WHO,
            message or f"version of {apex}",
        ).encode()
        writer.insert([*built.objects, zone, made])
        oid = object_id(made)
        writer.move_refs([RefUpdate(name, tip, oid)], WHO, "commit: test")
    return oid


def move(store: Store, apex: str, branch: str, oid: ObjectId | None) -> None:
    with store.write() as writer:
        name = head(apex, branch)
        writer.move_refs([RefUpdate(name, writer.ref(name), oid)], WHO, "reset: test")


def put_tag(store: Store, apex: str, name: str, oid: ObjectId) -> None:
    with store.write() as writer:
        writer.move_refs([RefUpdate(tag(apex, name), None, oid)], WHO, "tag: test")


def local_refs(store: Store) -> dict[str, ObjectId]:
    """Heads and tags."""
    with store.read() as reader:
        return {name: oid for prefix in ("refs/heads/", "refs/tags/") for name, oid in reader.refs(prefix)}


def refused(store: Store) -> set[str]:
    """Zones of the peer's that are not followed."""
    with store.read() as reader:
        return set(REFUSED.read(reader).get(PEER, ()))


def writable(store: Store, zone: str = ORG) -> bool:
    """Whether a zone may be changed here."""
    try:
        check_not_mirrored(Context.over(store), zone)
    except Refused:
        return False
    return True


def refs_of(store: Store, key: Key = KEY, accepts: Accepts = ALL_REFS) -> PeerRefs:
    return PeerRefs.decode(finish(Endpoint(store).refs(key, accepts)).body)


def by_sketch(held: KnownRefs, store: Store) -> PeerRefs:
    """What differs in a store. Of random epochs, one in some hundred gives a sketch that says too little: like a
    client, this asks again with a wider one."""
    width, fine = FIRST, FINE
    while width:
        body = finish(Endpoint(store).refs_sketch(KEY, held.sketch(width, fine))).body
        found = SketchAnswer.decode(body)
        if found.differ is None:
            refs = held.resolved(found)
            assert refs is not None
            return refs
        width, fine = width_for(found.differ, above=width), 0
    raise AssertionError("no sketch was wide enough")


def seal_for(request_mac: str, key: Key = KEY) -> Seal:
    return lambda ts, digest: sign_response(
        key, request_mac, status=200, ts=ts, content_type=CONTENT_TYPE, digest=digest
    )


def check_for(request_mac: str, key: Key = KEY) -> Check:
    seal = seal_for(request_mac, key)
    return lambda ts, digest, mac: seal(ts, digest) == mac


def answer(store: Store, ask: Ask, mac: str = "m", bounds: ServerLimits = SERVER) -> bytes:
    """The primary's whole stream for a question."""
    endpoint = Endpoint(store, bounds=bounds)
    serve = endpoint.fetch if ask.path == "/v0/fetch" else endpoint.objects
    return b"".join(pieces(serve(KEY, ask.body, seal_for(mac), lambda: 1_767_225_600.0)))


def pieces(work: Work[FrameStream]) -> Iterator[bytes]:
    """The pieces of a stream that an endpoint makes."""
    stream = finish(work)
    while not stream.ended:
        yield finish(stream.piece())


class Wire:
    """What goes from one store to another in a pull; `change` may spoil a stream before it is received."""

    def __init__(
        self,
        primary: Store,
        change: Callable[[Ask, bytes], bytes] = lambda _, data: data,
        bounds: ServerLimits = SERVER,
    ) -> None:
        self.primary = primary
        self._bounds = bounds
        self.change = change
        self.asks: list[Ask] = []
        self.bytes = 0
        self.objects = 0

    def pull(
        self,
        secondary: Store,
        *,
        split: int = 20_000,
        refs: PeerRefs | None = None,
        step: int = 4096,
        peer: str = PEER,
        who: Stamp = WHO,
    ) -> Moved:
        session = Session(secondary, peer, refs or refs_of(self.primary), split)
        self.run(session, step)
        return session.finish(who)

    def run(self, session: Session, step: int = 4096) -> None:
        """Bring all that a session needs."""
        try:
            while asks := session.next():
                for ask in asks:
                    self._transfer(session, ask, step)
        finally:
            self.objects += session.objects
        assert session.done

    def _transfer(self, session: Session, ask: Ask, step: int) -> None:
        self.asks.append(ask)
        data = self.change(ask, answer(self.primary, ask, bounds=self._bounds))
        self.bytes += len(data)
        session.opened(ask.number, check_for("m"))
        try:
            for at in range(0, len(data), step):
                for batch in session.received(ask.number, data[at : at + step]):
                    session.insert([batch])
            session.ended(ask.number)
        except Exception:
            for batch in session.broken(ask.number):
                session.insert([batch])
            raise
