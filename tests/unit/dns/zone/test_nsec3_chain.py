"""The search for the NSEC3 that covers a hash: always the right one, and little to read whatever else is there."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from hashlib import sha1
from random import Random

import pytest

from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.nsec3_chain import KnownHashes, Search
from zonegit.dns.zone.nsec3_hash import hash_of, hashed_key
from zonegit.dnssec.hashing import Parameters
from zonegit.model.names import OwnerKey
from zonegit.model.rdata import NSEC3, TXT

CHAIN = Parameters(0, b"\xaa")
_FIXED = b"\xc0\x0c\x00\x32\x00\x01\x00\x00\x00\x3c"


def digest_of(text: str) -> bytes:
    return sha1(text.encode(), usedforsecurity=False).digest()


def record(after: bytes) -> Node:
    rdata = b"\1\0\0\0\1\xaa\x14" + after
    return {NSEC3: (1, _FIXED + len(rdata).to_bytes(2, "big") + rdata)}


class Counted:
    """Owners of a zone in order, and how many of them were read."""

    def __init__(self, hashed: Iterable[bytes], plain: Iterable[bytes]) -> None:
        self.ring = sorted(hashed)
        after = [*self.ring[1:], *self.ring[:1]]
        nodes = {hashed_key(at): record(then) for at, then in zip(self.ring, after, strict=True)}
        nodes.update((OwnerKey(key), {TXT: (1, b"")}) for key in plain)
        nodes[OwnerKey(b"")] = {}
        self.nodes = nodes
        self.keys = sorted(nodes)
        self.reads = 0

    def node(self, key: OwnerKey) -> Node | None:
        self.reads += 1
        return self.nodes.get(key)

    def before(self, key: OwnerKey) -> tuple[OwnerKey, Node] | None:
        self.reads += 1
        at = bisect_left(self.keys, key)
        return (self.keys[at - 1], self.nodes[self.keys[at - 1]]) if at else None

    def owners_before(self, key: OwnerKey, most: int) -> list[OwnerKey]:
        self.reads += 1
        at = bisect_left(self.keys, key)
        return self.keys[max(at - most, 0) : at][::-1]

    def search(self, known_hashes: KnownHashes) -> Search:
        return Search(CHAIN, self.node, self.before, self.owners_before, known_hashes)

    def right(self, digest: bytes) -> bytes:
        return self.ring[bisect_right(self.ring, digest) - 1]

    def ask(self, known_hashes: KnownHashes, digests: Iterable[bytes]) -> list[int]:
        """Every answer is right; what each took to read."""
        search = self.search(known_hashes)
        spent = []
        for digest in digests:
            before = self.reads
            found = search.cover(digest, self.ring[len(self.ring) // 2])
            assert found is not None
            assert hash_of(found[0]) == self.right(digest)
            spent.append(self.reads - before)
        return spent


def among(plain: list[bytes], count: int) -> list[bytes]:
    """Hashes that fall right between plain names: an attacker can find names with such hashes."""
    rng = Random(5)
    some = [rng.choice(plain)[:8].ljust(32, b"0") for _ in range(count)]
    return [hash_of(OwnerKey(label + b"\0")) for label in some]


RUN = [b"host%06d\0" % number for number in range(20_000)]
SPREAD = sorted(hashed_key(digest_of(f"plain {number}"))[:12] + b"x\0" for number in range(20_000))
EVERYWHERE = [digest_of(f"asked {number}") for number in range(500)]


def test_one_long_run_of_plain_names() -> None:
    """Each name has its hash, so that most places are near one, but all names lie between two hashed owners."""
    zone = Counted((digest_of(f"host {number}") for number in range(20_000)), RUN)
    known_hashes = KnownHashes()
    assert max(zone.ask(known_hashes, among(RUN, 200))) <= 150
    assert max(zone.ask(KnownHashes(), among(RUN, 1))) <= 150
    everywhere = zone.ask(known_hashes, EVERYWHERE)
    assert sum(everywhere) <= 5 * len(everywhere)


@pytest.mark.parametrize("hashed", [1, 2, 10, 100])
def test_few_hashed_owners_among_many(hashed: int) -> None:
    """Opt-out: all but a few names are unsigned delegations."""
    zone = Counted((digest_of(f"signed {number}") for number in range(hashed)), SPREAD)
    known_hashes = KnownHashes()
    assert max(zone.ask(known_hashes, EVERYWHERE)) <= 1500 + hashed
    again = zone.ask(known_hashes, EVERYWHERE)
    assert sum(again) <= 10 * len(again), "what was met is known from then on"


def test_landmarks_of_another_version() -> None:
    old = Counted((digest_of(f"signed {number}") for number in range(300)), SPREAD)
    new = Counted((digest_of(f"signed {number}") for number in range(150, 450)), SPREAD)
    known_hashes = KnownHashes()
    old.ask(known_hashes, EVERYWHERE)
    new.ask(known_hashes, EVERYWHERE)
    assert set(known_hashes.known) >= set(new.ring) & set(old.ring)
    again = new.ask(known_hashes, EVERYWHERE)
    assert sum(again) <= 10 * len(again), "what is gone leads nobody astray twice"


def test_landmarks_in_order() -> None:
    known_hashes = KnownHashes()
    one, two, three = (bytes((number,)) * 20 for number in (1, 2, 3))
    assert known_hashes.below(one) is None
    for digest in (three, one, three):
        known_hashes.add(digest)
    assert known_hashes.known == [one, three]
    assert [known_hashes.below(digest) for digest in (bytes(20), one, two, three)] == [three, one, one, three]
    for digest in (two, one, b"\xff" * 20):
        known_hashes.discard(digest)
    assert known_hashes.known == [three]


def test_around_the_ends_of_the_ring() -> None:
    zone = Counted([digest_of("a"), digest_of("b"), digest_of("c")], [b"www\0", b"0\0", b"zzz\0a\0"])
    zone.ask(KnownHashes(), [bytes(20), b"\xff" * 20])


def test_landmarks_are_bounded() -> None:
    known_hashes = KnownHashes()
    for number in range(70_000):
        known_hashes.add(digest_of(str(number % 40_000)))
    assert 10_000 < len(known_hashes.known) <= 32_768
    assert known_hashes.known == sorted(set(known_hashes.known))


@pytest.mark.parametrize("gone", range(3))
def test_a_broken_chain_ends_the_search(gone: int) -> None:
    zone = Counted((digest_of(f"signed {number}") for number in range(3)), SPREAD)
    apex = zone.ring[0]
    zone.nodes[hashed_key(zone.ring[gone])] = {}
    for digest in EVERYWHERE[:20]:
        zone.search(KnownHashes()).cover(digest, apex)
    assert zone.reads < 20 * 3000
