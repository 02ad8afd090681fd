"""Mnemonics, RFC 3597 forms and TTL units."""

import pytest

from zonegit.errors import InvalidRecord
from zonegit.zonefile.types import parse_ttl, parse_type, type_text


@pytest.mark.parametrize(
    ("text", "rtype"), [("A", 1), ("aaaa", 28), ("TYPE1", 1), ("type65280", 65280), ("NSAP-PTR", 23), ("L64", 106)]
)
def test_types_are_read(text: str, rtype: int) -> None:
    assert parse_type(text) == rtype


@pytest.mark.parametrize("text", ["", "NOSUCH", "TYPE", "TYPE65536", "TYPE-1", "A A", "TYPE\u0661"])
def test_other_words_are_no_types(text: str) -> None:
    with pytest.raises(InvalidRecord):
        parse_type(text)


def test_every_type_reads_back() -> None:
    for rtype in range(65536):
        assert parse_type(type_text(rtype)) == rtype


def test_the_table_says_what_dnspython_says() -> None:
    import dns.rdatatype

    for rtype in range(65536):
        registered = dns.rdatatype.to_text(dns.rdatatype.RdataType.make(rtype))
        assert registered in (type_text(rtype), f"TYPE{rtype}")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("300", 300), ("1h30m", 5400), ("1W2D3H4M5s", 788645), ("2147483647", 2147483647), ("007", 7)],
)
def test_ttls_are_read(text: str, seconds: int) -> None:
    assert parse_ttl(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1x", "1h5", "h", "1.5", "2147483648", "9" * 100, "9" * 5000, "4000w", "1_0", "\u0661"]
)
def test_other_words_are_no_ttls(text: str) -> None:
    with pytest.raises(InvalidRecord):
        parse_ttl(text)
