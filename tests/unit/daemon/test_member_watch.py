"""The members of catalogs are in the configuration of all processes, at most once a second."""

from pathlib import Path

import pytest

from repokit import Clock
from zonegit.daemon.member_watch import MemberWatch
from zonegit.ops.config import CatalogConfig, Config, ZoneConfig
from zonegit.repo.catalog.membership import keep_members
from zonegit.repo.catalog.values import Member
from zonegit.store.lmdb import LmdbStore

TEMPLATE = ZoneConfig(notify=True)


def config(repo: Path) -> Config:
    return Config(repo, catalogs={"c.": CatalogConfig((), TEMPLATE)}, zones={"own.": ZoneConfig()})


def write(repo: Path, *zones: str) -> None:
    store = LmdbStore.open(repo)
    with store.write() as writer:
        keep_members(writer, {}, {zone: ("c.", Member(zone, b"1")) for zone in zones})
    store.close()


def test_members_are_taken_up_when_that_is_asked_for(tmp_path: Path) -> None:
    LmdbStore.create(tmp_path / "repo").close()
    clock = Clock()
    watch = MemberWatch(clock)
    before = config(tmp_path / "repo")
    write(before.repo, "a.", "own.")
    assert watch.wait is None
    assert watch.turn(before) is before
    watch.ask()
    assert watch.wait == 0
    found = watch.turn(before)
    assert found.zones == {"a.": TEMPLATE, "own.": ZoneConfig()}
    assert found.members == {"a."}
    assert watch.wait is None


def test_it_waits_a_second_before_the_next_time(tmp_path: Path) -> None:
    LmdbStore.create(tmp_path / "repo").close()
    clock = Clock()
    watch = MemberWatch(clock)
    before = config(tmp_path / "repo")
    watch.ask()
    watch.turn(before)
    write(before.repo, "a.")
    watch.ask()
    assert watch.turn(before) is before
    assert watch.wait == pytest.approx(1)
    clock.now += 1
    assert watch.turn(before).members == {"a."}


def test_a_repository_that_is_not_there_changes_nothing_and_is_tried_again(tmp_path: Path) -> None:
    clock = Clock()
    watch = MemberWatch(clock)
    before = config(tmp_path / "repo")
    watch.ask()
    assert watch.turn(before) is before
    LmdbStore.create(tmp_path / "repo").close()
    write(before.repo, "a.")
    clock.now += 1
    assert watch.wait == 0
    assert watch.turn(before).members == {"a."}
