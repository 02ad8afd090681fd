"""Made-up zone content for tests of the tree, and a place to keep its objects."""

from random import Random

from zonegit.errors import NotFound
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import join, owner_key
from zonegit.model.rrset import RRKey, RRset, key_parts, rr_key
from zonegit.model.zone import Shape
from zonegit.tree.build import Built
from zonegit.tree.source import NodeCache, Nodes

SHAPES = [Shape(b"s" * 32), Shape(b"t" * 32, 64, 128, 256), Shape(b"u" * 32, 320, 4096, 8192)]
"""The shipped one; one with many levels; one with large nodes."""

_LABELS = [b"a", b"b", b"www", b"mail", b"*", b"_tcp", b"x" * 63, b"\0", b"\1", b"\0\1\2", b"\xff"]


class Objects:
    """A `NodeSource` in a dict, which counts its reads."""

    def __init__(self) -> None:
        self.data: dict[ObjectId, bytes] = {}
        self.reads = 0
        self.nodes = Nodes(self, NodeCache(10_000))

    def get(self, oid: ObjectId) -> bytes:
        self.reads += 1
        if oid not in self.data:
            raise NotFound(f"no object {oid.hex()}")
        return self.data[oid]

    def take(self, built: Built) -> Built:
        self.data.update((object_id(data), data) for data in built.objects)
        return built


def key_of(rng: Random) -> RRKey:
    """A random key: mostly flat names, some deep, some with odd bytes."""
    if rng.random() < 0.7:
        parts = [b"h%05d" % rng.randint(0, 99999)]
    else:
        parts = [rng.choice(_LABELS) for _ in range(rng.choice([0, 1, 2, 3, 3]))]
    return rr_key(owner_key(join(parts)), rng.choice([1, 1, 1, 16, 28, 2]))


def payload_of(key: RRKey, rng: Random, *, small: bool = False) -> bytes:
    """A random stored RRset for a key; one in thirty is large enough for an object of its own."""
    owner, rtype = key_parts(key)
    if rtype == 1:
        count = 1 if small else rng.choice([1, 1, 1, 2, 30, 80])
        rdatas = [rng.randbytes(4) for _ in range(count)]
    elif rtype == 28:
        rdatas = [rng.randbytes(16)]
    elif rtype == 16:
        rdatas = [bytes((n,)) + rng.randbytes(n) for n in [rng.randint(0, 250)]]
    else:
        rdatas = [b"\3ns%d" % rng.randint(0, 9) + b"\0"]
    return RRset.of(owner, rtype, rng.choice([0, 300, 3600]), rdatas).encode()


def content(count: int, seed: int) -> dict[RRKey, bytes]:
    """`count` (or a few less) random entries."""
    rng = Random(seed)
    keys = {key_of(rng) for _ in range(count)}
    return {key: payload_of(key, rng) for key in sorted(keys)}
