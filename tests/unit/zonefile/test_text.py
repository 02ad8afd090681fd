"""RDATA as typed on a command line, and records as text and JSON."""

import json

import pytest

from zonegit.errors import InvalidRecord
from zonegit.model.names import join, parse_apex
from zonegit.model.rrset import RRset
from zonegit.zonefile.rfc8427 import rrset_objects
from zonegit.zonefile.text import parse_rdata, rdata_text, rrset_lines
from zonegit.zonefile.types import parse_type

APEX = parse_apex("example.com.")


@pytest.mark.parametrize(
    ("rtype", "words", "expected"),
    [
        ("A", ["192.0.2.1"], "192.0.2.1"),
        ("AAAA", ["2001:DB8:0::1"], "2001:db8::1"),
        ("CNAME", ["www"], "www.example.com."),
        ("CNAME", ["@"], "example.com."),
        ("CNAME", ["a\\.b"], "a\\.b.example.com."),
        ("MX", ["10", "mail"], "10 mail.example.com."),
        ("MX", ["10 Mail.example.net."], "10 mail.example.net."),
        ("SRV", ["0", "5", "5060", "sip"], "0 5 5060 sip.example.com."),
        ("TXT", ["v=spf1 -all"], '"v=spf1 -all"'),
        ("TXT", ["one", "two words", ""], '"one" "two words" ""'),
        ("TXT", ['say "hi"; \\o/'], '"say \\"hi\\"; \\\\o/"'),
        ("TXT", ['"as in" "a file"'], '"as in" "a file"'),
        ("TXT", ['"escaped \\" quote"'], '"escaped \\" quote"'),
        ("TXT", ["\u00fc"], '"\\195\\188"'),
        ("TXT", ["x" * 300], f'"{"x" * 255}" "{"x" * 45}"'),
        ("TXT", ["\\#", "2", "0141"], '"A"'),
        ("CAA", ["0", "issue", "ca.example.net; x=y"], '0 issue "ca.example.net; x=y"'),
        ("CAA", ["0", "issue", ";"], '0 issue ";"'),
        ("HINFO", ["a pdp", "x"], '"a pdp" "x"'),
        ("NAPTR", ["1", "2", "s", "SIP+D2U", "", "_sip"], '1 2 "s" "SIP+D2U" "" _sip.example.com.'),
        ("HTTPS", ["1", ".", "alpn=h2,h3"], '1 . alpn="h2,h3"'),
        ("TYPE65280", ["\\#", "2", "abcd"], "\\# 2 abcd"),
        ("SOA", ["ns1", "h", "1", "2h", "3", "4", "5"], "ns1.example.com. h.example.com. 1 7200 3 4 5"),
    ],
)
def test_words_become_rdata(rtype: str, words: list[str], expected: str) -> None:
    number = parse_type(rtype)
    assert rdata_text(number, parse_rdata(number, words, APEX)) == expected


@pytest.mark.parametrize(
    ("rtype", "words"),
    [
        ("A", []),
        ("A", [""]),
        ("A", ["192.0.2.1", "192.0.2.2"]),
        ("MX", ["mail"]),
        ("CNAME", ["a b"]),
        ("CNAME", ["www\nx"]),
        ("TXT", ["a\nb"]),
        ("TXT", ["x" * 66000]),
        ("TXT", ['"unclosed \\"']),
        ("TYPE65280", ["abcd"]),
        ("A", ["\\# 2 abcd"]),
        ("CNAME", ["\udcff"]),
    ],
)
def test_other_words_are_refused_in_one_line(rtype: str, words: list[str]) -> None:
    with pytest.raises(InvalidRecord) as caught:
        parse_rdata(parse_type(rtype), words, APEX)
    assert "\n" not in str(caught.value)
    str(caught.value).encode()


def test_names_come_relative_to_an_origin() -> None:
    for rtype, words in (("CNAME", ["www"]), ("MX", ["10", "www"]), ("NAPTR", ["1", "2", "s", "x", "", "www"])):
        number = parse_type(rtype)
        text = rdata_text(number, parse_rdata(number, words, APEX), APEX)
        assert text.endswith(" www") or text == "www"
    assert rdata_text(5, APEX, APEX) == "@"
    assert rdata_text(5, APEX, parse_apex(".")) == "example.com"
    assert rdata_text(5, b"\0", APEX) == "."


@pytest.mark.parametrize(
    ("rtype", "data"),
    [
        (1, b"\1\2\3"),
        (28, b""),
        (15, b"\0"),
        (16, b"\5abc"),
        (16, b""),
        (2, b"\3abc"),
        (6, b"\0\0"),
        (46, bytes(19)),
        (47, b"\0\0\2\0\0"),
        (47, b"\0\0\1\x80"),
        (43, b"\0\0\0\0"),
        (48, b"\0\0"),
        (64, b"\0"),
        (33, bytes(6)),
        (50, bytes(6)),
        (50, bytes(5) + b"\x14" + bytes(19)),
    ],
)
def test_rdata_that_does_not_fit_its_type_is_shown_all_the_same(rtype: int, data: bytes) -> None:
    shown = f"\\# {len(data)} {data.hex()}".rstrip()
    assert rdata_text(rtype, data) == shown


def test_lines_look_like_digs() -> None:
    rrset = RRset.of(join([b"www"]), 1, 300, [b"\xc0\0\2\2", b"\xc0\0\2\1"])
    assert list(rrset_lines(rrset, APEX)) == [
        "www.example.com.\t300\tIN\tA\t192.0.2.1",
        "www.example.com.\t300\tIN\tA\t192.0.2.2",
    ]


def test_json_objects_are_those_of_rfc_8427() -> None:
    rrset = RRset.of(join([b"www"]), 15, 300, [b"\0\12" + APEX])
    assert json.loads(json.dumps(list(rrset_objects(rrset, APEX)))) == [
        {
            "NAME": "www.example.com.",
            "TYPE": 15,
            "TYPEname": "MX",
            "CLASS": 1,
            "CLASSname": "IN",
            "TTL": 300,
            "RDLENGTH": 15,
            "RDATAHEX": "000A076578616D706C6503636F6D00",
            "rdataMX": "10 example.com.",
        }
    ]
