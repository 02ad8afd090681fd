"""Targets that are addresses or URLs, and DNSSEC's records in a zone that isn't signed."""

import pytest

from checkkit import APEX, ZONE, by_owner, entries_of, findings, names
from zonegit.model.names import join, owner_key, parse_apex
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.mistaken import check_ends


def ends(lines: str) -> list[str]:
    return [found.message for found in findings(lines) if found.check == "address-target"]


@pytest.mark.parametrize("rtype", ["CNAME", "DNAME", "NS", "PTR", "MX 10", "SRV 0 0 5"])
@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("192.0.2.1", "an IPv4 address"),
        ("192.0.2.1.", "an IPv4 address"),
        ("2001:db8::1", "an IPv6 address"),
        ("2001:db8::1.", "an IPv6 address"),
        ("::ffff:192.0.2.1", "an IPv6 address"),
        ("[2001:db8::1]", "an IPv6 address"),
        ("http://foo", "a URL"),
        ("https://www.example.net/path.", "a URL"),
        ("http://192.0.2.1", "a URL"),
    ],
)
def test_a_target_that_is_no_name(rtype: str, target: str, what: str) -> None:
    name = target if target.endswith(".") else f"{target}.example.com."
    (told,) = ends(f"w {rtype.partition(' ')[0]} {rtype.partition(' ')[2]} {target}\n")
    start = f"{rtype.split()[0]} target {target.removesuffix('.')} is {what}, read as the name {name}"
    assert told == f"{start}; write a host name"


@pytest.mark.parametrize(
    "target",
    [
        "192.0.2",
        "1.192.0.2.1",
        "192.0.2.256",
        "192.0.2.1.net.",
        "a.192.0.2.1",
        "192-0-2-1",
        "4",
        "a:b",
        "::x",
        "@",
        ".",
    ],
)
def test_a_target_that_is_a_name(target: str) -> None:
    assert ends(f"w CNAME {target}\nv PTR {target}\n") == []


def test_names_below_in_addr_arpa_are_not_taken_for_addresses() -> None:
    owners = by_owner(entries_of("@ 60 SOA a b 1 2 3 4 5\n@ NS 1.2.0.192.in-addr.arpa.\n"))
    (types,) = owners.values()
    assert list(check_ends(parse_apex("in-addr.arpa."), types)) == []


def test_an_address_is_told_by_the_check_alone_and_where_it_changes() -> None:
    owners = by_owner(entries_of(f"{ZONE}w PTR 192.0.2.1\nv PTR 192.0.2.2\n"))
    found = check_owners(APEX, [owner_key(join([b"w"]))], owners)
    assert [each.check for each in found] == ["address-target"]
    assert found[0].message.startswith("PTR target 192.0.2.1 is an IPv4 address")


SIGNATURE = "RRSIG A 8 2 60 0 0 1 @ AAAA\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (f"w A 192.0.2.1\nw {SIGNATURE}", ["w stray-dnssec"]),
        ("w A 192.0.2.1\nw NSEC @ A NSEC\n", ["w stray-dnssec"]),
        ("@ NSEC w NS SOA NSEC\n", ["@ stray-dnssec"]),
        (f"{'0' * 32} NSEC3 1 0 0 - {'1' * 32} A\n", [f"{'0' * 32} stray-dnssec"]),
        (f"@ {SIGNATURE}w A 192.0.2.1\nw {SIGNATURE}w NSEC @ A\n", []),
        ("@ DNSKEY 257 3 8 AAAA\ns NS ns.example.net.\ns DS 1 8 2 " + "ab" * 32, []),
    ],
)
def test_dnssec_in_a_zone_that_is_not_signed(lines: str, expected: list[str]) -> None:
    assert names(lines) == expected


def test_what_is_stray_is_named() -> None:
    (found,) = findings(f"w A 192.0.2.1\nw {SIGNATURE}w NSEC @ A\n")
    assert found.message == "RRSIG, NSEC in a zone that isn't signed: there is no RRSIG record at its apex"
