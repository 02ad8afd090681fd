"""Zone files as people write them: RFC 1035 §5, RFC 2308 §4, RFC 3597, and BIND's additions."""

import gzip
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from readkit import APEX, SOA, read, records, refusal
from zonegit.errors import ZoneFileError
from zonegit.model.names import join, to_text
from zonegit.model.rrset import RRset
from zonegit.zonefile.findings import Finding, Severity
from zonegit.zonefile.reader import read_zone


def test_serial_is_told_and_stored_as_zero() -> None:
    parsed = read(SOA)
    assert (parsed.apex, parsed.serial, parsed.records, parsed.warnings) == (APEX, 7, 1, [])
    assert RRset.decode(parsed.entries[0][1]).rdatas[0][-20:-16] == bytes(4)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("www 300 IN A 192.0.2.1", "www.example.com. 300 IN A 192.0.2.1"),
        ("www IN 300 A 192.0.2.1", "www.example.com. 300 IN A 192.0.2.1"),
        ("www 300 A 192.0.2.1", "www.example.com. 300 IN A 192.0.2.1"),
        ("www in a 192.0.2.1", "www.example.com. 3600 IN A 192.0.2.1"),
        ("www A 192.0.2.1", "www.example.com. 3600 IN A 192.0.2.1"),
        (" A 192.0.2.1", "example.com. 3600 IN A 192.0.2.1"),
        ('"www" 60 A 192.0.2.1', "www.example.com. 60 IN A 192.0.2.1"),
        ('"a b\\"\\046.x" 60 A 192.0.2.1', 'a\\032b\\"\\..x.example.com. 60 IN A 192.0.2.1'),
        ("@\tA\t192.0.2.1\t; the apex", "example.com. 3600 IN A 192.0.2.1"),
        ("WWW.Example.COM. 1h30m A 192.0.2.1", "www.example.com. 5400 IN A 192.0.2.1"),
        ("www 1W2D A 192.0.2.1", "www.example.com. 777600 IN A 192.0.2.1"),
        ("a\\.b 60 A 192.0.2.1", "a\\.b.example.com. 60 IN A 192.0.2.1"),
        ("a\\032b 60 A 192.0.2.1", "a\\032b.example.com. 60 IN A 192.0.2.1"),
        ("* 60 MX 10 mail", "*.example.com. 60 IN MX 10 mail.example.com."),
        ('w 60 TXT plain "two words" ""', 'w.example.com. 60 IN TXT "plain" "two words" ""'),
        ('w 60 TXT "v=DKIM1; k=rsa" ; key', 'w.example.com. 60 IN TXT "v=DKIM1; k=rsa"'),
        ('w 60 TXT "a\\"b\\\\c"', 'w.example.com. 60 IN TXT "a\\"b\\\\c"'),
        ('w 60 TXT "\u00fc"', 'w.example.com. 60 IN TXT "\\195\\188"'),
        ("w 60 TYPE65280 \\# 4 0A000001", "w.example.com. 60 IN TYPE65280 \\# 4 0a000001"),
        ("w 60 A \\# 4 0A000001", "w.example.com. 60 IN A 10.0.0.1"),
        ("w 60 CLASS1 TYPE1 10.0.0.1", "w.example.com. 60 IN A 10.0.0.1"),
        ('w 60 CAA 0 issue "ca.example.net"', 'w.example.com. 60 IN CAA 0 issue "ca.example.net"'),
        ('w 60 HTTPS 1 . alpn="h2,h3"', 'w.example.com. 60 IN HTTPS 1 . alpn="h2,h3"'),
        ("w 60 MX ( 10 ; first\n mail )", "w.example.com. 60 IN MX 10 mail.example.com."),
        ("w 60 TXT a\\  ; one blank of the two", 'w.example.com. 60 IN TXT "a "'),
        ("w 60 TXT (a\\ )", 'w.example.com. 60 IN TXT "a "'),
        ("w 60 SPF a\\\\ \t", 'w.example.com. 60 IN SPF "a\\\\"'),
        ("(w 60 MX 10\n mail )", "w.example.com. 60 IN MX 10 mail.example.com."),
    ],
)
def test_one_line(line: str, expected: str) -> None:
    assert records(f"{SOA}{line}\n") == [expected]
    assert records(f"{SOA}{line}".replace("\n", "\r\n")) == [expected]


