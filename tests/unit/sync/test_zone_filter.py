"""Patterns of zones."""

import pytest

from zonegit.errors import UsageError
from zonegit.sync.zone_filter import Patterns, ZoneFilter


@pytest.mark.parametrize(
    ("patterns", "zone", "matches"),
    [
        ([], "example.org.", False),
        (["*"], "example.org.", True),
        (["*"], ".", True),
        (["Example.ORG"], "example.org.", True),
        (["example.org."], "a.example.org.", False),
        (["*.example.org."], "example.org.", False),
        (["*.example.org."], "a.example.org.", True),
        (["*.example.org."], "b.a.example.org.", True),
        (["*.example.org."], "notexample.org.", False),
        (["*.org.", "example.net."], "example.net.", True),
        (["."], "org.", False),
        (["."], ".", True),
    ],
)
def test_what_patterns_match(patterns: list[str], zone: str, matches: bool) -> None:
    assert Patterns.parse(patterns).match(zone) is matches


@pytest.mark.parametrize(
    ("text", "says"),
    [("a..b", "is not a pattern"), ("*.a..b", "is not a pattern"), ("example.org.:main", "names a branch")],
)
def test_refusals(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Patterns.parse([text])


def test_what_is_excluded_is_not_covered() -> None:
    covered = ZoneFilter(Patterns.parse(["*.example.org.", "example.org."]), Patterns.parse(["lab.example.org."]))
    assert [
        zone for zone in ("example.org.", "a.example.org.", "lab.example.org.", "org.") if covered.includes(zone)
    ] == [
        "example.org.",
        "a.example.org.",
    ]
    assert ZoneFilter().all
    assert not covered.all
