"""The check of a whole zone passes over most owners; it finds what a look at each of them finds."""

from random import Random

import pytest

from zonegit.model.names import OwnerKey, WireName, from_text, join
from zonegit.model.rrset import RRKey, RRset
from zonegit.zonefile.check import check_entries, check_listed

LABELS = [b"a", b"b7", b"c-d", b"_e", b"\0", b"\1x", b"*"]
TARGET = from_text("b7.example.org.")
RDATA = {
    1: [bytes((192, 0, 2, each)) for each in range(3)],
    2: [TARGET, from_text("elsewhere.example.")],
    5: [TARGET],
    15: [b"\0\1" + TARGET],
    16: [b"\1x", *(bytes((255, each)) + b"x" * 254 for each in range(5))],
    28: [bytes(15) + bytes((each,)) for each in range(101)],
    33: [bytes(6) + TARGET],
    39: [TARGET],
    43: [bytes(4) + bytes(20)],
    46: [b"\0\1\5\2" + bytes(14) + TARGET + b"x"],
}
SOA = RRset.of(join([]), 6, 60, [TARGET + TARGET + bytes(20)])


def zone(rng: Random) -> list[tuple[RRKey, bytes]]:
    """A small zone in which each kind of owner stands beside, above and below each other kind."""
    rrsets = {SOA.key: SOA.encode()}
    for _ in range(rng.randint(1, 14)):
        owner = join([rng.choice(LABELS) for _ in range(rng.choice([0, 1, 1, 1, 2]))])
        rtype = rng.choice([1, 1, 16, 28, *RDATA])
        rdatas = rng.sample(RDATA[rtype], rng.choice([1, len(RDATA[rtype])]))
        rrset = RRset.of(owner, rtype, 60, rdatas)
        rrsets[rrset.key] = rrset.encode()
    return sorted(rrsets.items())


@pytest.mark.parametrize("apex", [from_text("example.org."), from_text("_udp.example.org.")])
@pytest.mark.parametrize("seed", range(10))
def test_it_finds_what_is_found_owner_by_owner(seed: int, apex: WireName) -> None:
    rng = Random(seed)
    for _ in range(100):
        entries = zone(rng)
        owners = dict.fromkeys(OwnerKey(key[:-3]) for key, _ in entries)
        assert check_entries(apex, entries) == check_listed(apex, owners, entries)
