"""RDATA of every type from text to wire and back, as the types' RFCs have it."""

import socket

import pytest

from rdatakit import APEX, accepted, sample_wires
from rdatasamples import SAMPLES
from zonegit.errors import InvalidRecord
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.types import parse_type


def shown(mnemonic: str, text: str) -> str:
    """What a record is shown as."""
    rtype = parse_type(mnemonic)
    return presentation.text(rtype, presentation.parse(rtype, text, APEX), APEX)


@pytest.mark.parametrize("mnemonic", sorted(SAMPLES))
def test_every_sample_of_every_type_reads_back(mnemonic: str) -> None:
    rtype = parse_type(mnemonic)
    wires = sample_wires(mnemonic)
    assert len(wires) == len(SAMPLES[mnemonic])
    for wire in wires:
        for origin in (None, APEX):
            text = presentation.text(rtype, wire, origin)
            assert presentation.parse(rtype, text, origin) == wire
        assert accepted(rtype, presentation.generic_text(wire)) == wire
        assert text.startswith("\\#") == SAMPLES[mnemonic][0].startswith("\\#") or not text


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("1 N 1 E 0.29m", "001216138036ee808036ee800098969d"),
        ("1 N 1 E 8.03m", "001216138036ee808036ee80009899a3"),
        ("1 N 1 E 4.35", "001216138036ee808036ee8000989833"),
        ("1 N 1 E -81.24m", "001216138036ee808036ee80009876c4"),
        ("1 N 1 E 0", "001216138036ee808036ee8000989680"),
        ("1 n 1 e 5.", "001216138036ee808036ee8000989874"),
        ("90 N 180 W -100000m", "00121613934fd90059604e0000000000"),
        ("90 0 0 S 180 0 0.000 E 42849672.95m", "001216136cb02700a69fb200ffffffff"),
        ("0 0 0.001 S 0 59 59.9 W 0 0 0.01 9.99", "000010927fffffff7fc911e400989680"),
        ("1 N 1 E 0 90000000m 12.5m 1", "009913128036ee808036ee8000989680"),
    ],
)
def test_loc_is_exact(text: str, wire: str) -> None:
    assert presentation.parse(29, text, None).hex() == wire


def test_every_altitude_of_two_decimals_is_exact() -> None:
    for centimetres in range(-12_345, 12_345):
        sign, whole, rest = "-" * (centimetres < 0), *divmod(abs(centimetres), 100)
        wire = presentation.parse(29, f"1 N 1 E {sign}{whole}.{rest:02d}m", None)
        assert int.from_bytes(wire[12:], "big") == 10_000_000 + centimetres


