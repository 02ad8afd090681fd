"""Which NSEC3 record covers a hash: a search that doesn't count the plain names between two hashed owners.

Hashed owners stand among the zone's other names, in one order. Mostly the owner before a hash is the one; where
many plain names lie between, some hashed owner further down is found and its chain followed up, link by link.
Owners met that way are remembered and handed on from version to version: each is read again before it is trusted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Final

from zonegit.dns.blocks import Node
from zonegit.dns.hashing import KEY_SIZE, hash_of, hashed_key, next_hash
from zonegit.dnssec.hashing import HASH_SIZE, Parameters
from zonegit.model.names import OwnerKey

Found = tuple[OwnerKey, Node]
NodeAt = Callable[[OwnerKey], Node | None]
Before = Callable[[OwnerKey], Found | None]

_NEAR: Final = 4
"""Owners that are looked at below a place before another place is tried."""
_LINKS: Final = 24
"""Links of the chain that are followed up from one landmark before a nearer one is looked for."""
_FAR: Final = 1024
"""Owners that are looked at one by one when no place nearby was of use: then few are hashed, and many are not."""
_MOST: Final = 32_768
"""Landmarks that are kept: 2.5 MB."""
_ALL: Final = 1 << 8 * HASH_SIZE
_FIRST_JUMP: Final = _ALL >> 24
_END: Final = OwnerKey(b"w")
"""Behind all hashed owners: base32hex has no `w`."""


class Landmarks:
    """Hashed owners that were met, in order. Some may be gone."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: list[bytes] = []

    def add(self, digest: bytes) -> None:
        known = self.known
        at = bisect_left(known, digest)
        if at < len(known) and known[at] == digest:
            return
        if len(known) >= _MOST:
            del known[::2]
            at = bisect_left(known, digest)
        known.insert(at, digest)

    def discard(self, digest: bytes) -> None:
        at = bisect_left(self.known, digest)
        if at < len(self.known) and self.known[at] == digest:
            del self.known[at]

    def below(self, digest: bytes) -> bytes | None:
        """The last one that isn't behind `digest`; the last of all when there is none (the chain is a ring)."""
        known = self.known
        return known[bisect_right(known, digest) - 1] if known else None


class Search:
    """Looks for the record that covers a hash in one version of a zone."""

    def __init__(self, chain: Parameters, node: NodeAt, before: Before, landmarks: Landmarks) -> None:
        self._chain = chain
        self._node = node
        self._before = before
        self._landmarks = landmarks

    def cover(self, digest: bytes, apex: bytes) -> Found | None:
        """The owner whose NSEC3 spans a hash. `apex` is the hash of the zone's own name: it begins the chain.

        None when the zone's chain is broken.
        """
        return (
            self._back(digest, _NEAR)
            or self._from_landmark(digest)
            or self._by_jumps(digest)
            or self._back(digest, _FAR)
            or self._up(self._landmarks.below(digest) or apex, digest, None)
            or self._up(apex, digest, None)
        )

    def _back(self, digest: bytes, most: int) -> Found | None:
        """The next hashed owner down the zone, if it is among the next owners."""
        key = hashed_key(digest)
        turned = False
        for _ in range(most):
            found = self._before(key)
            if found is None:
                if turned:
                    return None
                turned = True
                key = _END
                continue
            key = found[0]
            if len(key) == KEY_SIZE and next_hash(self._chain, found[1]) is not None:
                return found
        return None

    def _from_landmark(self, digest: bytes) -> Found | None:
        start = self._landmarks.below(digest)
        return None if start is None else self._up(start, digest, _LINKS)

    def _by_jumps(self, digest: bytes) -> Found | None:
        """Look for a hashed owner ever further below, and go up from there."""
        place = int.from_bytes(digest, "big")
        jump = _FIRST_JUMP
        while jump < _ALL:
            found = self._back(((place - jump) % _ALL).to_bytes(HASH_SIZE, "big"), _NEAR)
            if found is not None:
                return self._up(hash_of(found[0]), digest, _LINKS)
            jump *= 2
        return None

    def _up(self, start: bytes, digest: bytes, most: int | None) -> Found | None:
        """Follow the chain from `start`, at most so many links, to the one that spans `digest`."""
        at = start
        while most is None or most > 0:
            key = hashed_key(at)
            node = self._node(key)
            after = None if node is None else next_hash(self._chain, node)
            if node is None or after is None:
                self._landmarks.discard(at)
                return None
            self._landmarks.add(at)
            if at <= digest < after or (after <= at and (digest >= at or digest < after)):
                return key, node
            at = after
            if at == start:
                return None
            if most is not None:
                most -= 1
        return None
