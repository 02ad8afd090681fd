"""Zone files as people write them: RFC 1035 §5, RFC 2308 §4, RFC 3597, and BIND's additions."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from zonegit.errors import ZoneFileError
from zonegit.model.names import WireName, parse_apex, to_text
from zonegit.model.rrset import RRset
from zonegit.zonefile.reader import ParsedZone, read_zone
from zonegit.zonefile.text import rrset_lines

APEX = parse_apex("example.com.")
SOA = "@ 3600 IN SOA ns1 hostmaster 7 7200 900 1209600 300\n"


def read(text: str | bytes, origin: WireName | None = APEX) -> ParsedZone:
    data = text.encode() if isinstance(text, str) else text
    return read_zone(io.BytesIO(data), name="zone", origin=origin)


def records(text: str | bytes, origin: WireName | None = APEX) -> list[str]:
    """The records beside the SOA, one text each, blanks squeezed."""
    parsed = read(text, origin)
    lines = [line for _, payload in parsed.entries for line in rrset_lines(RRset.decode(payload), parsed.apex)]
    return [" ".join(line.split()) for line in lines if "\tSOA\t" not in line]


def refusal(text: str | bytes, origin: WireName | None = APEX) -> str:
    with pytest.raises(ZoneFileError) as caught:
        read(text, origin)
    return str(caught.value)


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
        ("@\tA\t192.0.2.1\t; the apex", "example.com. 3600 IN A 192.0.2.1"),
        ("WWW.Example.COM. 1h30m A 192.0.2.1", "www.example.com. 5400 IN A 192.0.2.1"),
        ("www 1W2D A 192.0.2.1", "www.example.com. 777600 IN A 192.0.2.1"),
        ("a\\.b 60 A 192.0.2.1", "a\\.b.example.com. 60 IN A 192.0.2.1"),
        ("a\\032b 60 A 192.0.2.1", "a\\032b.example.com. 60 IN A 192.0.2.1"),
        ("* 60 MX 10 mail", "*.example.com. 60 IN MX 10 mail.example.com."),
        ("w 60 TXT plain \"two words\" \"\"", 'w.example.com. 60 IN TXT "plain" "two words" ""'),
        ('w 60 TXT "v=DKIM1; k=rsa" ; key', 'w.example.com. 60 IN TXT "v=DKIM1; k=rsa"'),
        ('w 60 TXT "a\\"b\\\\c"', 'w.example.com. 60 IN TXT "a\\"b\\\\c"'),
        ('w 60 TXT "\u00fc"', 'w.example.com. 60 IN TXT "\\195\\188"'),
        ("w 60 TYPE65280 \\# 4 0A000001", "w.example.com. 60 IN TYPE65280 \\# 4 0a000001"),
        ("w 60 A \\# 4 0A000001", "w.example.com. 60 IN A 10.0.0.1"),
        ("w 60 CLASS1 TYPE1 10.0.0.1", "w.example.com. 60 IN A 10.0.0.1"),
        ('w 60 CAA 0 issue "ca.example.net"', 'w.example.com. 60 IN CAA 0 issue "ca.example.net"'),
        ("w 60 HTTPS 1 . alpn=\"h2,h3\"", 'w.example.com. 60 IN HTTPS 1 . alpn="h2,h3"'),
        ("w 60 MX ( 10 ; first\n mail )", "w.example.com. 60 IN MX 10 mail.example.com."),
        ("(w 60 MX 10\n mail )", "w.example.com. 60 IN MX 10 mail.example.com."),
    ],
)
def test_one_line(line: str, expected: str) -> None:
    assert records(f"{SOA}{line}\n") == [expected]
    assert records(f"{SOA}{line}".replace("\n", "\r\n")) == [expected]


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
    assert "gzip" in refusal(gzip.compress(SOA.encode())[:-6])
