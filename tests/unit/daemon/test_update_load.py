"""Large UPDATEs, and more of them than can be applied in time: they hold up neither other keys nor the truth."""

import time
from pathlib import Path

import dns.tsig
import pytest

from repokit import ZONE, parsed
from updaterkit import Updating, adding, new_key
from zonegit.daemon import answered_updates, updater
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.update_rules import parse_rule
from zonegit.repo import Repository


@pytest.fixture
def repository(tmp_path: Path):
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
        yield repository


@pytest.fixture
def keys(tmp_path: Path) -> tuple[dns.tsig.Key, dns.tsig.Key]:
    return new_key(tmp_path / "keys", "k1"), new_key(tmp_path / "keys", "k2")


def came_in_order(repository: Repository) -> list[str]:
    """The subjects of the commits, the oldest first."""
    return [each.commit.subject for each in repository.log()][-2::-1]


def test_a_key_with_many_messages_does_not_hold_up_another(repository, keys, tmp_path, monkeypatch):
    updating = updating_of(repository, tmp_path, monkeypatch)
    many = [updating.came(adding(keys[0], f"a{number}").to_wire()) for number in range(20)]
    one = updating.came(adding(keys[1], "b").to_wire())
    updating.updater.handle([*many, one])
    assert one.request.ident in updating.replies
    assert many[0].request.ident in updating.replies
    assert many[-1].request.ident not in updating.replies
    assert updating.updater.wait == 0.0
    while updating.updater.wait == 0.0:
        updating.updater.handle([])
    assert {answer[3] & 15 for answer in updating.replies.values()} == {0}
    subjects = came_in_order(repository)
    assert [each for each in subjects if "b A" not in each] == [f"update: add a{number} A" for number in range(20)]
    assert subjects.index("update: add b A") < 10


def test_all_that_is_held_is_applied_at_the_end(repository, keys, tmp_path, monkeypatch):
    updating = updating_of(repository, tmp_path, monkeypatch)
    updating.updater.handle([updating.came(adding(keys[0], f"a{number}").to_wire()) for number in range(20)])
    updating.updater.finish()
    assert len(updating.replies) == 20


def test_what_waited_too_long_behind_others_is_refused_and_may_come_again(repository, keys, tmp_path, monkeypatch):
    """The worker answers SERVFAIL soon: nothing may have changed then."""
    updating = updating_of(repository, tmp_path, monkeypatch)
    packets = [adding(keys[0], f"a{number}").to_wire() for number in range(20)]
    updating.updater.handle([updating.came(packet) for packet in packets])
    applied = len(updating.replies)
    now = time.monotonic() + updater._TOO_OLD + 1
    monkeypatch.setattr(time, "monotonic", lambda: now)
    updating.updater.finish()
    assert sorted({answer[3] & 15 for answer in updating.replies.values()}) == [0, 2]
    assert len(came_in_order(repository)) == applied
    assert updating.counted()["example.org.", "k1", "late"] == 20 - applied
    last = updating.came(packets[-1], age=-updater._TOO_OLD - 1)
    updating.updater.handle([last])
    assert updating.replies[last.request.ident][3] & 15 == 0


def updating_of(repository: Repository, directory: Path, monkeypatch) -> Updating:
    """An updater that applies 500 bytes of messages at a time."""
    monkeypatch.setattr(answered_updates, "PARCEL", 500)
    rules = (parse_rule("key:k1 ** *"), parse_rule("key:k2 ** *"))
    config = Config(repository.path, keys=directory / "keys", zones={"example.org.": ZoneConfig(update=rules)})
    updating = Updating(repository, config)
    updating.now = time.time()
    return updating