@pytest.mark.parametrize(
    ("text", "ttls"),
    [
        (SOA + "w 2147483648 A 192.0.2.1\nx A 192.0.2.1\n", ["0", "0"]),
        (SOA + "w 2147483647 A 192.0.2.1\n", ["2147483647"]),
        (SOA + "$TTL 4294967295\nw A 192.0.2.1\n", ["0"]),
        ("@ SOA ns1 h 1 2 3 4 2147483648\nw A 192.0.2.1\n", ["0"]),
        (SOA + "w 4294967295 CAA 0 issue x\n", ["0"]),
    ],
)
def test_a_ttl_above_31_bits_is_0(text: str, ttls: list[str]) -> None:
    assert [line.split()[1] for line in records(text)] == ttls
    checks = [warning.check for warning in read(text).warnings]
    assert checks == ["ttl-range"] * (ttls[0] == "0")


@pytest.mark.parametrize(
    "line", ["b\u00fccher A 192.0.2.1", "www CNAME b\u00fccher", "w HIP 2 00 AQ== x\nw MX 1 \u00e9"]
)
def test_names_beyond_ascii_are_bytes_with_a_warning(line: str) -> None:
    parsed = read(SOA + line)
    assert [warning.check for warning in parsed.warnings] == ["non-ascii-name"]
    assert any("\\195" in line for line in records(SOA + line))


def test_strings_beyond_ascii_are_bytes() -> None:
    text = SOA + "w 60 TXT \u00fc\nw 60 CAA 0 issue \u00fc\n"
    assert records(text) == [
        'w.example.com. 60 IN TXT "\\195\\188"',
        'w.example.com. 60 IN CAA 0 issue "\\195\\188"',
    ]
    assert read(text).warnings == []


@pytest.mark.parametrize(
    ("line", "line_number", "reason"),
    [
        ("www 300 IN NOSUCH x", 2, "unknown type 'NOSUCH'"),
        ("www 300 IN A 192.0.2.256", 2, "'192.0.2.256' is no IPv4 address"),
        ("www 300 IN A 192.0.2.1 192.0.2.2", 2, "no IPv4 address"),
        ("www 300 IN A", 2, "A record without data"),
        ("www 300 IN AAAA 192.0.2.1", 2, "no IPv6 address"),
        ("www 4294967296 IN A 192.0.2.1", 2, "TTL 4294967296 is not between 0 and 2147483647"),
        ("www 1x IN A 192.0.2.1", 2, "'1x' is not a TTL"),
        ("www 300 CH A 192.0.2.1", 2, "class CH; a zone here has class IN only"),
        ("www 300 IN", 2, "a record without a type"),
        ("x" * 64 + " A 192.0.2.1", 2, "label of 64 bytes"),
        (".".join(["x" * 60] * 4) + " A 192.0.2.1", 2, "a name has at most 255"),
        ("a..b A 192.0.2.1", 2, "empty label"),
        ('"" A 192.0.2.1', 2, "doesn't begin with an owner name"),
        ('www CNAME "b"', 2, "can't stand there"),
        ("www MX ( 10\n mail", 2, "a '(' is never closed"),
        ("www MX 10 mail )", 2, "a ')' without a '('"),
        ('www TXT "open', 2, "a quoted string isn't closed on the same line"),
        ("www TXT open\\", 2, "a line ends with a '\\'"),
        ("www TXT " + "x" * 256, 2, "TXT record"),
        ("www TXT " + " ".join(["x" * 255] * 260), 2, "RDATA of 66560 bytes"),
        ("www DNSKEY 256 3 8 " + "AAAA" * 30000, 2, "RDATA of 90004 bytes"),
        ("www OPT \\# 0", 2, "type OPT can't stand in a zone"),
        ("www RRSIG A 8 2 4294967295 20260904170000 20260822160000 1 @ AAAA", 2, "Original TTL"),
        ("sub SOA ns1 hostmaster 7 7200 900 1209600 300", 2, "a SOA below the apex, at sub.example.com.; a"),
        ("example.com SOA ns1 hostmaster 7 7200 900 1209600 300", 2, "final dot is missing after example.com"),
        ("@ SOA ns1 hostmaster 8 7200 900 1209600 300", 2, "a second SOA"),
        ("\n; comment\n\nwww A x", 5, "no IPv4 address"),
        ("w MX ( 10\n mail )\nwww A x", 4, "no IPv4 address"),
        ("$NOSUCH x", 2, "unknown directive '$NOSUCH'"),
        ("$TTL", 2, "$TTL with 0 words after it"),
        ("$TTL x", 2, "'x' is not a TTL"),
        ("$ORIGIN a b", 2, "$ORIGIN with 2 words"),
        ('$ORIGIN "a"', 2, 'only the path of an $INCLUDE may be quoted, not "a"'),
        ('$TTL "60"', 2, "only the path of an $INCLUDE may be quoted"),
        ('$INCLUDE "a" "b"', 2, "only the path of an $INCLUDE may be quoted"),
        ("$INCLUDE other", 2, "$INCLUDE works only in a zone read from a file"),
    ],
)
def test_errors_name_file_line_and_reason(line: str, line_number: int, reason: str) -> None:
    message = refusal(f"{SOA}{line}\n")
    assert message.startswith(f"zone:{line_number}: ")
    assert reason in message
    assert "\n" not in message


