"""Rules of who may transfer: by network, by key, by both."""

import pytest

from zonegit.dns.access.acl import LOOPBACK, Acl, Rule, key_name, loopback_only
from zonegit.errors import ConfigError
from zonegit.model.names import from_text

KEY, OTHER = key_name("k"), key_name("other.example.")
INSIDE, OUTSIDE = bytes((192, 0, 2, 7)), bytes((192, 0, 3, 7))
MAPPED = bytes(10) + b"\xff\xff" + INSIDE
SIX = bytes.fromhex("20010db8") + bytes(12)


def test_by_network_with_or_without_a_signature() -> None:
    acl = Acl.parse(["192.0.2.0/24", "2001:db8::/32"])
    for key in (None, KEY):
        assert [acl.allows(client, key) for client in (INSIDE, MAPPED, SIX, OUTSIDE, bytes(16))] == [
            True, True, True, False, False,
        ]  # fmt: skip


def test_by_key_from_anywhere() -> None:
    acl = Acl.parse(["key:K."])
    assert [acl.allows(client, key) for client in (INSIDE, SIX) for key in (None, KEY, OTHER)] == [
        False, True, False, False, True, False,
    ]  # fmt: skip


def test_by_both() -> None:
    acl = Acl.parse(["192.0.2.0/24 key:k"])
    assert acl.allows(INSIDE, KEY)
    assert not acl.allows(INSIDE, None)
    assert not acl.allows(INSIDE, OTHER)
    assert not acl.allows(OUTSIDE, KEY)


def test_any_rule_is_enough_and_none_is_nobody() -> None:
    acl = Acl.parse(["192.0.2.7", "key:other.example"])
    assert acl.allows(INSIDE, None)
    assert acl.allows(OUTSIDE, OTHER)
    assert not Acl().allows(INSIDE, KEY)
    assert acl.keys == {OTHER}


def test_the_default_is_this_machine() -> None:
    zone = from_text("example.org.")
    assert LOOPBACK.allows(bytes((127, 9, 9, 9)), None)
    assert loopback_only(zone, bytes(15) + b"\1", None)
    assert not loopback_only(zone, INSIDE, KEY)


@pytest.mark.parametrize(
    "text", ["", "192.0.2.1/24", "192.0.2.0/24 192.0.3.0/24", "key:a key:b", "key:", "key:.", "host", "key:a..b"]
)
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ConfigError):
        Rule.parse(text)


@pytest.mark.parametrize("text", ["192.0.2.0/24", "key:k", "2001:db8::/32 key:other.example"])
def test_rules_are_written_as_they_are_read(text: str) -> None:
    assert str(Rule.parse(text)) == text
