"""Records that come in any order are gathered into RRsets; what that changes is told in the order of the file."""

from random import Random

import pytest

from zonegit.model.names import join, owner_key
from zonegit.model.rdata import CLASS_IN
from zonegit.model.rrset import APEX_POINTER, FIXED, RRKey, rr_key
from zonegit.zonefile.entries import Entries

Record = tuple[RRKey, bytes]


def record(rng: Random) -> Record:
    owner = join([rng.choice([b"a", b"b", b"c", b"\1"])])
    rtype, rdata = rng.choice([1, 16]), bytes([rng.randrange(3)] * 4)
    head = FIXED.pack(rtype, CLASS_IN, rng.choice([60, 60, 60, 300]), len(rdata))
    return rr_key(owner_key(owner), rtype), owner + APEX_POINTER + head + rdata


def one_key_at_a_time(records: list[Record]) -> tuple[list[Record], int, list[str]]:
    """The same by a dictionary: keys are taken in the order in which they come for the second time."""
    by_key: dict[RRKey, list[bytes]] = {}
    again: dict[RRKey, None] = {}
    for key, rr in records:
        if by_key.setdefault(key, []):
            again[key] = None
        by_key[key].append(rr)
    merging = Entries()
    for key in again:
        by_key[key] = merging.merged(key, by_key[key])
    found = [(key, b"".join(by_key[key])) for key in sorted(by_key)]
    return found, sum(map(len, by_key.values())), [each.message for each in merging.warnings.listed()]


@pytest.mark.parametrize("seed", range(5))
def test_in_any_order(seed: int) -> None:
    rng = Random(seed)
    for _ in range(200):
        records = [record(rng) for _ in range(rng.randrange(20))]
        if rng.random() < 0.3:
            records.sort()
        entries = Entries()
        for key, rr in records:
            entries.add(key, rr)
        assert entries.count() == len(records)
        found, count = entries.finish()
        assert (found, count, [each.message for each in entries.warnings.listed()]) == one_key_at_a_time(records)
