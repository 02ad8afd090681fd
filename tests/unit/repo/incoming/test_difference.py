"""What one step of an incremental transfer makes of a zone, and which steps don't fit it."""

import pytest

from zonegit.errors import DifferenceUnfit
from zonegit.model.names import from_text, join
from zonegit.model.rrset import RRKey, RRset
from zonegit.repo.incoming.difference import changes_of
from zonegit.repo.incoming.values import Difference, Entry

APEX = from_text("example.org.")
WWW = join([b"www"])
_SOA_END = b"\2ns\0\4host\0" + bytes(16)


def entry(rrset: RRset) -> Entry:
    return rrset.key, rrset.encode()


def a(*last: int, ttl: int = 300) -> Entry:
    return entry(RRset.of(WWW, 1, ttl, [bytes((192, 0, 2, each)) for each in last]))


def soa(minimum: int) -> Entry:
    return entry(RRset.of(join([]), 6, 60, [_SOA_END + minimum.to_bytes(4, "big")]))


def applied(zone: list[Entry], removed: list[Entry], added: list[Entry]) -> dict[RRKey, bytes | None]:
    return dict(changes_of(APEX, Difference(1, 2, removed, added), dict(zone).get))


def test_records_come_and_go() -> None:
    assert applied([a(1, 2)], [a(1)], [a(3)]) == dict([a(2, 3)])
    assert applied([a(1)], [a(1)], []) == {a(1)[0]: None}
    assert applied([], [], [a(1)]) == dict([a(1)])


def test_a_new_ttl_is_that_of_all_records() -> None:
    """Servers that keep one TTL for each RRset send all its records when the TTL changes."""
    assert applied([a(1, 2)], [a(1, 2)], [a(1, 2, ttl=900)]) == dict([a(1, 2, ttl=900)])


@pytest.mark.parametrize("ttl", [60, 300, 900])
def test_the_lowest_ttl_is_taken_where_records_stay(ttl: int) -> None:
    assert applied([a(1)], [], [a(2, ttl=ttl)]) == dict([a(1, 2, ttl=min(ttl, 300))])


def test_the_ttl_of_what_is_removed_does_not_matter() -> None:
    assert applied([a(1, 2)], [a(1, ttl=5)], []) == dict([a(2)])


def test_the_soa_is_replaced() -> None:
    assert applied([soa(1)], [soa(1)], [soa(2)]) == dict([soa(2)])


@pytest.mark.parametrize(
    ("zone", "removed", "added", "reason"),
    [
        ([a(1)], [a(2)], [], r"removes www\.example\.org\. A, which isn't in the zone"),
        ([], [a(2)], [], "isn't in the zone"),
        ([a(1)], [a(1, 2)], [a(3)], "isn't in the zone"),
        ([a(1)], [], [a(1)], r"adds www\.example\.org\. A, which is in the zone already"),
        ([a(1, 2)], [a(1)], [a(2)], "is in the zone already"),
        ([soa(1)], [soa(2)], [soa(3)], "isn't in the zone"),
        ([soa(1)], [soa(1)], [], "removes the zone's SOA record"),
    ],
)
def test_what_does_not_fit_asks_for_the_whole_zone(
    zone: list[Entry], removed: list[Entry], added: list[Entry], reason: str
) -> None:
    with pytest.raises(DifferenceUnfit, match=reason) as caught:
        applied(zone, removed, added)
    assert str(caught.value).endswith("the whole zone is needed")
