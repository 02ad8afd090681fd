"""Small histories for tests of the store: zones of made-up records, their commits, and refs to them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from zonegit.model.commit import Commit, Stamp, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import Owner, join
from zonegit.model.refs import RefName, head
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape, Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate, Writer
from zonegit.tree.build import build

WHO = Stamp("Ada <ada@example.org>", 1767225600, 60)
ZONE = "example.org."
MAIN = head(ZONE, "main")
SHAPE = Shape(b"s" * 32)
SMALL_NODES = Shape(b"s" * 32, 64, 128, 256)
SOA = RRset.of(Owner(b""), 6, 3600, [b"\2ns\0\5admin\0" + bytes(20)])


def index_root(path: Path) -> bytes:
    """The root of the ref index of the repository in a directory."""
    store = LmdbStore.open(path, readonly=True)
    try:
        with store.read() as reader:
            return reader.index_root
    finally:
        store.close()


def heads(path: Path) -> dict[RefName, ObjectId]:
    """Where the branches of the repository in a directory are."""
    return refs(path, "refs/heads/")


def refs(path: Path, prefix: str) -> dict[RefName, ObjectId]:
    """The refs with this prefix of the repository in a directory."""
    store = LmdbStore.open(path, readonly=True)
    try:
        with store.read() as reader:
            return dict(reader.refs(prefix))
    finally:
        store.close()


def addresses(count: int, value: int = 1) -> list[RRset]:
    """An SOA and `count` owners h0, h1, ... with an A record each."""
    rdatas = ((n, bytes((10, value, n >> 8, n & 255))) for n in range(count))
    return [SOA, *(RRset.of(join([b"h%d" % n]), 1, 300, [rdata]) for n, rdata in rdatas)]


def large(owner: bytes = b"big", records: int = 100) -> RRset:
    """An RRset that needs an object of its own."""
    return RRset.of(join([owner]), 1, 300, [bytes((10, 9, 0, n)) for n in range(records)])


def version(
    rrsets: Iterable[RRset],
    parents: Mapping[ObjectId, int] | None = None,
    seq: int = 1,
    zone: str = ZONE,
    shape: Shape = SHAPE,
    message: str = "test\n",
) -> tuple[ObjectId, list[bytes]]:
    """A commit's id and all objects of its version, children first. `parents` gives each one's generation."""
    built = build(shape, sorted((rrset.key, rrset.encode()) for rrset in rrsets))
    zone_object = Zone(built.root, shape, built.records).encode()
    parents = parents or {}
    generation = 1 + max(parents.values(), default=0)
    commit = Commit(object_id(zone_object), tuple(parents), zone, seq, generation, WHO, WHO, message).encode()
    return object_id(commit), [*built.objects, zone_object, commit]


def tag_of(commit: ObjectId, zone: str = ZONE, name: str = "v1") -> bytes:
    return Tag(commit, zone, name, WHO, "a tag\n").encode()


def publish(
    writer: Writer,
    rrsets: Iterable[RRset],
    old: ObjectId | None = None,
    generation: int = 0,
    seq: int = 1,
    name: RefName = MAIN,
    shape: Shape = SHAPE,
) -> ObjectId:
    """Insert a version and move a head to it."""
    commit, objects = version(rrsets, {old: generation} if old else None, seq, shape=shape)
    writer.insert(objects)
    writer.move_refs([RefUpdate(name, old, commit)], WHO, "commit: test")
    return commit
