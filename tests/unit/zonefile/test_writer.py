"""Zone files as they are written; that they read back equal is a law under tests/laws."""

import subprocess
from collections.abc import Callable
from pathlib import Path

from zonegit.model.names import APEX, join, parse_apex
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import read_zone
from zonegit.zonefile.writer import write_zone

ZONE = parse_apex("example.com.")
SOA = RRset.of(APEX, 6, 3600, [b"\3ns1" + ZONE + b"\1h" + ZONE + bytes(20)])


def test_the_soa_comes_first_and_owners_are_relative() -> None:
    rrsets = [
        RRset.of(APEX, 1, 300, [b"\xc0\0\2\1"]),
        SOA,
        RRset.of(join([b"www", b"a.b"]), 5, 60, [ZONE]),
        RRset.of(join([b"$x", b"*"]), 16, 60, [b"\1a\2b;"]),
        RRset.of(join([b"u"]), 65280, 60, [b"\1\2"]),
    ]
    assert list(write_zone(ZONE, rrsets)) == [
        "$ORIGIN example.com.",
        "$TTL 3600",
        "@\t3600\tIN\tSOA\tns1.example.com. h.example.com. 0 0 0 0 0",
        "@\t300\tIN\tA\t192.0.2.1",
        "www.a\\.b\t60\tIN\tCNAME\texample.com.",
        '\\$x.*\t60\tIN\tTXT\t"a" "b;"',
        "u\t60\tIN\tTYPE65280\t\\# 2 0102",
    ]


def test_root_zones_read_back_and_bind_reads_them(
    shared_data: Callable[[str], Path], needs_program: Callable[[str], str], tmp_path: Path
) -> None:
    compiler = needs_program("named-compilezone")
    for file in ("root-2017082100-signed.zone.gz", "root-2026082201.zone.gz"):
        parsed = read_zone(shared_data(file), name=file, origin=None)
        path = tmp_path / "root.zone"
        path.write_text(
            "\n".join(write_zone(parsed.apex, (RRset.decode(payload) for _, payload in parsed.entries)))
        )
        again = read_zone(path, name="root.zone", origin=None)
        assert (again.entries, again.records) == (parsed.entries, parsed.records)
        by_bind = tmp_path / "bind.zone"
        subprocess.run([compiler, "-q", "-i", "none", "-o", str(by_bind), ".", str(path)], check=True)
        assert read_zone(by_bind, name="bind.zone", origin=None).entries == parsed.entries
