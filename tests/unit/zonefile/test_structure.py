"""What may stand together at an owner, and how much, wherever the owner is."""

import pytest

from checkkit import findings, names
from zonegit.zonefile.findings import Severity

OVER = ["", "s NS ns.example.net.\n", "s NS ns.example.net.\nx.s NS ns.example.net.\n"]
"""Nothing above x.s, a delegation above it, and it being a delegation below another."""
SIGNATURE = "8 3 60 20300101000000 20200101000000 1 example.com. AQAB"


def errors(text: str) -> list[str]:
    return [found.check for found in findings(text) if found.severity is Severity.ERROR]


@pytest.mark.parametrize("over", OVER[:2])
@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ("CNAME y", []),
        ("CNAME y|NSEC z CNAME|RRSIG CNAME " + SIGNATURE, []),
        ("CNAME y|A 192.0.2.1", ["cname-and-other"]),
        ("CNAME y|DNAME z", ["cname-and-other"]),
        ("CNAME y|NS ns.example.net.", ["cname-and-other"]),
        ("CNAME y|DS 1 8 2 " + "ab" * 32, ["cname-and-other"]),
        ("CNAME y|CNAME z", ["two-cnames"]),
        ("CNAME y|CNAME z|TXT t", ["cname-and-other", "two-cnames"]),
        ("DNAME y|DNAME z", ["two-dnames"]),
        ("DNAME y|A 192.0.2.1|MX 10 .|TXT t", []),
    ],
)
def test_an_owner_is_held_to_its_structure_wherever_it_stands(over: str, records: str, expected: list[str]) -> None:
    assert errors(over + "".join(f"x.s {record}\n" for record in records.split("|"))) == expected


@pytest.mark.parametrize("over", ["s NS n.s\nx.s DNAME z\n", "s NS n.s\nx.s NS n.s\n", "s NS n.s\ns DNAME z\n"])
def test_nothing_above_hides_two_aliases(over: str) -> None:
    assert errors(over + "y.x.s CNAME a\ny.x.s CNAME b\n") == ["two-cnames"]


@pytest.mark.parametrize("rtype", ["KEY 256 3 8 AQAB", f"SIG CNAME {SIGNATURE}", "NXT a CNAME"])
def test_what_old_rules_allow_beside_a_cname_is_a_warning(rtype: str) -> None:
    old = rtype if not rtype.startswith("NXT") else r"TYPE30 \# 3 000004"
    assert names(f"x CNAME y\nx {old}\n") == ["x cname-and-key"]


