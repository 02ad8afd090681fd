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
        ("MX", ["10 mail", "20 mail"], [b"\0\x0a" + MAIL, b"\0\x14" + MAIL]),
        ("MX", ["10", "@"], [b"\0\x0a" + APEX]),
        ("TXT", ["a b"], [b"\x03a b"]),
        ("TXT", ["a", "b"], [b"\x01a", b"\x01b"]),
        ("TXT", [""], [b"\0"]),
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
        ("CAA", ["0", "issue", "ca.example.net; x=y"], None),
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