@pytest.mark.parametrize(
    ("mnemonic", "text", "reason"),
    [
        ("LOC", "90 0 0.001 N 0 E 0m", "latitude is above 90 degrees"),
        ("LOC", "0 N 180 0 0.001 E 0m", "longitude is above 180 degrees"),
        ("LOC", "91 N 0 E 0", "latitude is above 90"),
        ("LOC", "1 60 N 0 E 0", "60 minutes"),
        ("LOC", "1 0 60 N 0 E 0", "not seconds from 0 to 59.999"),
        ("LOC", "1 0 0.0001 N 0 E 0", "not seconds"),
        ("LOC", "1 N 1 N 0", "can't be read"),
        ("LOC", "1 NS 1 E 0", "can't be read"),
        ("LOC", "1 0 0 NS 1 E 0", "its latitude ends with N or S"),
        ("LOC", "1 N 1 E 0.001", "metres with at most two decimals"),
        ("LOC", "1 N 1 E -100000.01m", "altitude is not between"),
        ("LOC", "1 N 1 E 42849672.96m", "altitude is not between"),
        ("LOC", "1 N 1 E 0 90000000.01m", "not between 0 and 90000000.00 metres"),
        ("LOC", "1 N 1 E", "ends too early"),
        ("LOC", "1 N 1 E 0 1 1 1 1", "more than belongs there"),
        ("LOC", "\\# 16 00121613934fd9018000000000989680", "angle above 90 degrees"),
        ("LOC", "\\# 16 01121613800000008000000000989680", "version"),
        ("LOC", "\\# 16 00a21613800000008000000000989680", "a digit and a power of ten"),
        ("LOC", "\\# 15 001216138000000080000000009896", "ends too early"),
        ("MD", "x", "no other form than RFC 3597's"),
        ("TYPE65280", "x", "no other form than RFC 3597's"),
        ("TYPE65280", "\\# 2 01", "\\# 2 is followed by 1 bytes"),
        ("TYPE65280", "\\# 1 0", "can't be read"),
        ("A", "\\# 3 010203", "ends too early"),
        ("A", "\\# 5 0102030405", "bytes behind its fields"),
        ("MX", '"10" mail', "can't stand there"),
        ("MX", "65536 mail", "no number from 0 to 65535"),
        ("MX", "10 mail x", "'x' is more than belongs there"),
        ("TXT", "\\256", "decimal byte"),
        ("TXT", "a\\1b", "three digits"),
        ("TXT", "x" * 256, "a string of 256 bytes"),
        ("SVCB", "1 . port=1 port=2", "the parameter port is given twice"),
        ("SVCB", "1 . alpn=", "empty item"),
        ("SVCB", "1 . alpn", "empty item"),
        ("SVCB", '1 . alpn="a,,b"', "empty item"),
        ("SVCB", "1 . mandatory=port", "port is mandatory but missing"),
        ("SVCB", "1 . mandatory=mandatory", "mandatory must list other keys"),
        ("SVCB", "1 . mandatory=port,port port=1", "mandatory must list other keys"),
        ("SVCB", "1 . no-default-alpn", "no-default-alpn without alpn"),
        ("SVCB", "1 . ohttp=x", "a key that takes none"),
        ("SVCB", "1 . ech=", "without the value"),
        ("SVCB", "1 . dohpath=x", "URI template"),
        ("SVCB", "1 . dohpath=/q%zz{?dns}", "URI template"),
        ("SVCB", "1 . key065=x", "is not the key of a parameter"),
        ("SVCB", "1 . key65536=x", "is not the key of a parameter"),
        ("SVCB", "1 . key1=x", "ends too early"),
        ("SVCB", "\\# 12 0001000003000200350003", "\\# 12 is followed by 11"),
        ("SVCB", "\\# 15 000100000300020035000100020168", "not in ascending order"),
        ("NAPTR", '1 1 "" "" "xx" .', "delimiter"),
        ("NAPTR", '1 1 "" "" "!(a)!\\\\2!" .', "group 2 of 1"),
        ("NAPTR", '1 1 "" "" "!a!b!x" .', "flags other than i"),
        ("NAPTR", '1 1 "" "" "!a**!b!" .', "repeats nothing"),
        ("NAPTR", '1 1 "" "" "![z-a]!b!" .', "range that falls"),
        ("NAPTR", '1 1 "" "" "!(a!b!" .', "open group"),
        ("DS", "1 8 1 aabb", "has 20 bytes, this one 2"),
        ("ZONEMD", "1 2 3 aabb", "at least 12"),
        ("CAA", "0 is-sue x", "letters and digits only"),
        ("X25", "123", "at least four digits"),
        ("IPSECKEY", "10 0 2 .", "although the algorithm isn't 0"),
        ("IPSECKEY", "10 4 2 x", "gateway type 4"),
        ("NSEC", "b", "NSEC and RRSIG are always among them"),
        ("NSEC3", "1 0 0 - 00 A", "SHA-1's 20 bytes"),
        ("RRSIG", "A 8 1 300 20260904170000 20260822160000 1 a.b. AAAA", "more labels"),
        ("KEY", "49152 3 8 AQID", "flags that say there is none"),
        ("DNSKEY", "256 3 253 AQID", "cut short"),
        ("OPENPGPKEY", "AQID =", "padding"),
        ("DNSKEY", "256 3 8 AQ=", "padding"),
        ("DHCID", "A*ID", "not base64"),
        ("APL", "3:1/1", "no prefix"),
        ("APL", "1:192.0.2.0/33", "longer than an address"),
        ("WKS", "192.0.2.1 6 no-such-service", "write its number"),
    ],
)
def test_what_is_refused(mnemonic: str, text: str, reason: str) -> None:
    rtype = parse_type(mnemonic)
    with pytest.raises(InvalidRecord) as caught:
        presentation.parse(rtype, text, APEX)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("mnemonic", "text", "expected"),
    [
        ("LOC", "52 14 05 N 00 08 50 E 10m", "52 14 5.000 N 0 8 50.000 E 10.00m 1.00m 10000.00m 10.00m"),
        ("SVCB", "0 b port=1", "0 b port=1"),
        ("HTTPS", "0 c alpn=h2", '0 c alpn="h2"'),
        ("HTTPS", "\\# 11 0000016200000300020035", "0 b. port=53"),
        ("SVCB", "1 . key65000=", "1 . key65000"),
        ("SVCB", "1 . key65001=x key65000=", '1 . key65000 key65001="x"'),
        ("SVCB", '1 . key65000="\\000\\"\\\\"', '1 . key65000="\\000\\"\\\\"'),
        ("SVCB", "1 . key3=\\000\\053", "1 . port=53"),
        ("SVCB", "1 . mandatory=port,alpn port=1 alpn=h2", '1 . mandatory=alpn,port alpn="h2" port=1'),
        ("SVCB", '1 . alpn="a\\\\,b,c"', '1 . alpn="a\\\\,b,c"'),
        ("ZONEMD", "1 0 1 " + "ab" * 48, "1 0 1 " + "ab" * 48),
        ("ZONEMD", "1 241 241 " + "ab" * 12, "1 241 241 " + "ab" * 12),
        ("CDS", "0 0 0 00", "0 0 0 00"),
        ("CDNSKEY", "0 3 0 AA==", "0 3 0 AA=="),
        ("CERT", "PKIX 1 RSASHA256 AQID", "1 1 8 AQID"),
        ("DNSKEY", "ZONE DNSSEC RSASHA256 AQ ID", "256 3 8 AQID"),
        ("WKS", "192.0.2.1 tcp 25 80", "192.0.2.1 6 25 80"),
        ("WKS", "192.0.2.1 UDP Domain ntp 65535", "192.0.2.1 17 53 123 65535"),
        ("APL", "", "\\# 0"),
        ("MB", "x", "x"),
        ("MINFO", "A b", "a b"),
        ("ISDN", "1 2", '"1" "2"'),
        ("NID", "1 1:2:3:4", "1 0001:0002:0003:0004"),
        ("TXT", "\u00fc", '"\\195\\188"'),
        ("TXT", 'a"b"', '"a" "b"'),
        ("SOA", "a b 1 1h 1m 1w 4294967295", "a b 1 3600 60 604800 4294967295"),
        ("DHCID", "A" * 8000, "A" * 4096 + " " + "A" * 3904),
        (
            "URI",
            '1 1 "' + "u" * 5000 + '"',
            "\\# 5004 00010001" + "75" * 2044 + " " + "75" * 2048 + " " + "75" * 908,
        ),
    ],
)
def test_how_records_are_shown(mnemonic: str, text: str, expected: str) -> None:
    assert shown(mnemonic, text) == expected


def test_services_of_wks_by_name() -> None:
    try:
        socket.getservbyname("smtp", "tcp")
    except OSError:
        pytest.skip("needs /etc/services")
    rtype = parse_type("WKS")
    by_number = presentation.parse(rtype, "192.0.2.1 6 25 53", APEX)
    assert presentation.parse(rtype, "192.0.2.1 tcp smtp domain", APEX) == by_number
