"""Refs under the names that they have at a server, with the index over them, kept up ref by ref.

One that moves costs the hashes of its bucket, a 256th of all refs, when the digests are next asked for.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.store.refindex import BUCKET_DIGEST, FlatIndex, index_key
from zonegit.sync.work import Due, Work, finish, never

BUCKETS: Final = 256
EMPTY: Final = bytes(BUCKET_DIGEST)
"""In place of the digest of a bucket without refs."""


class RefTable:
    """A map from names to tips."""

    def __init__(self, refs: Iterable[tuple[RefName, ObjectId]] = ()) -> None:
        self._buckets: list[dict[bytes, tuple[RefName, ObjectId]]] = [{} for _ in range(BUCKETS)]
        self._index = FlatIndex()
        self._stale: set[int] = set()
        """Buckets that aren't in the index as they are."""
        for name, tip in refs:
            self.move(name, tip)

    def get(self, name: RefName) -> ObjectId | None:
        key = index_key(name)
        found = self._buckets[key[0]].get(key)
        return None if found is None else found[1]

    def move(self, name: RefName, tip: ObjectId | None) -> None:
        """Move a ref; None removes it."""
        key = index_key(name)
        if tip is None:
            self._buckets[key[0]].pop(key, None)
        else:
            self._buckets[key[0]][key] = name, tip
        self._stale.add(key[0])

    def bucket(self, prefix: int) -> Iterator[tuple[RefName, ObjectId]]:
        return iter(self._buckets[prefix].values())

    def __iter__(self) -> Iterator[tuple[RefName, ObjectId]]:
        return (item for bucket in self._buckets for item in bucket.values())

    def copy(self, prefixes: Iterable[int]) -> list[list[tuple[RefName, ObjectId]]]:
        """The refs of buckets as they are now, each bucket for itself."""
        return [list(self._buckets[prefix].values()) for prefix in prefixes]

    @property
    def root(self) -> str:
        """Of the index, 64 hex digits."""
        finish(self.settle(never))
        return self._index.root.hex()

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Of all buckets, by their prefix."""
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
            self._index.put(prefix, ((key, tip) for key, (_, tip) in self._buckets[prefix].items()))
            if due():
                yield
