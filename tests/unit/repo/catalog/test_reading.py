"""Catalog zones are read, and what breaks one is found (RFC 9432 §4)."""

import pytest

from catalogkit import catalog_of, member, members_of
from zonegit.repo.catalog.values import Broken, Catalog


def reasons_of(body: str, **parts: str) -> tuple[str, ...]:
    found = catalog_of(body, **parts)
    assert isinstance(found, Broken), found
    return found.reasons


def test_a_catalog_without_members_is_one() -> None:
    assert catalog_of("") == Catalog("catalog.example.", {})


def test_members_have_their_properties() -> None:
    found = members_of(
        "a1.zones 0 IN PTR Example.COM.\n"
        "group.a1.zones 0 IN TXT nodnssec\n"
        'group.a1.zones 3600 IN TXT "operator x"\n'
        "B2.zones 0 IN PTR example.net.\n"
        "coo.b2.zones 0 IN PTR other.catalog.\n"
    )
    assert found == {
        "example.com.": member("example.com.", "a1", "nodnssec", "operator x"),
        "example.net.": member("example.net.", "b2", coo="other.catalog."),
    }


@pytest.mark.parametrize(
    "body",
    [
        "x.ext 0 IN TXT a\nx.y.ext.a1.zones 0 IN TXT a\n",
        "a1.zones 0 IN TXT a\na1.zones 0 IN A 192.0.2.1\n",
        "group.a1.zones 0 IN A 192.0.2.1\ncoo.a1.zones 0 IN TXT a\n",
        "group.orphan.zones 0 IN TXT a\ncoo.orphan.zones 0 IN PTR a.\ncoo.orphan.zones 0 IN PTR b.\n",
        "zones 0 IN PTR elsewhere.example.\na.b.zones 0 IN PTR else.example.\na1 0 IN PTR else.example.\n",
        "masters.ext 0 IN A 192.0.2.1\nzones.zones.zones 0 IN PTR elsewhere.example.\n",
        "version 0 IN A 192.0.2.1\nx.version 0 IN TXT 1\n",
    ],
)
def test_what_is_unknown_is_ignored(body: str) -> None:
    assert members_of("a1.zones 0 IN PTR example.com.\n" + body) == {
        "example.com.": member("example.com.", "a1"),
    }


@pytest.mark.parametrize(
    ("version", "why"),
    [
        ("", "it has no version property: TXT at 'version'"),
        ("version 0 IN A 192.0.2.1\n", "it has no version property: TXT at 'version'"),
        ("version 0 IN TXT 2\nversion 0 IN TXT 3\n", "its version property has 2 records"),
        ("version 0 IN TXT 1\n", 'its version is "1", and zonegit reads version "2"'),
        ('version 0 IN TXT ""\n', 'its version is "", and zonegit reads version "2"'),
        ("version 0 IN TXT 2 2\n", 'its version is "22", and zonegit reads version "2"'),
    ],
)
def test_a_catalog_needs_the_version(version: str, why: str) -> None:
    assert reasons_of("a1.zones 0 IN PTR example.com.\n", version=version) == (why,)


def test_a_node_names_one_zone() -> None:
    found = reasons_of("a1.zones 0 IN PTR a.example.\na1.zones 0 IN PTR b.example.\n")
    assert found == ("member a1: its zone property has 2 records (a.example., b.example.)",)


def test_a_zone_has_one_node() -> None:
    found = reasons_of("a1.zones 0 IN PTR a.example.\nb2.zones 0 IN PTR A.example.\n")
    assert found == ("two members name a.example.: a1 and b2",)


def test_a_member_moves_to_one_catalog() -> None:
    found = reasons_of("a1.zones 0 IN PTR a.example.\ncoo.a1.zones 0 IN PTR x.\ncoo.a1.zones 0 IN PTR y.\n")
    assert found == ("member a1: its coo property has 2 records (x., y.)",)


def test_a_member_that_cannot_be_a_zone_breaks_its_catalog() -> None:
    name = ".".join(["\\001" * 60] * 4)
    (reason,) = reasons_of(f"a1.zones 0 IN PTR {name}.\n")
    assert reason.startswith("member a1: ")


def test_the_first_reasons_are_named() -> None:
    twice = "".join(f"n{n}.zones 0 IN PTR a.example.\n" for n in range(14))
    found = reasons_of(twice)
    assert len(found) == 11
    assert found[-1] == "and 3 more"
