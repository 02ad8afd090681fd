"""A server's refs by name, with summaries that are updated at each move: a sketch, a sum and an index.

Updating the sketch and the sum takes some microseconds per moved ref. The index, for peers without sketches, is
updated when it is asked for: each changed bucket, a 256th of all refs, is hashed again.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from blake3 import blake3

from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.store.refindex import BUCKET_DIGEST, FlatIndex, index_key
from zonegit.sync.sketch import ELEMENT, Sketch
from zonegit.sync.work import Due, Work, finish, never

BUCKETS: Final = 256
EMPTY: Final = bytes(BUCKET_DIGEST)
"""The digest of a bucket without refs."""
SUM: Final = 32
"""Bytes of the sum of all refs' fingerprints."""
_MASK: Final = (1 << 8 * SUM) - 1
_HALF: Final = ELEMENT // 2
"""An element is this many bytes of the name's hash, then as many of the fingerprint, which covers the tip too."""
_PURPOSE: Final = b"zonegit/v0 refs "


class RefTable:
    """A map from names to tips.

    `epoch` is that of the server whose refs they are. Fingerprints depend on it, so that an attacker who names refs
    in one repository can't choose their elements in the sketch of another.
    """

    def __init__(self, refs: Iterable[tuple[RefName, ObjectId]] = (), epoch: str = "") -> None:
        self.sketch = Sketch()
        self.sum = 0
        """The sum of all fingerprints, modulo 2^256: equal if and only if all refs are equal."""
        self._salt = blake3(_PURPOSE + epoch.encode()).digest()
        self._buckets: list[dict[RefName, ObjectId]] = [{} for _ in range(BUCKETS)]
        self._names: dict[int, RefName] = {}
        """Element of the sketch -> name."""
        self._index = FlatIndex()
        self._stale: set[int] = set()
        """Buckets that have changed since the index was last brought up to date."""
        for name, tip in refs:
            self.move(name, tip)

    def get(self, name: RefName) -> ObjectId | None:
        return self._buckets[index_key(name)[0]].get(name)

    def move(self, name: RefName, tip: ObjectId | None) -> None:
        """Move a ref; None removes it."""
        key = index_key(name)
        bucket = self._buckets[key[0]]
        before = bucket.get(name)
        if before == tip:
            return
        self._stale.add(key[0])
        if before is not None:
            self._names.pop(self._count(key, before, -1), None)
        if tip is None:
            del bucket[name]
        else:
            bucket[name] = tip
            self._names[self._count(key, tip, 1)] = name

    def fingerprint(self, name: RefName, tip: ObjectId) -> int:
        """What a ref adds to the sum."""
        return int.from_bytes(self._fingerprint(index_key(name), tip), "big")

    def named(self, element: int) -> RefName | None:
        """The ref that has this element in the sketch, at its current tip."""
        return self._names.get(element)

    def _fingerprint(self, key: bytes, tip: ObjectId) -> bytes:
        return blake3(key + tip, key=self._salt).digest()

    def _count(self, key: bytes, tip: ObjectId, count: int) -> int:
        """Add (1) or remove (-1) a ref in sketch and sum; returns its element."""
        fingerprint = self._fingerprint(key, tip)
        element = int.from_bytes(key[:_HALF] + fingerprint[:_HALF], "big")
        self.sketch.put(element, count)
        self.sum = (self.sum + count * int.from_bytes(fingerprint, "big")) & _MASK
        return element

    def size(self, prefix: int) -> int:
        """How many refs are in a bucket."""
        return len(self._buckets[prefix])

    def bucket(self, prefix: int) -> Iterator[tuple[RefName, ObjectId]]:
        return iter(self._buckets[prefix].items())

    def __iter__(self) -> Iterator[tuple[RefName, ObjectId]]:
        return (item for bucket in self._buckets for item in bucket.items())

    def copy(self, prefixes: Iterable[int]) -> list[list[tuple[RefName, ObjectId]]]:
        """The refs of these buckets as they are now, one list for each bucket."""
        return [list(self._buckets[prefix].items()) for prefix in prefixes]

    @property
    def root(self) -> str:
        """The root of the index, as 64 hex digits."""
        finish(self.settle(never))
        return self._index.root.hex()

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The digests of all buckets, in the order of their prefixes."""
        finish(self.settle(never))
        return tuple(self._index.digest(prefix) or EMPTY for prefix in range(BUCKETS))

    @property
    def settled(self) -> bool:
        """Whether the index is up to date."""
        return not self._stale

    def settle(self, due: Due) -> Work[None]:
        """Bring the index up to date."""
        while self._stale:
            prefix = self._stale.pop()
            self._index.put(prefix, ((index_key(name), tip) for name, tip in self._buckets[prefix].items()))
            if due():
                yield
