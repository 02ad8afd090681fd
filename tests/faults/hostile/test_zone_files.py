"""Zone files that few bytes make large, or slow to read, check or verify. Work is counted in calls, not seconds."""

import gzip
import io
import sys
import tracemalloc
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from zonegit.dnssec import keys
from zonegit.dnssec.check import check_signatures
from zonegit.errors import ZoneFileError
from zonegit.model.names import parse_apex
from zonegit.zonefile import expansion, source
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.reader import ParsedZone, read_zone

LINEAR: Final = 2.6
"""How many times the calls twice as much may take."""
LONG_LINE: Final = 4 << 20
"""Bytes of memory that a line without an end may take, however long it is."""
VERIFIED: Final = 4
"""Keys that a signature is tried with."""

APEX = parse_apex("example.com.")
ZONE = "$TTL 60\n@ SOA ns.example.net. h 1 2 3 4 5\n@ NS ns.example.net.\n"
HASH = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom"
SIGNATURE = "8 3 60 20300101000000 20200101000000"


def read(data: str | bytes) -> ParsedZone:
    raw = data.encode() if isinstance(data, str) else data
    return read_zone(io.BytesIO(raw), name="zone", origin=APEX)


def looked_at(text: str) -> None:
    """Read, checked and verified."""
    zone = read(ZONE + text)
    check_entries(zone.apex, zone.entries)
    check_signatures(zone.apex, zone.serial, zone.entries, 1.7e9)


