"""Expressions of `routes`: what they mean, and what their errors say."""

from calendar import timegm
from datetime import datetime

import pytest

from zonegit.dns.access.requestor import Requestor
from zonegit.dns.routes.checker import read, written
from zonegit.dns.routes.evaluate import predicate
from zonegit.dns.routes.expression import fields
from zonegit.dns.routes.facts import Facts, NoPlaces
from zonegit.dns.routes.lexer import LONGEST
from zonegit.dns.routes.parser import DEEPEST
from zonegit.dns.wire.message import Query, Transport
from zonegit.errors import ConfigError
from zonegit.model.names import from_text

CHRISTMAS = timegm(datetime(2026, 12, 24, 22, 30).timetuple())
V4 = bytes([192, 0, 2, 7])
V6 = bytes.fromhex("20010db8000000000000000000000001")


class Table:
    """A country and an AS for 192.0.0.0/16 alone."""

    def country(self, address: bytes) -> tuple[str | None, int]:
        return ("DE", 16) if address.startswith(b"\xc0\0") else (None, 3)

    def asn(self, address: bytes) -> tuple[int | None, int]:
        return (64500, 16) if address.startswith(b"\xc0\0") else (None, 3)


def asked(
    text: str, client: bytes = V4, name: str = "www.example.org.", rtype: int = 1, places=None
) -> bool | None:
    requestor = Requestor(client, Transport.UDP)
    requestor.question = Query(b"\0\0", 0, name=from_text("www.example.org."), qtype=rtype)
    return predicate(read(text))(Facts(requestor, lambda: CHRISTMAS, places or NoPlaces()))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('client.subnet in ["192.0.2.0/24", "2001:db8::/32"]', True),
        ('client.subnet in "192.0.2.7"', True),
        ('client.subnet in ["192.0.3.0/24", "::/0"]', False),
        ('client.subnet in "0.0.0.0/0"', True),
        ('query.name == "WWW.example.ORG"', True),
        ('query.name != "example.org."', True),
        ('query.name in ["a.", "www.example.org."]', True),
        ('query.name under "example.org"', True),
        ('query.name under ["ample.org", "www.example.org"]', True),
        ('query.name under "ample.org"', False),
        ('query.name under "a.www.example.org"', False),
        ('query.name under "."', True),
        ('query.type == "A"', True),
        ('query.type in ["aaaa", "TYPE1"]', True),
        ('query.type != "TXT"', True),
        ("time.hour >= 22 and time.hour < 23", True),
        ("time.hour > 22 or time.minute <= 29", False),
        ('time.weekday in ["thu", "Fri"]', True),
        ('time.date == "2026-12-24"', True),
        ('time.date >= "2026-12-25"', False),
        ('not query.type == "A"', False),
        ('not not query.type == "A"', True),
        ('(query.type == "A" or query.type == "MX") and time.hour == 0', False),
        ("time.hour == 0 or time.hour == 22 and not time.minute == 0", True),
    ],
)
def test_expressions_mean_what_they_say(text, expected) -> None:
    assert asked(text) is expected


