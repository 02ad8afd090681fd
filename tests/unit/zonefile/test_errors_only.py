"""`errors_in` finds the errors that the whole check finds, in zones that are made to have many."""

from random import Random

import pytest

from zonegit.model.names import from_text, join
from zonegit.model.rrset import RRKey, RRset
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.errors_only import errors_in
from zonegit.zonefile.findings import Severity

APEX = from_text("example.org.")
LABELS = [b"a", b"b", b"c", b"\0", b"\1x"]
NAME = from_text("ns.example.org.")
RDATA = {
    1: [bytes((192, 0, 2, each)) for each in range(3)],
    2: [NAME],
    5: [NAME, APEX],
    16: [b"\1x", b"\xff" + b"x" * 255],
    39: [NAME, APEX],
    **{rtype: [b"x" * 1100] for rtype in range(65280, 65292)},
}
SOA = RRset.of(join([]), 6, 60, [NAME + NAME + bytes(20)])


def zone(rng: Random) -> list[tuple[RRKey, bytes]]:
    """A small zone of few names, so that many stand together that mustn't."""
    rrsets = {SOA.key: SOA.encode()} if rng.random() < 0.9 else {}
    for _ in range(rng.randint(1, 14)):
        owner = join([rng.choice(LABELS) for _ in range(rng.choice([0, 1, 1, 2, 3]))])
        rtype = rng.choice([1, 1, 2, 2, 5, 5, 16, 39, rng.choice(list(RDATA))])
        rdatas = rng.sample(RDATA[rtype], rng.randint(1, len(RDATA[rtype])))
        rrset = RRset.of(owner, rtype, 60, rdatas)
        rrsets[rrset.key] = rrset.encode()
    return sorted(rrsets.items())


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_the_whole_check_finds(seed: int) -> None:
    rng = Random(seed)
    for _ in range(100):
        entries = zone(rng)
        errors = [found for found in check_entries(APEX, entries) if found.severity is Severity.ERROR]
        assert errors_in(APEX, entries) == errors


@pytest.mark.parametrize("types", [60, 70])
def test_an_owner_with_more_than_is_answered_from(types: int) -> None:
    """Each RRset is small."""
    rrsets = [RRset.of(join([b"x"]), 65280 + each, 60, [b"x" * 900, b"y" * 50]) for each in range(types)]
    apex = [SOA, RRset.of(join([]), 2, 60, [NAME])]
    entries = sorted((rrset.key, rrset.encode()) for rrset in [*apex, *rrsets])
    errors = [found for found in check_entries(APEX, entries) if found.severity is Severity.ERROR]
    assert errors_in(APEX, entries) == errors
    assert bool(errors) is (types == 70)
