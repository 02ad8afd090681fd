"""UPDATE messages that come again: a client repeats what got no answer, and whoever saw one might replay it."""

import time
from pathlib import Path

import dns.rcode
import dns.tsig
import pytest

from repokit import ZONE, parsed
from updatekit import PLACE
from updaterkit import Updating, adding, new_key, verified
from zonegit.daemon.answered_updates import KEPT, REMEMBERED
from zonegit.model.names import join
from zonegit.model.rdata import A
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


@pytest.fixture
def key(tmp_path: Path) -> dns.tsig.Key:
    return new_key(tmp_path / "keys", "k1")


@pytest.fixture
def updating(repository: Repository, key: dns.tsig.Key, tmp_path: Path) -> Updating:
    zones = {"example.org.": ZoneConfig(update=(parse_rule("key:k1 ** *"),))}
    updating = Updating(repository, Config(repo=repository.path, keys=tmp_path / "keys", zones=zones))
    updating.now = time.time()
    return updating


def addresses(repository: Repository, owner: str) -> list[str]:
    found = repository._context.tip(PLACE).rrset(join([owner.encode()]), A)
    return [] if found is None else [".".join(map(str, each)) for each in found.rdatas]


def test_a_message_that_comes_again_is_answered_again_and_not_applied(repository, updating, key):
    """A client repeats it where the response was lost. Another key's change in between must stay."""
    message = adding(key, "new")
    packet = message.to_wire()
    [first, second] = updating.ask(packet, packet)
    assert first == second and first is not None
    removal = adding(key, "other")
    removal.delete("new")
    assert updating.rcode(removal) == 0
    [third] = updating.ask(packet)
    assert third == first
    assert addresses(repository, "new") == []
    assert updating.counted()["example.org.", "k1", "NOERROR"] == 2


@pytest.mark.parametrize("after", [0.0, KEPT + 1, REMEMBERED - 1])
def test_a_message_counts_once_whoever_sends_it_again(repository, updating, key, monkeypatch, after):
    """Whoever saw it could undo what came later. The id isn't signed, nor is how the key's name is written."""
    message = adding(key, "new")
    packet = message.to_wire()
    updating.ask(packet)
    removal = adding(key, "other")
    removal.delete("new")
    assert updating.rcode(removal) == 0
    now = time.monotonic() + after
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr("zonegit.daemon.answered_updates.monotonic", lambda: now)
    other_id = bytes((packet[0] ^ 1,)) + packet[1:]
    in_capitals = packet.replace(b"\x02k1\0", b"\x02K1\0")
    assert in_capitals != packet
    for again in (packet, other_id, in_capitals):
        came = updating.came(again, bytes((192, 0, 2, 2)), age=-after)
        updating.updater.handle([came])
        answer = verified(message, packet[:2] + updating.replies[came.request.ident][2:])
        assert answer.rcode() == (dns.rcode.REFUSED if after else dns.rcode.NOERROR)
        assert updating.replies[came.request.ident][:2] == again[:2]
    assert addresses(repository, "new") == []


def test_a_signature_holds_for_five_minutes_whatever_fudge_it_has(updating, key):
    message = adding(key, "new")
    message.use_tsig(key, fudge=65_535)
    packet = message.to_wire()
    updating.now += 301
    updating.ask(packet)
    assert updating.counted() == {("example.org.", "k1", "BADTIME"): 1}


def test_messages_are_forgotten_once_their_signatures_hold_no_more(updating, key, monkeypatch):
    packet = adding(key, "new").to_wire()
    updating.ask(packet)
    now = time.monotonic() + REMEMBERED + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr("zonegit.daemon.answered_updates.monotonic", lambda: now)
    updating.updater.handle([updating.came(packet, age=-REMEMBERED)])
    assert updating.counted()["example.org.", "k1", "unchanged"] == 1
