"""Where owners stand, by RFC 4035 §2.2 (delegations, glue) and RFC 6672 §3.4 (names below a DNAME)."""

import pytest

from chainkit import entries_in, key_of, text_of, zone_of
from checkkit import ZONE
from zonegit.dnssec.signing.standing import Standing, occluder, signed_types, standing, standing_owners
from zonegit.model.rdata import DS, NS, NSEC, NSEC3, RRSIG, SOA, A

AUTHORITATIVE, CUT, OCCLUDED = Standing.AUTHORITATIVE, Standing.CUT, Standing.OCCLUDED

TREE = """\
www A 192.0.2.1
cut NS ns.cut
cut A 192.0.2.2
ns.cut A 192.0.2.3
deep.cut NS ns.example.net.
x.deep.cut A 192.0.2.4
cut2 A 192.0.2.5
away DNAME example.net.
away A 192.0.2.6
x.away A 192.0.2.7
x.away NS ns.example.net.
a.b.ent A 192.0.2.8
*.wild NS ns.example.net.
x.*.wild A 192.0.2.9
"""
STANDINGS = {
    "@": AUTHORITATIVE,
    "away": AUTHORITATIVE,
    "x.away": OCCLUDED,
    "cut": CUT,
    "ns.cut": OCCLUDED,
    "deep.cut": OCCLUDED,
    "x.deep.cut": OCCLUDED,
    "cut2": AUTHORITATIVE,
    "a.b.ent": AUTHORITATIVE,
    "*.wild": CUT,
    "x.*.wild": OCCLUDED,
    "www": AUTHORITATIVE,
}


def test_rfc_4035_2_2_owners_stand_as_the_zone_has_them() -> None:
    zone = zone_of(ZONE + TREE)
    found = {text_of(each.key): each.standing for each in standing_owners(entries_in(zone))}
    assert found == STANDINGS
    for name, expected in STANDINGS.items():
        owner = key_of(name)
        assert standing(zone, owner, zone.at(owner)) is expected, name


@pytest.mark.parametrize(
    ("name", "expected"),
    [("x.deep.cut", "cut"), ("cut", None), ("new.cut", "cut"), ("y.x.away", "away"), ("www", None), ("@", None)],
)
def test_the_topmost_cut_or_dname_occludes(name: str, expected: str | None) -> None:
    found = occluder(zone_of(ZONE + TREE), key_of(name))
    assert (found and text_of(found)) == expected


def test_rfc_6672_2_3_a_dname_at_the_apex_occludes_all_other_names() -> None:
    zone = zone_of(ZONE + "@ DNAME example.net.\nwww A 192.0.2.1\ncut NS ns\n")
    found = {text_of(each.key): each.standing for each in standing_owners(entries_in(zone))}
    assert found == {"@": AUTHORITATIVE, "cut": OCCLUDED, "www": OCCLUDED}
    assert standing(zone, key_of("www"), [A]) is OCCLUDED


def test_the_owners_of_a_whole_zone_come_with_their_rrsets() -> None:
    zone = zone_of(ZONE + TREE)
    for each in standing_owners(entries_in(zone)):
        assert each.types == zone.at(each.key)
        assert list(each.types) == sorted(each.types)


def test_rfc_4035_2_2_what_is_signed() -> None:
    assert signed_types(AUTHORITATIVE, [NS, SOA, RRSIG, NSEC]) == [NS, SOA, NSEC]
    assert signed_types(CUT, [A, NS, DS, RRSIG, NSEC]) == [DS, NSEC]
    assert signed_types(OCCLUDED, [A, NS, DS, RRSIG]) == []


def test_rfc_5155_7_1_nsec3_records_are_signed_at_any_owner() -> None:
    for each in Standing:
        assert NSEC3 in signed_types(each, [NSEC3, RRSIG])
