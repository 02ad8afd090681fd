"""What makes a zone an error, what a warning, and what neither."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from checkkit import APEX, ZONE, Zone, by_owner, findings, owners_of
from zonegit.model.names import APEX_KEY, OwnerKey, join, owner_key, owner_text
from zonegit.zonefile.check import check_entries, check_owners
from zonegit.zonefile.findings import Finding, Severity
from zonegit.zonefile.reader import read_zone

AS_PRIMARY = "; BIND refuses the zone as a primary"


def check(zone: Zone, *only: OwnerKey) -> list[str]:
    return [shown(finding) for finding in check_owners(APEX, only or sorted(zone), zone)]


def shown(finding: Finding) -> str:
    return f"{finding.severity.name[0]} {owner_text(finding.owner)}: {finding.message} [{finding.check}]"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", []),
        ("w A 192.0.2.1\nw TXT x\na.b.c A 192.0.2.1\n* A 192.0.2.1", []),
        ("@ RRSIG SOA 8 2 60 0 0 1 @ AAAA\nw CNAME x\nw RRSIG CNAME 8 2 60 0 0 1 @ AAAA\nw NSEC @ CNAME\n", []),
        ("w CNAME x\nw A 192.0.2.1\nw TXT t", ["E w: CNAME beside other data (A, TXT) [cname-and-other]"]),
        ("@ CNAME x", ["E @: CNAME beside other data (NS, SOA) [cname-and-other]"]),
        ("w CNAME x\nw CNAME y", ["E w: more than one CNAME record [two-cnames]"]),
        ("w DNAME x\nw DNAME y", ["E w: more than one DNAME record [two-dnames]"]),
        ("w DNAME x\na.w A 192.0.2.1", ["E a.w: data below the DNAME at w.example.com. [below-dname]"]),
        ("@ DNAME x.example.net.\nw A 192.0.2.1", ["E w: data below the DNAME at example.com. [below-dname]"]),
        ("w DNAME x\nw A 192.0.2.1", []),
        ("s NS ns.s\nns.s A 192.0.2.1", []),
        ("s NS s\ns A 192.0.2.1", []),
        ("s NS n.s", ["W s: delegation without the glue it needs: n.s.example.com. has no address [missing-glue]"]),
        ("s NS s", ["W s: delegation without the glue it needs: s.example.com. has no address [missing-glue]"]),
        ("s NS ns.t\nt NS ns.t\nns.t A 192.0.2.1", []),
        ("s NS ns", ["W s: NS target ns.example.com. has no address in this zone [ns-address]"]),
        ("s NS ns\nns CNAME w", ["W s: NS target ns.example.com. is a CNAME (RFC 2181 §10.3) [ns-cname]"]),
        ("s NS ns\n* A 192.0.2.1", []),
        ("@ NS ns", [f"W @: NS target ns.example.com. has no address in this zone{AS_PRIMARY} [ns-address]"]),
        ("@ NS ns\nns AAAA 2001:db8::1", []),
        ("@ NS n\nn CNAME w", [
            f"W @: NS target n.example.com. is a CNAME (RFC 2181 §10.3){AS_PRIMARY} [ns-cname]"
]),
        ("w MX 10 m\nm CNAME x", ["W w: MX target m.example.com. is a CNAME (RFC 2181 §10.3) [mx-cname]"]),
        ("w MX 10 a.m\n*.m CNAME x", ["W w: MX target a.m.example.com. is a CNAME (RFC 2181 §10.3) [mx-cname]"]),
        ("w MX 10 a.m\nm A 192.0.2.1\n* A 192.0.2.1", [
            "W w: MX target a.m.example.com. has no address in this zone [mx-address]"
        ]),
        ("w SRV 1 1 1 m\nm CNAME x", ["W w: SRV target m.example.com. is a CNAME (RFC 2181 §10.3) [srv-cname]"]),
        ("w MX 10 m\n@ SRV 1 1 1 m\nm TXT x", [
            "W @: SRV target m.example.com. has no address in this zone [srv-address]",
            "W w: MX target m.example.com. has no address in this zone [mx-address]",
        ]),
        ("w MX 10 m.s\ns NS ns.example.net.", []),
        ("w MX 0 .\nx SRV 0 0 0 .\ny MX 5 mail.example.net.\nz MX 5 evilexample.com.", []),
        ("w CNAME m\nx CNAME m.s\ns NS ns.example.net.\na.b.v TXT x\nz CNAME u.v\nk CNAME example.com.", []),
        ("w CNAME www.example.net", [
            "W w: CNAME target www.example.net.example.com. isn't in this zone; did you mean www.example.net.? "
            "[cname-target]"
        ]),
        ("w CNAME www.example.net\n* TXT x", []),
        ("w DS 1 8 2 " + "ab" * 32, ["W w: DS records without a delegation [ds-without-ns]"]),
        ("@ DS 1 8 2 " + "ab" * 32, [f"W @: DS records at the apex belong to the parent{AS_PRIMARY} [apex-ds]"]),
        ("s NS ns.example.net.\ns DS 1 8 2 " + "ab" * 32, []),
        ("*.s NS ns.example.net.", [
            "W *.s: NS records at a wildcard, which no resolver can follow (RFC 4592 §4.2); BIND refuses the zone "
            "[wildcard-ns]"
        ]),
        ("s NS ns.example.net.\ns TXT x", ["W s: TXT occluded by the delegation here [occluded]"]),
        ("s NS ns.example.net.\na.s TXT x\nb.a.s NS x.example.net.", [
            "W a.s: TXT occluded by the delegation at s.example.com. [occluded]",
            "W b.a.s: NS occluded by the delegation at s.example.com. [occluded]",
        ]),
        ("s NS ns.example.net.\na.s A 192.0.2.1", [
            "W a.s: addresses occluded by the delegation at s.example.com., which no NS record needs as "
            "glue [unused-glue]"
        ]),
    ],
)  # fmt: skip
def test_findings(lines: str, expected: list[str]) -> None:
    assert check(owners_of(f"{ZONE}{lines}\n")) == expected
    assert [shown(finding) for finding in findings(lines)] == expected


def test_an_apex_needs_its_soa_and_ns() -> None:
    owners = owners_of(ZONE)
    ns = owners[APEX_KEY].pop(2)
    assert check(owners) == ["E @: no NS records at the apex [no-ns]"]
    soa = owners[APEX_KEY].pop(6)
    owners[APEX_KEY][2] = ns
    assert check(owners) == ["E @: no SOA record; a zone has exactly one, at its apex [no-soa]"]
    owners[APEX_KEY][6] = soa + soa
    assert check(owners) == ["E @: more than one SOA record [two-soas]"]
    owners[APEX_KEY][6] = soa
    owners[owner_key(join([b"w"]))] = {6: b"\1w" + soa}
    assert check(owners) == ["E w: a SOA below the apex; a zone has exactly one, at its apex [soa-below-apex]"]


def test_a_change_is_judged_with_what_stands_above_it() -> None:
    owners = owners_of(ZONE + "@ NS ns\nns A 192.0.2.1\ns NS ns.s\nns.s A 192.0.2.1\nx CNAME y\nx A 192.0.2.1\n")
    glue, server = owner_key(join([b"ns", b"s"])), owner_key(join([b"ns"]))
    assert check(owners, glue) == []
    del owners[glue]
    assert check(owners, glue) == [
        "W s: delegation without the glue it needs: ns.s.example.com. has no address [missing-glue]"
    ]
    del owners[server]
    assert check(owners, server) == [
        f"W @: NS target ns.example.com. has no address in this zone{AS_PRIMARY} [ns-address]"
    ]
    assert len(check(owners)) == 3


def test_deep_names_are_judged_without_recursion() -> None:
    deep = ".".join("x" * 100)
    owners = owners_of(ZONE + f"{deep} A 192.0.2.1\n{deep[2:]} CNAME w\n{deep} CNAME w\n")
    assert check(owners) == [f"E {deep}: CNAME beside other data (A) [cname-and-other]"]


def test_the_synthetic_zone_is_free_of_findings(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    path = tmp_path / "zone"
    subprocess.run([sys.executable, str(shared_data("make_zone.py")), "2000", str(path)], check=True, timeout=60)
    owners = by_owner(read_zone(path, name="zone", origin=None).entries)
    assert len(owners) > 2000
    assert check(owners) == []


def test_the_root_zones_are_free_of_errors(shared_data: Callable[[str], Path]) -> None:
    for file in ("root-2017082100-signed.zone.gz", "root-2026082201.zone.gz"):
        parsed = read_zone(shared_data(file), name=file, origin=None)
        found = check_entries(parsed.apex, parsed.entries)
        assert [finding for finding in found if finding.severity is Severity.ERROR] == []
