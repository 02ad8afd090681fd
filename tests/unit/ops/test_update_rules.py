"""Who may change what by UPDATE messages, as the configuration says it."""

from pathlib import Path

import pytest

from zonegit.errors import ConfigError
from zonegit.model.names import APEX, Owner, WireName, from_text, lower
from zonegit.model.rdata import AAAA, PTR, TXT, A
from zonegit.ops.config import ZoneConfig
from zonegit.ops.flags import load
from zonegit.ops.update_rules import parse_rule
from zonegit.repo.updating.values import OwnerPattern


def owner(text: str) -> Owner:
    return APEX if text == "@" else Owner(lower(from_text(f"{text}."))[:-1])


def key(text: str) -> WireName:
    return WireName(lower(from_text(f"{text}.")))


def pattern(text: str) -> OwnerPattern:
    return parse_rule(f"key:a {text} *").owners


@pytest.mark.parametrize(
    ("text", "matched", "others"),
    [
        ("@", ["@"], ["www", "*"]),
        ("www", ["www", "WWW"], ["@", "a.www", "www.a", "ww"]),
        ("*", ["www", "*"], ["@", "a.www"]),
        ("**", ["@", "www", "a.b.c.www"], []),
        ("*.dyn", ["pc.dyn", r"a\.b.dyn"], ["dyn", "a.pc.dyn", "@", "pc.dyn.x"]),
        ("**.dyn", ["dyn", "pc.dyn", "a.pc.dyn"], ["@", "dyn.x", "xdyn"]),
        ("_acme-challenge.**", ["_acme-challenge", "_acme-challenge.a.b"], ["a._acme-challenge", "@"]),
        ("_acme-challenge.*", ["_acme-challenge.www"], ["_acme-challenge", "_acme-challenge.a.b"]),
        ("a.**.b.**.c", ["a.b.c", "a.b.b.c", "a.x.b.y.z.c", "a.b.x.b.c"], ["a.c", "a.b.x", "b.b.c", "a.b.c.d"]),
        ("*.**", ["a", "a.b"], ["@"]),
        (r"\*.dyn", ["*.dyn"], ["a.dyn", "dyn"]),
        (r"a\.b", [r"a\.b"], ["a.b"]),
        (r"\070oo", ["foo", "Foo"], ["oo"]),
        ("Foo", ["foo"], []),
    ],
)
def test_owners(text: str, matched: list[str], others: list[str]) -> None:
    rule = pattern(text)
    assert [each for each in matched if not rule.matches(owner(each))] == []
    assert [each for each in others if rule.matches(owner(each))] == []
    assert pattern(str(rule)) == rule


def test_a_pattern_of_many_wildcards_takes_no_time() -> None:
    rule = pattern(".".join(["**", "a"] * 40))
    assert not rule.matches(owner(".".join(["a"] * 59 + ["b"] * 60)))


def test_keys_and_types() -> None:
    rule = parse_rule("key:Kea.example.  *.dyn \t a,AAAA,TYPE12")
    assert (rule.key, rule.types) == (key("kea.example"), frozenset((A, AAAA, PTR)))
    assert rule.allows(key("kea.example"), owner("pc.dyn"), A)
    assert not rule.allows(key("kea.example"), owner("pc.dyn"), TXT)
    assert not rule.allows(key("kea"), owner("pc.dyn"), A)
    assert parse_rule("key:ops ** *").allows(key("ops"), APEX, TXT)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("key:a www", "write .key:NAME OWNER TYPES"),
        ("www A key:a", "write .key:NAME OWNER TYPES"),
        ("key:a www A AAAA", "write .key:NAME OWNER TYPES"),
        ("key: www A", "a key has a name"),
        ("key:a www. A", "without a dot at the end"),
        ("key:a . A", "without a dot at the end"),
        ("key:a a..b A", "empty label"),
        ("key:a .a A", "empty label"),
        (f"key:a {'x' * 64} A", "at most 63"),
        ("key:a *a A", "doesn't stand for a whole label"),
        ("key:a ***.b A", "doesn't stand for a whole label"),
        (r"key:a a\1 A", "bad escape"),
        ("key:a www A,,B", "unknown type"),
        ("key:a www *,A", "unknown type"),
        ("key:a www ANY", "type ANY can't be updated"),
        ("key:a www A,RRSIG", "type RRSIG can't be updated"),
    ],
)
def test_what_is_refused(rule: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse_rule(rule)


def settings(directory: Path, lines: str) -> ZoneConfig:
    path = directory / "zonegitd.toml"
    path.write_text(f'[zone."example.org."]\n{lines}\n')
    return load(["--config", str(path)]).zone("example.org.")


def test_the_configuration(tmp_path: Path) -> None:
    zone = settings(tmp_path, 'update = ["key:a www A", "key:b ** *"]\ncoalesce = "2s"\nstrict = ["mx-cname"]')
    policy = zone.update_policy
    assert policy is not None
    assert (len(policy.rules), policy.coalesce, policy.strict) == (2, 2.0, frozenset({"mx-cname"}))
    assert policy.knows(key("a"))
    assert not policy.knows(key("c"))
    assert policy.types_at(key("b"), APEX) is None
    assert policy.types_at(key("a"), owner("www")) == {A}
    assert not policy.types_at(key("a"), APEX)


@pytest.mark.parametrize("lines", ["", "update = []", 'update = ["key:a ** *"]\nat = "HEAD~1"'])
def test_zones_that_take_no_updates(tmp_path: Path, lines: str) -> None:
    assert settings(tmp_path, lines).update_policy is None


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ('update = "key:a ** *"', "2: update: .* is not a list"),
        ('update = ["key:a ** *", "key:a"]', "2: update: .* is not a rule for updates"),
        ('primaries = ["192.0.2.1"]\nupdate = ["key:a ** *"]', "3: update: .*: keep only one of the two"),
        ('coalesce = "2s"', "2: coalesce: without 'update' there is nothing to coalesce"),
        ('update = ["key:a ** *"]\ncoalesce = "1h"', "3: coalesce: .* at most 5s"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, lines: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings(tmp_path, lines)
