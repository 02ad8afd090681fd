"""The earliest end of all signatures in a tree, found again at the cost of what changed."""

import random

import pytest

from treekit import SHAPES, Objects
from zonegit.model.names import Owner, owner_key
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.tree.build import build
from zonegit.tree.signature_ends import FirstEnds

NOW = 1_800_000_000
DAY = 86_400
RRSIG = 46


def signatures(owner: bytes, *ends: int) -> tuple[RRKey, bytes]:
    """A stored RRset of signatures of A records; with many of them it has an object of its own."""
    rdatas = [
        b"\0\1\x0d\2\0\0\1\x2c"
        + (end % (1 << 32)).to_bytes(4, "big")
        + bytes(4)
        + bytes((0, number))
        + b"\0"
        + bytes(64)
        for number, end in enumerate(ends)
    ]
    name = Owner(owner)
    return rr_key(owner_key(name), RRSIG), RRset.of(name, RRSIG, 0, rdatas).encode()


def address(owner: bytes) -> tuple[RRKey, bytes]:
    """An A record whose bytes read like the beginning of a signature."""
    name = Owner(owner)
    return rr_key(owner_key(name), 1), RRset.of(name, 1, 300, [b"\0\x2e\0\1"]).encode()


def zone(ends: dict[int, int], size: int = 3000) -> list[tuple[RRKey, bytes]]:
    """A signed zone whose signatures end in a year, but for these hosts'."""
    entries = [signatures(b"", NOW + 365 * DAY)]
    for number in range(size):
        host = b"\6h%05d" % number
        entries += [address(host), signatures(host, ends.get(number, NOW + 365 * DAY))]
    return sorted(entries)


@pytest.mark.parametrize("shape", SHAPES, ids=["shipped", "many levels", "large nodes"])
def test_the_first_end_wherever_it_stands(shape):
    objects = Objects()
    first_end = FirstEnds(objects, lambda: NOW, lambda: None)
    rng = random.Random(5)
    for _ in range(4):
        ends = {rng.randrange(3000): NOW + rng.randrange(DAY, 300 * DAY) for _ in range(3)}
        root = objects.take(build(shape, zone(ends))).root
        assert first_end(root) == min(ends.values())


def test_a_new_version_costs_what_changed():
    objects = Objects()
    rests: list[None] = []
    first_end = FirstEnds(objects, lambda: NOW, lambda: rests.append(None))
    assert first_end(objects.take(build(SHAPES[0], zone({7: NOW + 9}, 20_000))).root) == NOW + 9
    cold, objects.reads = objects.reads, 0
    assert len(rests) > 3
    assert first_end(objects.take(build(SHAPES[0], zone({15_000: NOW + 8}, 20_000))).root) == NOW + 8
    assert objects.reads < cold / 2


def test_a_zone_without_signatures_at_the_apex_is_not_looked_through():
    objects = Objects()
    entries = sorted([address(b""), *(signatures(b"\6h%05d" % number, NOW) for number in range(3000))])
    root = objects.take(build(SHAPES[0], entries)).root
    objects.reads = 0
    assert FirstEnds(objects, lambda: NOW, lambda: None)(root) is None
    assert objects.reads < 10


def test_signatures_in_an_object_of_their_own_and_ends_beyond_2106():
    objects = Objects()
    late = (1 << 32) - 1000
    entries = [signatures(b"", *(late + number for number in range(2000, 1960, -1)))]
    assert len(entries[0][1]) > 1024
    root = objects.take(build(SHAPES[0], entries)).root
    assert FirstEnds(objects, lambda: late, lambda: None)(root) == late + 1961
    assert FirstEnds(objects, lambda: late + 5000, lambda: None)(root) == late + 1961