def test_an_ipv6_client_is_in_ipv6_networks() -> None:
    assert asked('client.subnet in ["192.0.2.0/24", "2001:db8::/32"]', V6) is True
    assert asked('client.subnet in ["0.0.0.0/0"]', V6) is False
    mapped = bytes(10) + b"\xff\xff" + V4
    assert asked('client.subnet in ["192.0.2.0/24"]', mapped) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('client.country == "DE"', True),
        ('client.country in ["fr", "de"]', True),
        ("client.asn == 64500", True),
        ("client.asn >= 64501", False),
    ],
)
def test_places_are_looked_up(text, expected) -> None:
    assert asked(text, places=Table()) is expected
    assert asked(text, bytes([10, 0, 0, 1]), places=Table()) is None
    assert asked(f"not {text}", bytes([10, 0, 0, 1]), places=Table()) is None
    assert asked(text, V6, places=Table()) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('client.country == "DE" or query.type == "A"', True),
        ('client.country == "DE" or query.type == "MX"', None),
        ('client.country == "DE" and query.type == "MX"', False),
        ('client.country == "DE" and query.type == "A"', None),
        ('not (client.country == "DE" and query.type == "A")', None),
        ('client.country != "DE"', None),
    ],
)
def test_what_is_missing_never_matches(text, expected) -> None:
    assert asked(text) is expected


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "the end is not expected here: write a field, such as client.subnet"),
        ("time.hour", 10, "the end is not expected here: write an operator, such as == or in"),
        ("time.hour ==", 13, "the end is not expected here: write a number, or a string in double quotes"),
        ("time.hour == 1 time", 16, "'time' is not expected here: write 'and', 'or' or the end"),
        ("(time.hour == 1", 16, "the end is not expected here: write 'and', 'or' or ')'"),
        ("time.hour in [1, 2", 19, "the end is not expected here: write ',' or ']'"),
        ("time.hour in []", 15, "']' is not expected here: write a number, or a string in double quotes"),
        ("time.hour = 1", 11, "'=' is not expected here: write =="),
        ("time.hour == 1 && time.hour == 2", 16, "'&' is not expected here: write and"),
        ("client.country == 'DE'", 19, '"\'" is not expected here: write double quotes'),
        ('client.country == "DE', 19, "'\"' is not expected here: write a second \""),
        ("client.ip == 1", 1, "unknown field 'client.ip'; write one of client.subnet, client.country, client.asn"),
        ("time.hours == 1", 1, "unknown field 'time.hours'; did you mean time.hour?"),
        ("true", 5, "the end is not expected here: write an operator"),
        ('query.type < "A"', 12, "query.type can't be compared by <: write ==, !=, in"),
        ('client.subnet == "192.0.2.0/24"', 15, "client.subnet can't be compared by ==: write in"),
        ("time.hour == [1, 2]", 15, "== takes one value: write in for a list"),
        ('time.hour == "1"', 14, "'1' must be a number: write it without quotes"),
        ("query.name == 5", 15, "'5' must be a string: write it in double quotes"),
        ("time.hour == 24", 14, "'24' is not a number from 0 to 23"),
        ("client.asn == 4294967296", 15, "'4294967296' is not a number from 0 to 4294967295"),
        ("client.asn == " + "9" * 5000, 15, "is not a number from 0"),
        ('client.subnet in ["::/0", "192.0.2.1/24"]', 27, "'192.0.2.1/24' is not a network: write 192.0.2.0/24"),
        ('client.country == "Germany"', 19, "'Germany' is not a country: write two letters"),
        ('query.name == ""', 15, "'' is not a name: write \"www.example.org.\""),
        ('query.name == "a..b"', 15, "'a..b' is not a name"),
        (r'query.name == "a\034b"', 15, "is not a name"),
        ('query.type == "AA"', 15, '\'AA\' is not a type: write "A" or "TYPE65280"'),
        ('time.weekday == "monday"', 17, "'monday' is not a weekday: write mon, tue"),
        ('time.date == "20261224"', 14, "'20261224' is not a date: write \"2026-12-24\""),
        ("(" * 40, DEEPEST + 2, f"nested too deeply: write at most {DEEPEST} levels"),
        ("not " * 40, 4 * (DEEPEST + 1) + 1, "nested too deeply"),
        (
            'time.date == "2026-12-24"' + " " * LONGEST,
            LONGEST + 1,
            "the expression is too long: write at most 16,384",
        ),
    ],
)
def test_errors_name_the_column_and_what_to_write(text, column, words) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert str(caught.value).startswith(f"column {column}: ")
    assert words in str(caught.value)


def test_an_expression_as_deep_and_as_long_as_allowed_is_read() -> None:
    deepest = "(" * DEEPEST + "time.hour == 1" + ")" * DEEPEST
    assert asked(deepest) is False
    longest = " or ".join(["time.hour == 1"] * (LONGEST // 18))
    assert asked(longest) is False


def test_the_written_form() -> None:
    text = 'client.subnet in "192.0.2.0/24" and not (query.type=="a"or(time.hour<8)) or client.asn==1'
    expected = 'client.subnet in ["192.0.2.0/24"] and not (query.type == "A" or time.hour < 8) or client.asn == 1'
    assert written(read(text)) == expected
    assert fields(read(text)) == {"client.subnet", "query.type", "time.hour", "client.asn"}