def calls(work: Callable[[], object]) -> int:
    """Functions that are called, those written in C too."""
    count = 0

    def counting(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def lines(template: str, count: int) -> str:
    return "".join(template.replace("%", str(number)) + "\n" for number in range(1000, 1000 + count))


TARGETS = "m MX 1 t%.h"
SLOW = {
    "targets beside hashed owners": lambda n: lines(f"x%.h NSEC3 1 0 0 - {HASH}", n) + lines(TARGETS, n),
    "targets beside signed owners": lambda n: (
        lines(f"x%.h RRSIG NSEC3 {SIGNATURE} 1 @ AAAA", n) + lines(TARGETS, n)
    ),
    "targets below a wildcard of many types": lambda n: lines("*.h TYPE% \\# 0", n) + lines(TARGETS, n),
    "targets below a name of many types": lambda n: lines("h TYPE% \\# 0", n) + lines(TARGETS, n),
    "targets below a name of many signatures": lambda n: (
        lines(f"h RRSIG NSEC3 {SIGNATURE} % @ AAAA", n) + lines(TARGETS, n)
    ),
    "deep targets": lambda n: lines("m MX 1 " + "a." * 100 + "t%", n),
    "deep owners": lambda n: lines("a." * 100 + "t% A 192.0.2.1", n),
    "delegations of delegations": lambda n: "c NS x\n" + lines("n%.c NS m%.c", n),
    "names below a delegation": lambda n: "c NS x\n" + lines("d%.c TXT x", n),
    "name servers of one delegation": lambda n: lines("c NS b%.c", n),
    "names below DNAMEs": lambda n: lines("d% DNAME x.\na.d% A 192.0.2.1", n),
    "types beside a CNAME": lambda n: "a CNAME b\n" + lines("a TYPE% \\# 0", n),
    "one RRset": lambda n: lines('a TXT "%"', n),
    "TTLs of one RRset": lambda n: lines('a % TXT "%"', n),
    "SOAs again": lambda n: "@ SOA ns.example.net. h 1 2 3 4 5\n" * n + lines("a% TXT a\na% TXT b", n),
    "origins": lambda n: lines("$ORIGIN d%\nx A 192.0.2.1\n$ORIGIN example.com.", n),
    "changing TTLs": lambda n: lines("a% % A 192.0.2.1\nb% A 192.0.2.1", n),
    "records outside": lambda n: lines("a%.example.net. A 192.0.2.1", n),
    "parentheses": lambda n: "a TXT " + "(" * n + " x " + ")" * n,
    "lines of a record": lambda n: "a TXT (\n" + 'x ; "\n' * n + ")",
    "strings": lambda n: 'a TXT "x"' + ' "x"' * n,
    "escapes": lambda n: "a TXT " + "\\065 " * n,
    "types of a bitmap": lambda n: "a CSYNC 1 1" + "".join(f" TYPE{number + 1000}" for number in range(n)),
    "service parameters": lambda n: "a SVCB 1 ." + "".join(f" key{number + 1000}=x" for number in range(n)),
    "generated": lambda n: f"$GENERATE 1-{n} a$ CNAME b${{1,5,x}}",
    "signatures of one RRset": lambda n: "@ DNSKEY 257 3 13 AAAA\n" + lines(f"@ RRSIG SOA {SIGNATURE} % @ AAAA", n),
    "names that no hash is of": lambda n: (
        f"@ RRSIG SOA {SIGNATURE} 1 @ AAAA\n@ NSEC3PARAM 1 0 100 -\n" + lines("a% A 192.0.2.1", n)
    ),
}


@pytest.mark.parametrize("kind", SLOW)
def test_twice_as_much_takes_twice_as_long(kind: str) -> None:
    once, twice = (calls(partial(looked_at, SLOW[kind](size))) for size in (60, 120))
    assert twice <= LINEAR * once, (once, twice)


def test_a_line_without_an_end_does_not_fill_the_memory() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(ZONE.encode()) + b"".join(
        packer.compress(bytes(1 << 20).replace(b"\0", b"a")) for _ in range(40)
    )
    packed += packer.flush()
    tracemalloc.start()
    try:
        with pytest.raises(ZoneFileError, match="zone:3: the next line is longer than 524,288 bytes"):
            read(packed)
        assert tracemalloc.get_traced_memory()[1] < LONG_LINE + len(packed)
    finally:
        tracemalloc.stop()


def test_gzip_data_unpacks_to_a_hundred_times_its_size_at_most() -> None:
    comments = (";" + " " * 99_998 + "\n") * 100
    with pytest.raises(ZoneFileError, match="unpacks to more than 100 times its size"):
        read(gzip.compress((ZONE + comments).encode()))
    assert read(ZONE + comments).records == 2, "the same is fine as it is"
    assert read(gzip.compress((ZONE + comments[: source.FREE // 2]).encode())).records == 2


def test_a_record_on_lines_without_end_is_refused() -> None:
    with pytest.raises(ZoneFileError, match=r"zone:4: a record of more than 524,288 characters in parentheses"):
        read(ZONE + "a TXT (\n" + ("x" * 50_000 + "\n") * 11 + ")\n")


def test_all_that_is_generated_in_a_zone_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expansion.MAX_LINES == 1 << 20, "as documented"
    monkeypatch.setattr(expansion, "MAX_LINES", 1000)
    assert read(ZONE + "$GENERATE 1-500 a$ A 192.0.2.1\n$GENERATE 1-500 b$ A 192.0.2.1\n").records == 1002
    with pytest.raises(ZoneFileError, match=r"zone:5: .*make more than 1,000 lines or 64 MiB"):
        read(ZONE + "$GENERATE 1-500 a$ A 192.0.2.1\n$GENERATE 1-501 b$ A 192.0.2.1\n")
    monkeypatch.setattr(expansion, "MAX_SIZE", 10_000)
    with pytest.raises(ZoneFileError, match=r"zone:4: .*make more than"):
        read(ZONE + "$GENERATE 1-500 a$ TXT ${0,200}\n")


def test_what_a_number_is_generated_into_is_bounded() -> None:
    with pytest.raises(ZoneFileError, match="at most 16384"):
        read(ZONE + "$GENERATE 1-1 a TXT " + "${0,999}" * 2048 + "\n")


def test_files_that_include_each_other_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expansion, "MAX_LINES", 2000)
    monkeypatch.setattr("zonegit.zonefile.expansion.MAX_DEPTH", 8)
    (tmp_path / "zone").write_text(ZONE + "$INCLUDE part\n")
    (tmp_path / "part").write_text("a A 192.0.2.1\n" + "$INCLUDE other\n" * 50)
    (tmp_path / "other").write_text("$INCLUDE part\n" * 50)
    with pytest.raises(ZoneFileError, match=r"more than 8 files deep|make more than 2,000 lines"):
        read_zone(tmp_path / "zone", name="zone", origin=APEX)
    (tmp_path / "part").write_text("a A 192.0.2.1\n" * 30)
    (tmp_path / "zone").write_text(ZONE + "$INCLUDE part\n" * 60)
    assert read_zone(tmp_path / "zone", name="zone", origin=APEX).records == 3, "a template is read again and again"
    (tmp_path / "zone").write_text(ZONE + "$INCLUDE part\n" * 70)
    with pytest.raises(ZoneFileError, match="make more than 2,000 lines"):
        read_zone(tmp_path / "zone", name="zone", origin=APEX)


def test_findings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zonegit.zonefile.findings.Findings.__init__.__defaults__", (50,))
    zone = read(ZONE + lines("m MX 1 t%\na% 3000000000 A 192.0.2.1\nd A 192.0.2.1", 100))
    found = [*zone.warnings, *check_entries(zone.apex, zone.entries)]
    assert len(found) <= 2 * 50 + 1
    assert sorted(each.more for each in found if each.more) == [50, 50]


def test_a_signature_is_tried_with_few_keys_of_its_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = 0

    def verify(signature: bytes, data: bytes) -> bool:
        nonlocal tried
        tried += 1
        return False

    monkeypatch.setattr(keys, "_verifier", lambda algorithm, key: verify)
    monkeypatch.setattr(keys, "key_tag", lambda rdata: 1)
    zone = read(
        ZONE
        + lines("@ DNSKEY 257 3 13 %", 10)
        + lines("@ RRSIG SOA 13 2 60 20300101000000 20200101000000 1 @ %", 10)
    )
    found = check_signatures(zone.apex, zone.serial, zone.entries, 1.7e9)
    assert tried == 10 * VERIFIED
    assert "more than 4 keys have tag 1" in next(each.message for each in found if each.check == "dnskey-tag")
