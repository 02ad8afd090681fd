"""Finds the NSEC3 record that covers a hash, however many plain names are between two hashed owners.

Hashed owners stand among the zone's other names, in one order. Usually the owner before a hash is the right one. If
many plain names are in between, their keys are searched, or a hashed owner further down is found and the chain is
followed from there, link by link. Hashes found on the way are remembered and passed on from version to version;
each is read again before it is used.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Final

from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.nsec3_hash import KEY_SIZE, hash_of, hashed_key, next_hash
from zonegit.dnssec.hashing import HASH_SIZE, Parameters
from zonegit.model.names import OwnerKey

Found = tuple[OwnerKey, Node]
NodeAt = Callable[[OwnerKey], Node | None]
Before = Callable[[OwnerKey], Found | None]
OwnersBefore = Callable[[OwnerKey, int], list[OwnerKey]]

_NEAR: Final = 64
"""How many owners before a key are searched before another key is tried."""
_JUMP: Final = 16
"""The same after a jump."""
_LINKS: Final = 24
"""Links of the chain that are followed from a known hash before a nearer one is looked for."""
_FAR: Final = 1_500
"""How many owners are searched if that didn't help: then few owners are hashed and many are not."""
_STEP: Final = 16
"""How many keys are read at first; then four times as many each time."""
_LIKELY: Final = 16
"""The most owners with keys that look like hashes that are read in one search."""
_MOST: Final = 32_768
"""The most hashes that are kept: 2.5 MB. Also the most links that are followed: the chain may be no ring."""
_ALL: Final = 1 << 8 * HASH_SIZE
_FIRST_JUMP: Final = _ALL >> 20
_END: Final = OwnerKey(b"w")
"""After all hashed owners: base32hex has no `w`."""


class KnownHashes:
    """Hashes of owners that were found, in order. Some may no longer exist."""

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
        """The last one up to `digest`; if there is none, the last of all (the chain is a ring)."""
        known = self.known
        return known[bisect_right(known, digest) - 1] if known else None


class Search:
    """Looks for the record that covers a hash in one version of a zone. The caller bounds what it reads."""

    def __init__(
        self,
        chain: Parameters,
        node: NodeAt,
        before: Before,
        owners_before: OwnersBefore,
        known_hashes: KnownHashes,
    ) -> None:
        self._chain = chain
        self._node = node
        self._before = before
        self._owners_before = owners_before
        self._known_hashes = known_hashes

    def cover(self, digest: bytes, apex: bytes) -> Found | None:
        """The owner whose NSEC3 covers a hash. `apex` is the hash of the apex: the search may begin there.

        None when the zone's chain is broken.
        """
        return self.near(digest, apex) or self.far(digest, apex)

    def near(self, digest: bytes, apex: bytes) -> Found | None:
        """The same, as far as a look around and a few links find it."""
        start = hashed_key(digest)
        found = self._before(start) or self._before(_END)
        if found is not None and self._is_hashed(*found):
            return found
        return self._back(start, _NEAR) or self._follow(self._known_hashes.below(digest) or apex, digest, _LINKS)

    def far(self, digest: bytes, apex: bytes) -> Found | None:
        """The same, with the expensive searches."""
        return (
            self._by_jumps(digest)
            or self._back(hashed_key(digest), _FAR)
            or self._follow(self._known_hashes.below(digest) or apex, digest, _MOST)
            or self._follow(apex, digest, _MOST)
        )

    def any_hashed(self) -> Found | None:
        """The last hashed owner, if few plain names follow it."""
        return self._back(_END, _FAR)

    def _back(self, start: OwnerKey, most: int) -> Found | None:
        """The nearest hashed owner before `start`, or before the end of the zone, within `most` owners."""
        likely = 0
        for key in self._keys(start, most):
            if len(key) == KEY_SIZE and likely < _LIKELY:
                likely += 1
                node = self._node(key)
                if node is not None and self._is_hashed(key, node):
                    return key, node
        return None

    def _keys(self, start: OwnerKey, most: int) -> Iterator[OwnerKey]:
        """The owners before `start`, then those before the end, `most` at most; read a few at a time."""
        wrapped = False
        step = _STEP
        while most > 0:
            found = self._owners_before(start, min(step, most))
            yield from found
            most -= len(found)
            if len(found) == step:
                start = found[-1]
                step *= 4
            elif wrapped or most <= 0:
                return
            else:
                wrapped = True
                start = _END

    def _is_hashed(self, key: OwnerKey, node: Node) -> bool:
        """Whether this is one of the chain's owners."""
        return len(key) == KEY_SIZE and next_hash(self._chain, node) is not None

    def _by_jumps(self, digest: bytes) -> Found | None:
        """Look for a hashed owner at ever larger distances before a hash, and follow the chain from it."""
        target = int.from_bytes(digest, "big")
        jump = _FIRST_JUMP
        while jump < _ALL:
            found = self._back(hashed_key(((target - jump) % _ALL).to_bytes(HASH_SIZE, "big")), _JUMP)
            if found is not None:
                return self._follow(hash_of(found[0]), digest, _LINKS)
            jump *= 2
        return None

    def _follow(self, start: bytes, digest: bytes, most: int) -> Found | None:
        """Follow the chain from `start`, by `most` links at most, to the NSEC3 that covers `digest`."""
        at = start
        for _ in range(most):
            key = hashed_key(at)
            node = self._node(key)
            after = None if node is None else next_hash(self._chain, node)
            if node is None or after is None:
                self._known_hashes.discard(at)
                return None
            self._known_hashes.add(at)
            if at <= digest < after or (after <= at and (digest >= at or digest < after)):
                return key, node
            at = after
            if at == start:
                return None
        return None