def test_a_zone_has_a_soa() -> None:
    assert (
        refusal("www 300 A 192.0.2.1\n")
        == "zone: no SOA record for example.com.; a zone has exactly one, at its apex"
    )
    assert "this is empty" in refusal("")
    assert "no SOA record" in refusal("; nothing\n", origin=None)


def test_the_soa_may_stand_twice_as_in_a_transfer() -> None:
    parsed = read(SOA + "www A 192.0.2.1\n" + SOA)
    assert parsed.records == 2
    assert parsed.warnings == []


def test_without_a_name_the_soa_comes_first() -> None:
    text = "$ORIGIN example.com.\n" + SOA + "www A 192.0.2.1\n"
    assert records(text, origin=None) == ["www.example.com. 3600 IN A 192.0.2.1"]
    assert records(SOA.replace("@", "Example.com.").replace("ns1 hostmaster", ". ."), origin=None) == []
    absolute = SOA.replace("@", "com\\\\.").replace("ns1 hostmaster", ". .")
    assert read(absolute, origin=None).apex == b"\4com\\\0"
    assert "is relative" in refusal(absolute.replace("\\\\", "\\"), origin=None)
    assert "the first record isn't the SOA" in refusal("a.example. 5 A 192.0.2.1\n" + SOA, origin=None)
    assert "'@' is relative, but there is no $ORIGIN: write one, or use --zone" in refusal(SOA, origin=None)
    assert "'www' is relative" in refusal(
        SOA.replace("@", "com.").replace("ns1 hostmaster", ". .") + "www 5 A 1.2.3.4", origin=None
    )


def test_omitted_owner_and_ttl_are_the_last_ones() -> None:
    text = SOA + "www 60 A 192.0.2.1\n  A 192.0.2.2\n\tAAAA 2001:db8::1\nx TXT x\ny 70 TXT y\nz TXT z\n"
    assert records(text) == [
        "www.example.com. 60 IN A 192.0.2.1",
        "www.example.com. 60 IN A 192.0.2.2",
        "www.example.com. 60 IN AAAA 2001:db8::1",
        'x.example.com. 60 IN TXT "x"',
        'y.example.com. 70 IN TXT "y"',
        'z.example.com. 70 IN TXT "z"',
    ]


def test_ttl_directive_stands_before_the_last_ttl() -> None:
    text = SOA + "$TTL 2h\nw A 192.0.2.1\nx 60 A 192.0.2.1\ny A 192.0.2.1\n$TTL 30\nz A 192.0.2.1\n"
    assert [line.split()[1] for line in records(text)] == ["7200", "60", "7200", "30"]


def test_without_any_ttl_the_soa_has_its_minimum() -> None:
    assert records("@ SOA ns1 h 7 7200 900 1209600 300\nw A 192.0.2.1\n") == ["w.example.com. 300 IN A 192.0.2.1"]
    assert "no TTL" in refusal("w A 192.0.2.1\n" + SOA)


def test_origin_moves_and_may_leave_the_zone_in_rdata_only() -> None:
    text = SOA + "$ORIGIN sub\nw A 192.0.2.1\n@ A 192.0.2.2\n$ORIGIN net.\nx.example.com. CNAME y\n"
    assert records(text) == [
        "sub.example.com. 3600 IN A 192.0.2.2",
        "w.sub.example.com. 3600 IN A 192.0.2.1",
        "x.example.com. 3600 IN CNAME y.net.",
    ]


def test_duplicates_merge_and_the_lowest_ttl_wins() -> None:
    parsed = read(SOA + "w 60 A 192.0.2.1\nw 50 A 192.0.2.1\nw 70 A 192.0.2.2\nw 60 A 192.0.2.1\n")
    assert parsed.records == 3
    owner = join([b"w"])
    assert parsed.warnings == [
        Finding(Severity.WARNING, "mixed-ttl", owner, "TTLs 50, 60, 70 in the RRset A; 50 taken"),
        Finding(Severity.WARNING, "duplicate-record", owner, "2 duplicate A records merged"),
    ]
    assert RRset.decode(parsed.entries[1][1]).ttl == 50


