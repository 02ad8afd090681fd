"""What covers a name, and which names are none: cuts, DNAMEs, wildcards, empty non-terminals and hashed owners."""

import pytest

from checkkit import findings, names

HASH = "trha2c09rcsja7i003mf3tnnp6368j4b"
NSEC3 = f"{HASH} NSEC3 1 0 0 - {HASH} NS SOA DNAME"
SIGNED = f"{HASH} RRSIG NSEC3 13 3 300 20300101000000 20200101000000 1 example.com. AQAB"
APEX = "@ RRSIG SOA 13 2 300 20300101000000 20200101000000 1 @ AQAB\n"
"""What makes the zone a signed one."""


def test_hashed_owners_are_not_below_a_dname_at_the_apex() -> None:
    assert names(f"{APEX}@ DNAME example.net.\n{NSEC3}\n{SIGNED}\n") == []
    assert names(f"{APEX}@ DNAME example.net.\n{SIGNED}\n") == [], "a signature that its record left behind"
    assert names(f"{APEX}@ DNAME example.net.\n{NSEC3}\nw A 192.0.2.1\n") == ["w below-dname"]


@pytest.mark.parametrize("record", ["A 192.0.2.1", "RRSIG A 13 3 300 20300101000000 20200101000000 1 @ AQAB"])
def test_other_data_at_a_hashed_owner_stands_at_a_name(record: str) -> None:
    assert names(f"{APEX}@ DNAME example.net.\n{NSEC3}\n{HASH} {record}\n") == [f"{HASH} below-dname"]


def test_hashed_owners_are_not_occluded() -> None:
    assert names(f"{APEX}s NS ns.example.net.\n{HASH}.s NSEC3 1 0 0 - {HASH} A\n") == []
    assert names(f"{APEX}s NS ns.example.net.\ns NSEC3 1 0 0 - {HASH} A\n") == []


def test_a_cname_may_stand_beside_a_hash() -> None:
    assert names(f"{APEX}{NSEC3}\n{HASH} CNAME w\n") == []


def test_a_hashed_owner_keeps_no_wildcard_from_its_name() -> None:
    """The name `HASH` doesn't exist, so that the wildcard answers for it and for what is below it."""
    for target in (HASH, f"a.{HASH}"):
        assert names(f"{APEX}@ MX 10 {target}\n* A 192.0.2.1\n{NSEC3}\n") == []
        assert names(f"{APEX}@ MX 10 {target}\n* CNAME w\n{NSEC3}\n") == ["@ mx-cname"]
        assert names(f"{APEX}@ MX 10 {target}\n* A 192.0.2.1\n{NSEC3}\n{HASH} TXT t\n") == ["@ mx-address"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ MX 10 x.c\n* A 192.0.2.1\n", []),
        ("@ MX 10 x.c\n* A 192.0.2.1\nc TXT t\n", ["@ mx-address"]),
        ("@ MX 10 x.c\n* A 192.0.2.1\na.b.c TXT t\n", ["@ mx-address"]),
        ("@ MX 10 b.c\n* A 192.0.2.1\na.b.c TXT t\n", ["@ mx-address"]),
        ("@ MX 10 x.c\n* A 192.0.2.1\na.b.c TXT t\n*.c A 192.0.2.1\n", []),
    ],
)
def test_a_wildcard_stands_for_no_name_that_is_there(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@ MX 10 a.d\nd DNAME example.net.\n", ["@ mx-cname"]),
        ("x SRV 0 0 1 a.b.d\nd DNAME example.net.\n", ["x srv-cname"]),
        ("s NS a.d\nd DNAME example.net.\n", ["s ns-cname"]),
        ("@ NS a.d\nd DNAME example.net.\n", ["@ ns-cname"]),
        ("@ NS a\n@ DNAME example.net.\n", ["@ ns-cname"]),
        ("@ MX 10 d\nd DNAME example.net.\n", ["@ mx-address"]),
        ("@ MX 10 d\nd DNAME example.net.\nd A 192.0.2.1\n", []),
    ],
)
def test_a_name_below_a_dname_is_an_alias(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "s NS n.example.net.\nx.s DNAME y\na.x.s TXT t\n",
        "s NS n.example.net.\nx.s DNAME y\na.x.s A 192.0.2.1\n",
        "s NS n.example.net.\nx.s DNAME y\nc.b.a.x.s CNAME z\n",
        "s NS n.example.net.\nt.s NS n.example.net.\nx.t.s DNAME y\na.x.t.s TXT t\n",
        "s NS n.example.net.\nx.s DNAME y\nx.s NS n.example.net.\na.x.s TXT t\n",
    ],
)
def test_data_below_a_dname_that_a_cut_hides_says_who_refuses_it(text: str) -> None:
    found = [each for each in findings(text) if each.check == "occluded-below-dname"]
    assert len(found) == 1
    assert "Knot and NSD refuse the zone" in found[0].message


def test_a_dname_at_a_cut_says_who_refuses_it() -> None:
    (found,) = findings("s NS n.example.net.\ns DNAME y\n")
    assert (found.check, found.severity.value) == ("dname-and-ns", "warning")
    assert "Knot refuses the zone" in found.message
    assert names("s NS n.s\ns DNAME y\nn.s A 192.0.2.1\n") == ["s dname-and-ns", "n.s occluded-below-dname"]


def test_a_dname_above_a_cut_makes_its_data_an_error() -> None:
    text = "d DNAME y\ns.d NS n.s.d\nn.s.d A 192.0.2.1\n"
    assert names(text) == ["s.d below-dname", "n.s.d below-dname"]
