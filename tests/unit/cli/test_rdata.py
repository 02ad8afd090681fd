"""Which words of a command line are one record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.cli.rdata import read_rdatas
from zonegit.errors import InvalidRecord
from zonegit.model.names import parse_apex
from zonegit.zonefile.types import parse_type

APEX = parse_apex("example.org.")
MAIL = b"\x04mail" + APEX


@pytest.mark.parametrize(
    ("rtype", "words", "expected"),
    [
        ("A", ["192.0.2.1"], [bytes([192, 0, 2, 1])]),
        ("A", ["192.0.2.1", "192.0.2.2"], [bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])]),
        ("MX", ["10", "mail"], [b"\0\x0a" + MAIL]),
        ("MX", ["10 mail"], [b"\0\x0a" + MAIL]),
        ("MX", ["10\tmail"], [b"\0\x0a" + MAIL]),
        ("MX", ["10", "@"], [b"\0\x0a" + APEX]),
        ("TXT", ["a b"], [b"\x03a b"]),
        ("TXT", ["a", "b"], [b"\x01a", b"\x01b"]),
        ("TXT", [""], [b"\0"]),
        ("MX", ["10 mail", "20 mail"], [b"\0\x0a" + MAIL, b"\0\x14" + MAIL]),
        ("CAA", ["0", "issue", "ca.example; x=y"], [b"\0\5issueca.example; x=y"]),
        ("CAA", ["0", "issue", ";"], [b"\0\5issue;"]),
        ("CAA", ["0 issue a", "0 issue b"], [b"\0\5issuea", b"\0\5issueb"]),
        ("CAA", ["0", "issue", 'a"b c'], [b'\0\5issuea"b c']),
        ("CAA", ["0", "issue", 'a\\"b c'], [b'\0\5issuea"b c']),
        ("HINFO", ["PC x", "Linux"], [b"\4PC x\5Linux"]),
        ("HINFO", ["PC", "Debian 12"], [b"\2PC\x09Debian 12"]),
        ("HINFO", ['"PC x" "Debian 12"'], [b"\4PC x\x09Debian 12"]),
        ("HINFO", ['"PC x" Linux', '"PC y" Linux'], [b"\4PC x\5Linux", b"\4PC y\5Linux"]),
        ("URI", ["10", "1", "https://x.example/a b"], [b"\0\x0a\0\1https://x.example/a b"]),
        ("SVCB", ["1", ".", "key65000=a b"], [b"\0\1\0\xfd\xe8\0\3a b"]),
        ("HTTPS", ["1", ".", "alpn=h2", "key65000=(x;y)"], [b"\0\1\0\0\1\0\3\2h2\xfd\xe8\0\5(x;y)"]),
        ("TYPE65280", ["\\#", "2", "ab cd"], [b"\xab\xcd"]),
        ("TYPE65280", ["\\#", "2", "ab", "cd"], [b"\xab\xcd"]),
        ("TXT", ["\\#", "2", "0141"], [b"\1A"]),
        ("TXT", ["say \\ this; (now)"], [b"\x11say \\ this; (now)"]),
    ],
)
def test_records(rtype, words, expected) -> None:
    assert read_rdatas(parse_type(rtype), words, APEX) == expected


@pytest.mark.parametrize(
    ("rtype", "words", "hint"),
    [
        ("A", ["192.0.2.300"], "192.0.2.300"),
        ("A", ["192.0.2.1", "192.0.2.300"], "192.0.2.300"),
        ("MX", ["10"], None),
        ("MX", ["10", "mail", "20", "mail"], None),
        ("MX", ["ten mail", "20 mail"], None),
        ("MX", ["10 mail", "20"], None),
        ("MX", ["10 mail", "twenty mail"], "'twenty mail'"),
        ("CAA", ["zero", "issue", "ca.example.net; x=y"], "'zero issue"),
        ("CAA", ["0 issue ca.example; x=y"], "a ';' begins a comment; put quotes round it"),
        ("TXT", ['"a"; "b"'], "a ';' begins a comment"),
        ("CAA", ["0 issue a", "zero issue b"], "'zero issue b'"),
        ("OPENPGPKEY", ["AAAABBBB", "AAA"], "'AAA'"),
        ("HINFO", ["PC x", "Debian 12"], "2 HINFO records, or the fields of one?"),
        ("APL", ["1:192.0.2.0/24", "1:198.51.100.0/24"], "2 APL records, or the fields of one?"),
        ("TYPE65280", ["abc"], None),
    ],
)
def test_what_is_no_record(rtype, words, hint) -> None:
    with pytest.raises(InvalidRecord, match=hint):
        read_rdatas(parse_type(rtype), words, APEX)


@given(
    st.sampled_from(["A", "AAAA", "MX", "TXT", "CAA", "SRV", "LOC", "TYPE65280"]), st.lists(st.text(), min_size=1)
)
def test_any_words_are_records_or_refused(rtype, words) -> None:
    try:
        found = read_rdatas(parse_type(rtype), words, APEX)
    except InvalidRecord:
        return
    assert len(found) in (1, len(words))
