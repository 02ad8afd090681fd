"""The ring of NSEC3 records: what is before a digest, wherever the plain names are."""

from bisect import bisect_left
from random import Random

import pytest

from chainkit import tree_of
from treekit import Objects
from zonegit.dnssec.signing.nsec3_hash import Digest, Nsec3, digest_key, key_digest
from zonegit.dnssec.signing.nsec3_ring import Broken, Ring
from zonegit.model.names import join, owner_key
from zonegit.model.rdata import A
from zonegit.model.rrset import RRKey, RRset, rr_key


def ring_of(digests: list[Digest], plain: list[bytes] = []) -> Ring:  # noqa: B006
    """The ring of these digests in a tree that has these labels, too."""
    order = sorted(digests)
    links = zip(order, [*order[1:], *order[:1]], strict=True)
    records = dict(Nsec3(False, after, b"").entry(digest, 60) for digest, after in links)
    for label in plain:
        rrset = RRset.of(join([label]), A, 60, [b"\0\0\0\1"])
        records[rrset.key] = rrset.encode()
    return Ring(tree_of(sorted(records.items())), digests[0])


def digests(count: int, seed: int = 1) -> list[Digest]:
    rng = Random(seed)
    return [Digest(rng.randbytes(20)) for _ in range(count)]


@pytest.mark.parametrize("count", [1, 2, 3, 50])
@pytest.mark.parametrize("labels", [0, 400])
def test_what_is_before_a_digest(count: int, labels: int) -> None:
    found = digests(count, seed=count)
    ring = ring_of(found, [b"%d" % number for number in range(labels)])
    order = sorted(found)
    for digest in [*found, *digests(50, seed=3), Digest(bytes(20)), Digest(b"\xff" * 20)]:
        assert ring.before(digest) == order[bisect_left(order, digest) - 1]


def reads(ring: Ring, digest: Digest) -> int:
    source = ring.signed.nodes.source
    assert isinstance(source, Objects)
    before = source.reads
    ring.before(digest)
    return source.reads - before


def test_a_digest_behind_many_plain_names_is_found_along_the_chain() -> None:
    found = digests(3000)
    ring = ring_of(found, [b"host%05d" % number for number in range(20_000)])
    behind = key_digest(RRKey(b"hosu" + b"0" * 28 + b"\0\0\0\x32"))
    assert behind is not None
    assert reads(ring, behind) < 150
    assert reads(ring, min(digest for digest in found if digest > behind)) < 150


def test_few_digests_among_many_plain_names_are_found_from_the_apex() -> None:
    rng = Random(5)
    ring = ring_of(digests(5), [b"%032d" % rng.randrange(10**32) for _ in range(20_000)])
    for digest in digests(5, seed=6):
        assert reads(ring, digest) < 1000, "there are some 7,000 leaves"


def test_a_zone_without_records_has_no_ring() -> None:
    with pytest.raises(Broken):
        Ring(tree_of([]), Digest(bytes(20))).before(Digest(b"\1" * 20))


def test_only_keys_of_nsec3_records_with_a_hash_are_digests() -> None:
    digest = digests(1)[0]
    assert key_digest(digest_key(digest)) == digest
    owner = digest_key(digest)[:-3]
    for key in (
        owner + b"\0\0\x01",
        b"w" * 32 + b"\0\0\0\x32",
        b"0" * 31 + b"\0\0\0\x32",
        b"a\0" + owner + b"\0\0\x32",
    ):
        assert key_digest(key) is None
    assert rr_key(owner_key(join([b"w" * 32])), 50) == b"w" * 32 + b"\0\0\0\x32"
