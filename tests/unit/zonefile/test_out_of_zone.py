"""Records whose owners are outside of the zone are ignored, each with a warning, as BIND and Knot ignore them."""

from pathlib import Path

import pytest

from readkit import SOA, read, read_files, records, refusal, shown, warnings
from zonegit.zonefile.findings import LISTED, how_many

W = "w.example.com. 3600 IN A 192.0.2.1"


@pytest.mark.parametrize(
    ("body", "kept", "ignored"),
    [
        ("w A 192.0.2.1\nx.test. A 192.0.2.1\n", [W], ["3: x.test."]),
        ("x.test. A 192.0.2.1\n TXT x\nw A 192.0.2.1\n", [W], ["2: x.test.", "3: x.test."]),
        ("w A 192.0.2.1\n$ORIGIN test.\nx A 192.0.2.1\n@ A 192.0.2.1\n", [W], ["4: x.test.", "5: test."]),
        ("$ORIGIN test.\nw.example.com. A 192.0.2.1\n TXT x\n", [W, 'w.example.com. 3600 IN TXT "x"'], []),
        ("x.test. A 192.0.2.1\n$GENERATE 1-1 w A 192.0.2.1\n A 192.0.2.2\n", [W], ["2: x.test.", "4: x.test."]),
        ("$GENERATE 1-2 x$.test. A 192.0.2.1\nw A 192.0.2.1\n", [W], ["2: x1.test.", "2: x2.test."]),
        ("com. A 192.0.2.1\nevilexample.com. A 192.0.2.1\n", [], ["2: com.", "3: evilexample.com."]),
        ("x.test. SOA ns1 h 1 2 3 4 5\nw A 192.0.2.1\n", [W], ["2: x.test."]),
        ("x.test. 99 A 192.0.2.1\nw A 192.0.2.1\n", [W.replace("3600", "99")], ["2: x.test."]),
        ("x.test. A 192.0.2.1\nX.test. A 192.0.2.1\n", [], ["2: x.test.", "3: X.test."]),
    ],
)
def test_they_are_ignored(body: str, kept: list[str], ignored: list[str]) -> None:
    parsed = read(SOA + body)
    assert shown(parsed) == kept
    assert parsed.records == 1 + len(kept)
    told = [("out-of-zone", f"zone:{line} is outside of the zone example.com.; ignored") for line in ignored]
    assert warnings(parsed) == told


def test_a_zone_without_a_name_takes_the_first_soa() -> None:
    text = "$ORIGIN example.com.\n" + SOA + "w A 192.0.2.1\nns.example.net. A 192.0.2.1\n"
    assert records(text, origin=None) == [W]


def test_an_included_file_of_another_zone_is_ignored(tmp_path: Path) -> None:
    main = SOA + "w A 192.0.2.1\n$INCLUDE other test.\n TXT x\n"
    parsed = read_files(tmp_path, {"main": main, "other": "@ A 192.0.2.1\nx A 192.0.2.1\n"})
    assert shown(parsed) == [W, 'w.example.com. 3600 IN TXT "x"']
    assert len(parsed.warnings) == 2
    main = SOA + "x.test. A 192.0.2.1\n$INCLUDE other\nw A 192.0.2.1\n"
    parsed = read_files(tmp_path, {"main": main, "other": " TXT x\n"})
    assert shown(parsed) == [W]
    assert len(parsed.warnings) == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("x.test. A 192.0.2.300", "no IPv4 address"),
        ("x.test. NOSUCH 1", "unknown type"),
        ("x.test. A", "without data"),
        ("x.test. 1x A 192.0.2.1", "not a TTL"),
    ],
)
def test_they_have_to_be_readable(line: str, reason: str) -> None:
    assert reason in refusal(f"{SOA}{line}\n")


def test_a_file_of_another_zone_is_named_as_such() -> None:
    other = SOA.replace("@", "Example.NET.")
    told = "zone: no SOA record for example.com.; the one in the file is for Example.NET."
    assert refusal(other + "www.example.net. A 192.0.2.1\n") == told


def test_very_many_are_counted() -> None:
    found = read(SOA + "x.test. A 192.0.2.1\n" * (LISTED + 2)).warnings
    assert len(found) == LISTED
    assert how_many(found) == LISTED + 2
