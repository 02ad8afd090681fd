"""The zones under examples/: free of errors and warnings, here and in BIND."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zonegit.model.names import to_text
from zonegit.model.rrset import RRset, key_parts
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.reader import read_zone
from zonegit.zonefile.types import type_text
from zonegit.zonefile.writer import write_zone

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
ZONES = sorted(EXAMPLES.glob("*.zone"))


@pytest.mark.parametrize("path", ZONES, ids=lambda path: path.stem)
def test_an_example_is_clean_and_reads_back(path: Path, tmp_path: Path) -> None:
    parsed = read_zone(path, name=path.name, origin=None)
    assert to_text(parsed.apex) == path.stem + "."
    assert parsed.warnings == []
    assert check_entries(parsed.apex, parsed.entries) == []
    written = tmp_path / path.name
    written.write_text("\n".join(write_zone(parsed.apex, (RRset.decode(payload) for _, payload in parsed.entries))))
    assert read_zone(written, name=path.name, origin=None).entries == parsed.entries


@pytest.mark.parametrize("path", ZONES, ids=lambda path: path.stem)
def test_bind_reads_an_example_alike(path: Path, needs_program: Callable[[str], str], tmp_path: Path) -> None:
    subprocess.run(
        [needs_program("named-checkzone"), "-q", "-i", "local", path.stem, str(path)], check=True, timeout=60
    )
    expected = read_zone(path, name=path.name, origin=None)
    for style in ("full", "relative"):
        written = tmp_path / style
        command = [needs_program("named-compilezone"), "-q", "-i", "none", "-s", style, "-o", str(written)]
        subprocess.run([*command, path.stem, str(path)], check=True, timeout=60)
        assert read_zone(written, name=style, origin=expected.apex).entries == expected.entries


def test_the_company_holds_every_common_type() -> None:
    parsed = read_zone(EXAMPLES / "example.org.zone", name="example", origin=None)
    assert {type_text(key_parts(key)[1]) for key, _ in parsed.entries} == {
        *("A", "AAAA", "CAA", "CNAME", "DNAME", "DS", "HINFO", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "RP"),
        *("SOA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI", "TYPE65400"),
    }


def test_the_tld_is_what_its_script_writes() -> None:
    script = EXAMPLES / "make_tld.py"
    made = subprocess.run([sys.executable, str(script)], check=True, capture_output=True, timeout=60)
    assert made.stdout == (EXAMPLES / "tld.example.zone").read_bytes()
    assert len(made.stdout) < 500_000
