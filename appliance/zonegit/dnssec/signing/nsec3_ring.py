"""The NSEC3 records of a signed zone as a ring of digests: which one is before any other, and what follows it.

The tree has hashed owners among the plain ones. A search backwards soon meets one if the plain names lie evenly
among the digests. They needn't: a million of them may lie between two, and with opt-out nearly all names may be
plain. So a search along the chain goes on at the same time, and either is short where the other one is long.
"""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from zonegit.dnssec.signing.nsec3_hash import SIZE, Digest, Nsec3, digest_key, key_digest
from zonegit.model.rrset import RRKey
from zonegit.tree.walk import keys_before
from zonegit.tree.zone_tree import Tree

_FIRST_JUMP: Final = 132
"""Bits of the first jump back: a gap among a quarter of a billion digests."""
_BITS: Final = 8 * SIZE
_BATCH: Final = 32
"""Keys that are looked at in one go: about as many as two leaves have."""
_END: Final = RRKey(b"w")
"""Beyond the key of any digest, which begins with `v` at most."""


class Broken(Exception):
    """The records don't make a ring."""


class Ring(NamedTuple):
    """The NSEC3 records of a signed zone."""

    signed: Tree
    start: Digest
    """That of the apex, which is always in the ring."""

    def has(self, digest: Digest) -> bool:
        """Whether a digest is in the ring."""
        return self.signed.payload(digest_key(digest)) is not None

    def record(self, digest: Digest) -> Nsec3:
        """The record of a digest in the ring. `Broken` if there is none."""
        payload = self.signed.payload(digest_key(digest))
        if payload is None:
            raise Broken
        return Nsec3.read(payload)

    def before(self, digest: Digest) -> Digest:
        """The last digest of the ring before this one, which needn't be in it. The first one comes after the last.

        `Broken` if there is none.
        """
        for both in zip(self._walked(digest), self._followed(digest), strict=False):
            for found in both:
                if found is not None:
                    return found
        raise Broken

    def _walked(self, digest: Digest) -> Iterator[Digest | None]:
        """Search backwards among all keys. Yields None until it is found."""
        keys = chain(self._keys_before(digest_key(digest)), self._keys_before(_END))
        while batch := list(islice(keys, _BATCH)):
            yield _first_digest(batch)

    def _followed(self, digest: Digest) -> Iterator[Digest | None]:
        """Search along the chain from a digest that is not far before. Yields None until it is found."""
        here = self.start
        for near in self._jumped(digest):
            yield None
            if near is not None:
                here = near
                break
        following = self.record(here).following
        while not _is_between(here, digest, following):
            yield None
            here, following = following, self.record(following).following
        yield here

    def _jumped(self, digest: Digest) -> Iterator[Digest | None]:
        """A digest of the ring before this one, from ever further back. Yields None for each place without one."""
        number = int.from_bytes(digest, "big")
        for bits in range(_FIRST_JUMP, _BITS):
            if number < 1 << bits:
                return
            place = Digest((number - (1 << bits)).to_bytes(SIZE, "big"))
            yield _first_digest(islice(self._keys_before(digest_key(place)), _BATCH))

    def _keys_before(self, key: RRKey) -> Iterator[RRKey]:
        return keys_before(self.signed.nodes, self.signed.root, key)


def _first_digest(keys: Iterator[RRKey] | list[RRKey]) -> Digest | None:
    return next((digest for key in keys if (digest := key_digest(key)) is not None), None)


def _is_between(start: Digest, digest: Digest, end: Digest) -> bool:
    """Whether a digest comes after one and not after the next one, in a ring."""
    return start < digest <= end if start < end else digest > start or digest <= end
