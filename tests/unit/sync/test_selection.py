"""What PATTERNs mean."""

import pytest

from zonegit.errors import UsageError
from zonegit.sync.selection import Pattern, parse_pattern, parse_selection


@pytest.mark.parametrize(
    ("text", "zone", "name"),
    [
        ("*", "*", "*"),
        ("example.org", "example.org.", "*"),
        ("Example.ORG.:main", "example.org.", "main"),
        ("*.Example.org", "*.example.org.", "*"),
        ("*:staging", "*", "staging"),
        ("example.org.:v*", "example.org.", "v*"),
        ("0/25.2.0.192.in-addr.arpa.", "0/25.2.0.192.in-addr.arpa.", "*"),
        ("a:b.example.", "a:b.example.", "*"),
        ("a:b.example.:main", "a:b.example.", "main"),
        (".", ".", "*"),
    ],
)
def test_a_pattern_is_a_zone_and_a_branch(text: str, zone: str, name: str) -> None:
    assert parse_pattern(text) == Pattern(zone, name)


@pytest.mark.parametrize("text", ["", "a..b.", "example.org.:a b", ":main", f"{'a' * 64}.org."])
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a pattern"):
        parse_pattern(text)


def test_asterisks_stand_for_any_characters() -> None:
    found = parse_selection(["*.example.org.", "example.net.:main"], ["lab.*", "*:tmp/*"])
    assert found.takes("a.b.example.org.", "main")
    assert found.takes("example.net.", "main")
    assert not found.takes("example.org.", "main")
    assert not found.takes("badexample.org.", "main")
    assert not found.takes("example.net.", "other")
    assert not found.takes("lab.example.org.", "main")
    assert not found.takes("a.example.org.", "tmp/1")


def test_patterns_that_cover_nothing_are_told() -> None:
    found = parse_selection(["a.", "b.:x", "*"])
    assert found.idle([("a.", "main"), ("b.", "main")]) == [Pattern("b.", "x")]
