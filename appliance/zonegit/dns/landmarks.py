"""Which NSEC3 record covers a hash: a search that doesn't count the plain names between two hashed owners.

Hashed owners stand among the zone's other names, in one order. Mostly the owner before a hash is the one; where
many plain names lie between, their keys are gone through, or some hashed owner further down is found and its chain
followed up, link by link.
Owners met that way are remembered and handed on from version to version: each is read again before it is trusted.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from zonegit.dns.blocks import Node
from zonegit.dns.hashing import KEY_SIZE, hash_of, hashed_key, next_hash
from zonegit.dnssec.hashing import HASH_SIZE, Parameters
from zonegit.model.names import OwnerKey

Found = tuple[OwnerKey, Node]
NodeAt = Callable[[OwnerKey], Node | None]
Before = Callable[[OwnerKey], Found | None]
OwnersBefore = Callable[[OwnerKey, int], list[OwnerKey]]

_NEAR: Final = 64
"""Owners below a place whose keys are gone through before another place is tried."""
_JUMP: Final = 16
"""The same below a place that was jumped to."""
_LINKS: Final = 24
"""Links of the chain that are followed up from one landmark before a nearer one is looked for."""
_FAR: Final = 1_500
"""Owners whose keys are gone through when no place nearby was of use: then few are hashed, and many are not."""
_STEP: Final = 16
"""How many of them are read first; then four times as many each time."""
_LIKELY: Final = 16
"""Keys of such a run that look like hashes and are read."""
_MOST: Final = 32_768
"""Landmarks that are kept: 2.5 MB. As many links are followed at most, which needn't be a ring."""
_ALL: Final = 1 << 8 * HASH_SIZE
_FIRST_JUMP: Final = _ALL >> 20
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
    """Looks for the record that covers a hash in one version of a zone. What it reads is the caller's to bound."""

    def __init__(
        self,
        chain: Parameters,
        node: NodeAt,
        before: Before,
        owners_before: OwnersBefore,
        landmarks: Landmarks,
    ) -> None:
        self._chain = chain
        self._node = node
        self._before = before
        self._owners_before = owners_before
        self._landmarks = landmarks

    def cover(self, digest: bytes, apex: bytes) -> Found | None:
        """The owner whose NSEC3 spans a hash. `apex` is the hash of the zone's own name: it begins the chain.

        None when the zone's chain is broken.
        """
        return self.near(digest, apex) or self.far(digest, apex)

    def near(self, digest: bytes, apex: bytes) -> Found | None:
        """The same, if it takes no more than a look around and a few links."""
        place = hashed_key(digest)
        found = self._before(place) or self._before(_END)
        if found is not None and self._is_hashed(*found):
            return found
        return self._back(place, _NEAR) or self._up(self._landmarks.below(digest) or apex, digest, _LINKS)

    def far(self, digest: bytes, apex: bytes) -> Found | None:
        """The same, where that didn't find it."""
        return (
            self._by_jumps(digest)
            or self._back(hashed_key(digest), _FAR)
            or self._up(self._landmarks.below(digest) or apex, digest, _MOST)
            or self._up(apex, digest, _MOST)
        )

    def any_hashed(self) -> Found | None:
        """The last hashed owner, if few names that aren't hashed lie behind it."""
        return self._back(_END, _FAR)

    def _back(self, place: OwnerKey, most: int) -> Found | None:
        """The next hashed owner down the zone, and from its end on again, if it is among so many owners."""
        likely = 0
        for key in self._keys(place, most):
            if len(key) == KEY_SIZE and likely < _LIKELY:
                likely += 1
                node = self._node(key)
                if node is not None and self._is_hashed(key, node):
                    return key, node
        return None

    def _keys(self, place: OwnerKey, most: int) -> Iterator[OwnerKey]:
        """The owners before a place, then those before the end, at most so many; read a few at a time."""
        turned = False
        step = _STEP
        while most > 0:
            found = self._owners_before(place, min(step, most))
            yield from found
            most -= len(found)
            if len(found) == step:
                place = found[-1]
                step *= 4
            elif turned or most <= 0:
                return
            else:
                turned = True
                place = _END

    def _is_hashed(self, key: OwnerKey, node: Node) -> bool:
        """Whether this is one of the chain's owners."""
        return len(key) == KEY_SIZE and next_hash(self._chain, node) is not None

    def _by_jumps(self, digest: bytes) -> Found | None:
        """Look for a hashed owner ever further below, and go up from there."""
        place = int.from_bytes(digest, "big")
        jump = _FIRST_JUMP
        while jump < _ALL:
            found = self._back(hashed_key(((place - jump) % _ALL).to_bytes(HASH_SIZE, "big")), _JUMP)
            if found is not None:
                return self._up(hash_of(found[0]), digest, _LINKS)
            jump *= 2
        return None

    def _up(self, start: bytes, digest: bytes, most: int) -> Found | None:
        """Follow the chain from `start`, at most so many links, to the one that spans `digest`."""
        at = start
        for _ in range(most):
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
        return None