@pytest.mark.parametrize("over", OVER[:2])
@pytest.mark.parametrize(("owner", "expected"), [("*", True), ("*.s", True), ("a.*.s", False), ("s*", False)])
def test_ns_at_a_wildcard_says_that_bind_refuses_the_zone(over: str, owner: str, expected: bool) -> None:
    told = [found.message for found in findings(f"{over}{owner} NS ns.example.net.\n") if "wild" in found.check]
    assert len(told) == expected
    assert all("BIND refuses the zone" in message for message in told)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([f"A 192.0.2.{number}" for number in range(100)], []),
        ([f"A 192.0.2.{number}" for number in range(101)], ["large-rrset"]),
        ([f"TXT {number}" for number in range(101)], ["large-rrset"]),
        ([rf"TYPE{65280 + number} \# 0" for number in range(100)], []),
        ([rf"TYPE{65280 + number} \# 0" for number in range(101)], ["many-types"]),
        ([f"RRSIG A 8 2 60 20300101000000 20200101000000 {tag} @ AQAB" for tag in range(101)], ["large-rrset"]),
        ([f"RRSIG TYPE{500 + number} {SIGNATURE}" for number in range(100)], []),
        ([f"RRSIG TYPE{500 + number} {SIGNATURE}" for number in range(101)], ["many-types"]),
        ([rf"TYPE{65280 + number} \# 0" for number in range(51)]
         + [f"RRSIG TYPE{65280 + number} {SIGNATURE}" for number in range(50)], ["many-types"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("over", OVER[:2])
def test_what_bind_finds_too_many_is_a_warning(over: str, records: list[str], expected: list[str]) -> None:
    found = findings(over + "".join(f"x.s {record}\n" for record in records))
    told = [each for each in found if each.check in ("large-rrset", "many-types")]
    assert [each.check for each in told] == expected
    assert all("BIND (9.18.28 and later) refuses" in each.message for each in told)


def large(size: int, records: int = 1) -> str:
    """Records of TYPE65280 at x whose RDATA has this many bytes in all."""
    each, rest = divmod(size, records)
    sizes = [each + (rest if number == 0 else 0) for number in range(records)]
    return "".join(
        rf"x TYPE65280 \# {size} {number:04x}{'00' * (size - 2)}" + "\n" for number, size in enumerate(sizes)
    )


@pytest.mark.parametrize("records", [1, 2, 90])
def test_records_that_no_message_can_carry_are_an_error(records: int) -> None:
    around = 12 + len(b"\1x\7example\3com\0") + 4 + 11 + 12 * records
    assert names(large(65535 - around, records)) == []
    assert names(large(65536 - around, records)) == ["x too-large"]


def types_at(owner: str, types: int, records: int, size: int) -> str:
    """So many records of so many bytes of each of some types."""
    return "".join(
        rf"{owner} TYPE{65280 + rtype} \# {size} {number:04x}{'00' * (size - 2)}" + "\n"
        for rtype in range(types)
        for number in range(records)
    )


@pytest.mark.parametrize(
    ("types", "records", "size", "told"),
    [
        (16, 64, 2, ""),
        (25, 41, 2, "1,025 records at one name"),
        (16, 4, 1009, ""),
        (16, 4, 1010, "65,568 bytes of records at one name"),
    ],
)
def test_an_owner_that_no_query_is_answered_from_is_an_error(types, records, size, told) -> None:
    found = [each for each in findings(types_at("x", types, records, size)) if each.check == "large-owner"]
    assert [each.message.partition(";")[0] for each in found] == ([told] if told else [])


def test_the_apex_is_such_an_owner_too() -> None:
    assert "@ large-owner" in names(types_at("@", 16, 64, 2))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("www A 192.0.2.1", []),
        ("* A 192.0.2.1", []),
        ("*.a-b.c--d.9 AAAA 2001:db8::1", []),
        ("gc._msdcs A 192.0.2.1", []),
        ("a_b A 192.0.2.1", ["a_b host-owner"]),
        ("a_b AAAA 2001:db8::1", ["a_b host-owner"]),
        ("a_b MX 0 .", ["a_b host-owner"]),
        ("-a A 192.0.2.1", ["-a host-owner"]),
        ("a- A 192.0.2.1", ["a- host-owner"]),
        ("x.*.y A 192.0.2.1", ["x.*.y host-owner"]),
        ("x.gc._msdcs A 192.0.2.1", ["x.gc._msdcs host-owner"]),
        (r"a\000b A 192.0.2.1", [r"a\000b host-owner"]),
        ("s NS ns.example.net.\na_b.s A 192.0.2.1", ["a_b.s host-owner", "a_b.s unused-glue"]),
        ("a_b TXT t", []),
        ("_sip._tcp SRV 0 0 5060 sip.example.net.", []),
        ("a_b CNAME c_d\nx PTR a_b", []),
        ("x MX 10 a_b.example.net.", ["x host-target"]),
        ("x SRV 0 0 1 a_b.example.net.", ["x host-target"]),
        ("x SRV 0 0 1 *.example.net.", ["x host-target"]),
        ("s NS a_b.example.net.", ["s host-target"]),
        ("@ NS a_b.example.net.", ["@ host-target"]),
    ],
)
def test_names_in_the_place_of_hosts_are_host_names(line: str, expected: list[str]) -> None:
    assert names(line + "\n") == expected
