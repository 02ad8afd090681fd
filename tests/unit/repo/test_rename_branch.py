"""A branch gets another name: HEADs follow, reflogs stay, and what was done to it can be undone."""

import json
from contextlib import closing

import pytest

from repokit import Clock
from samekit import state
from zonegit.errors import Conflict, InvalidName, MergeConflict, NotFound, Refused
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Position, Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore

ZONE = "example.org."
ONE, TWO, THREE = (bytes([192, 0, 2, last]) for last in (101, 102, 103))


def settings(repository: Repository, **values: str) -> None:
    with closing(LmdbStore.open(repository.path)) as store, store.write() as writer:
        for name, value in values.items():
            writer.set_setting(name.replace("_", "/"), value.encode())


def test_the_branch_is_there_under_its_new_name_alone(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    tip, main = repository.resolve("test"), repository.resolve()
    assert repository.rename_branch("CHG-1/www", "test", who="Bob") == Position(ZONE, "CHG-1/www")
    assert repository.branches() == {"main": main.id, "CHG-1/www": tip.id}
    assert repository.resolve("test@{1}") == tip
    newest = next(repository.reflog("CHG-1/www"))
    assert (newest.old, newest.new, newest.who.name) == (None, tip.id, "Bob")
    assert newest.reason == "branch: renamed from test"
    assert next(repository.reflog("test")).reason == "branch: renamed to CHG-1/www"
    assert repository.position() == Position(ZONE, "main")


def test_every_head_follows(repository: Repository) -> None:
    repository.create_branch("test")
    settings(repository, HEAD_1000=head(ZONE, "main"), HEAD_1001=head(ZONE, "test"), HEADING=head(ZONE, "main"))
    assert repository.rename_branch("live").branch == "live"
    assert repository.position() == Position(ZONE, "live")
    assert repository.head_status().lost is None
    with closing(LmdbStore.open(repository.path, readonly=True)) as store, store.read() as reader:
        heads = {name: value.decode() for name, value in reader.settings("HEAD")}
    assert heads == {
        "HEAD": head(ZONE, "live"),
        "HEAD/1000": head(ZONE, "live"),
        "HEAD/1001": head(ZONE, "test"),
        "HEADING": head(ZONE, "main"),
    }


def test_a_merge_that_stopped_goes_on_there(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    repository.set("www", A, 60, [TWO])
    with pytest.raises(MergeConflict):
        repository.merge("test")
    repository.rename_branch("live")
    with closing(LmdbStore.open(repository.path, readonly=True)) as store, store.read() as reader:
        [(_, value)] = reader.settings("MERGE")
    assert json.loads(value)["branch"] == "live"


def test_the_default_branch_gets_its_view(repository: Repository) -> None:
    repository.rename_branch("other")
    repository.rename_branch("main")
    with closing(LmdbStore.open(repository.path, readonly=True)) as store, store.read() as reader:
        assert reader.view(head(ZONE, "main")) is not None
    assert not repository.fsck().problems


def test_undo_goes_on_behind_renames(repository: Repository) -> None:
    tips = [repository.resolve().commit.zone_root]
    for rdata, name in ((ONE, "a"), (TWO, "main"), (THREE, "a"), (ONE, "b")):
        repository.set("www", A, 60, [rdata])
        tips.append(repository.resolve().commit.zone_root)
        repository.rename_branch(name)
    for expected in reversed(tips[:-1]):
        repository.undo()
        assert repository.resolve().commit.zone_root == expected
    with pytest.raises(Refused, match="nothing left to undo: b was created by 'import: Import"):
        repository.undo()
    repository.rename_branch("c")
    for expected in tips[1:]:
        repository.redo()
        assert repository.resolve().commit.zone_root == expected


def test_undo_of_another_branch_of_the_old_name(repository: Repository) -> None:
    before = repository.resolve().commit.zone_root
    repository.set("www", A, 60, [ONE])
    repository.rename_branch("live")
    repository.create_branch("main")
    repository.set("www", A, 60, [TWO], branch="main")
    repository.undo()
    assert repository.resolve("live").commit.zone_root == before
    repository.undo(branch="main")
    with pytest.raises(Refused, match="main was created by 'branch: created from"):
        repository.undo(branch="main")


def test_a_zone_comes_back_without_names_that_were_given_up(repository: Repository, clock: Clock) -> None:
    repository.create_branch("old")
    repository.rename_branch("new", "old", who="Zoe")
    repository.remove_zone(ZONE, who="Ada")
    assert set(repository.restore_zone(ZONE).branches) == {"main", "new"}


def test_what_is_refused_changes_nothing(repository: Repository) -> None:
    repository.create_branch("test")
    before = state(repository.path)
    for new, old, error, told in (
        ("test", "main", Conflict, "has a branch test already"),
        ("main", None, Conflict, "has a branch main already"),
        ("new", "absent", NotFound, "no branch absent"),
        ("a b", "test", InvalidName, "a b"),
    ):
        with pytest.raises(error, match=told):
            repository.rename_branch(new, old)
    repository.rename_branch("new", dry_run=True)
    assert state(repository.path) == before
    settings(repository, **{mirror_setting(ZONE).replace("/", "_"): "primary-1"})
    with pytest.raises(Refused, match="mirrored from primary-1"):
        repository.rename_branch("new")