def test_a_signature_has_its_original_ttl() -> None:
    signature = "20260904170000 20260822160000 1 @ AAAA"
    text = SOA + f"w 60 RRSIG A 8 2 300 {signature}\nw 60 RRSIG AAAA 8 2 400 {signature}\n"
    assert [line.split()[1] for line in records(text)] == ["300", "400"]
    assert read(text).warnings == []


def test_entries_are_sorted_and_canonical() -> None:
    parsed = read(SOA + "b A 192.0.2.2\nb A 192.0.2.1\nA.b MX 10 MAIL\na A 192.0.2.1\n* A 192.0.2.1\n")
    keys = [key for key, _ in parsed.entries]
    assert keys == sorted(set(keys))
    for key, payload in parsed.entries:
        rrset = RRset.decode(payload)
        assert (rrset.key, rrset.encode()) == (key, payload)


def test_comments_may_hold_any_bytes() -> None:
    assert records(SOA.encode() + b"; caf\xe9 \xc3\xa9\nw A 192.0.2.1 ; \xff\n") == [
        "w.example.com. 3600 IN A 192.0.2.1"
    ]
    assert records(b"\xef\xbb\xbf" + SOA.encode() + b"w A 192.0.2.1") == ["w.example.com. 3600 IN A 192.0.2.1"]
    assert records(SOA.encode() + b'w TXT "\xe9"') == ['w.example.com. 3600 IN TXT "\\233"']


def test_an_included_file_may_be_empty(tmp_path: Path) -> None:
    (tmp_path / "zone").write_text(SOA + "$INCLUDE empty\nw A 192.0.2.1\n")
    (tmp_path / "empty").write_bytes(b"")
    assert read_zone(tmp_path / "zone", name="zone", origin=APEX).records == 2


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZoneFileError, match="No such file"):
        read_zone(tmp_path / "none", name="none", origin=APEX)
    with pytest.raises(ZoneFileError, match="directory"):
        read_zone(tmp_path, name="dir", origin=APEX)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_progress_tells_how_much_of_a_file_was_read(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "zone"
    path.write_bytes(pack(SOA.encode() + b"".join(b"h%d 60 A 192.0.2.1\n" % number for number in range(40000))))
    read_zone(path, name="zone", origin=APEX, progress=lambda *reached: told.append(reached))
    size = path.stat().st_size
    assert [total for _, total in told] == [size] * 4
    assert 0 < told[0][0] <= told[1][0] <= told[2][0] <= told[3][0] <= size


def test_progress_counts_the_lines_of_a_stream() -> None:
    told: list[tuple[int, int]] = []
    text = SOA + "".join(f"h{number} 60 A 192.0.2.1\n" for number in range(40000))
    read_zone(io.BytesIO(text.encode()), name="zone", origin=APEX, progress=lambda *reached: told.append(reached))
    assert told == [(8192, 0), (16384, 0), (24576, 0), (32768, 0)]


def test_a_given_stream_stays_open() -> None:
    stream = io.BytesIO(SOA.encode())
    read_zone(stream, name="zone", origin=APEX)
    assert not stream.closed


def test_common_zones_load_neither_dnspython_nor_the_layouts() -> None:
    code = (
        "import io, sys; from zonegit.zonefile import reader, check, writer, rfc8427\n"
        f"reader.read_zone(io.BytesIO({(SOA + 'w 60 TXT x').encode()!r}), name='', origin={bytes(APEX)!r})\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'dns' or name.endswith('.layouts')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_reads_the_root_zones_whole(shared_data: Callable[[str], Path]) -> None:
    for file, serial, count in (
        ("root-2017082100-signed.zone.gz", 2017082100, 22772),
        ("root-2026082201.zone.gz", 2026082201, 22094),
    ):
        parsed = read_zone(shared_data(file), name=file, origin=None)
        assert (to_text(parsed.apex), parsed.serial, parsed.records) == (".", serial, count)
        assert parsed.warnings == []


def test_gzip_is_recognised() -> None:
    assert read(gzip.compress((SOA + "www A 192.0.2.1\n").encode())).records == 2


def spoilt(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


PACKED = gzip.compress(SOA.encode(), mtime=0)


@pytest.mark.parametrize(
    "data",
    [
        PACKED[:-6],
        PACKED[:2],
        PACKED + b"trailing",
        spoilt(PACKED, 2),
        spoilt(PACKED, 10),
        spoilt(PACKED, len(PACKED) - 5),
    ],
    ids=["cut", "two bytes", "trailing", "method", "deflate", "checksum"],
)
def test_damaged_gzip_is_told_as_such(data: bytes) -> None:
    assert refusal(data).startswith("zone: the gzip data is damaged: ")
