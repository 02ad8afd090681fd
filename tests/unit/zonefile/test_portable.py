"""Records in the forms that name servers of Debian 12 read."""

import pytest

from rdatakit import APEX
from zonegit.model.names import join
from zonegit.model.rrset import RRset
from zonegit.zonefile.portable import portable_record
from zonegit.zonefile.rdata import presentation
from zonegit.zonefile.types import parse_type
from zonegit.zonefile.writer import write_zone


@pytest.mark.parametrize(
    ("mnemonic", "text", "expected"),
    [
        ("A", "192.0.2.1", "A 192.0.2.1"),
        ("CAA", '0 issue "x"', 'CAA 0 issue "x"'),
        ("CAA", '0 Issue "x"', "CAA \\# 8 0005497373756578"),
        ("SPF", "x", 'SPF "x"'),
        ("SPF", "x y", "SPF \\# 4 01780179"),
        ("AMTRELAY", "10 0 1 203.0.113.15", "TYPE260 \\# 6 0a01cb00710f"),
        ("WALLET", "x", "TYPE262 \\# 2 0178"),
        ("MB", "x.", "TYPE7 \\# 3 017800"),
        ("SVCB", "1 . alpn=h2 ohttp", '1 . alpn="h2" key8'),
        ("HTTPS", '1 . alpn=h2 dohpath="/q{?dns}"', '1 . alpn="h2" key7="/q{?dns}"'),
        ("SVCB", "1 . mandatory=alpn,ohttp ohttp alpn=h2", '1 . mandatory=alpn,key8 alpn="h2" key8'),
        ("NSEC", "b A AMTRELAY TYPE65280", "NSEC b.example.org. A TYPE260 TYPE65280"),
        ("NSEC3", "1 0 0 - " + "0" * 32 + " A WALLET", "NSEC3 1 0 0 - " + "0" * 32 + " A TYPE262"),
        ("CSYNC", "1 3 A RESINFO", "CSYNC 1 3 A TYPE261"),
        ("RRSIG", "DSYNC 8 2 1 1 1 1 . AQ==", "RRSIG TYPE66 8 2 1 19700101000001 19700101000001 1 . AQ=="),
    ],
)
def test_forms(mnemonic: str, text: str, expected: str) -> None:
    rtype = parse_type(mnemonic)
    written = " ".join(portable_record(rtype, presentation.parse(rtype, text, APEX)))
    assert written.removeprefix("SVCB ").removeprefix("HTTPS ") == expected


def test_an_export_names_everything_if_asked() -> None:
    zone = [
        RRset.of(join([]), 6, 300, [b"\0\0" + bytes(20)]),
        RRset.of(join([b"a"]), 260, 300, [bytes.fromhex("0a01cb00710f")]),
        RRset.of(join([b"b"]), 64, 300, [bytes.fromhex("00010000080000")]),
    ]
    assert list(write_zone(APEX, zone, mnemonics=True))[-2:] == [
        "a\t300\tIN\tAMTRELAY\t10 0 1 203.0.113.15",
        "b\t300\tIN\tSVCB\t1 . ohttp",
    ]
    assert list(write_zone(APEX, zone))[-2:] == [
        "a\t300\tIN\tTYPE260\t\\# 6 0a01cb00710f",
        "b\t300\tIN\tSVCB\t1 . key8",
    ]


def test_names_are_escaped_and_nothing_else() -> None:
    odd = "!#%&'+,:<=>?[]^`{|}~"
    escaped = "".join(f"\\{ord(char):03d}" for char in odd)
    zone = [
        RRset.of(join([]), 6, 300, [b"\0\0" + bytes(20)]),
        RRset.of(join([b"_a-b*/" + odd.encode()]), 28, 300, [bytes(15) + b"\1"]),
        RRset.of(join([b"b"]), 15, 300, [presentation.parse(15, f"1 {odd}.", APEX)]),
        RRset.of(join([b"c"]), 35, 300, [presentation.parse(35, f'1 1 "u" "E2U+a" "!a. b. !x!" {odd}.', APEX)]),
        RRset.of(join([b"d"]), 16, 300, [presentation.parse(16, '"v=x; a: b. "', APEX)]),
    ]
    assert [line.split("\tIN\t")[1] for line in list(write_zone(APEX, zone))[3:]] == [
        "AAAA\t::1",
        f"MX\t1 {escaped}.",
        f'NAPTR\t1 1 "u" "E2U+a" "!a. b. !x!" {escaped}.',
        'TXT\t"v=x; a: b. "',
    ]
    assert list(write_zone(APEX, zone))[3].startswith(f"_a-b*/{escaped}\t")
    assert f"MX\t1 {odd}." in list(write_zone(APEX, zone, mnemonics=True))[4]
