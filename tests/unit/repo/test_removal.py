"""A zone that was removed comes back whole: its branches and tags at their old ids, in one transaction."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from repokit import ZONE, Clock, parsed
from zonegit.errors import Conflict, NotFound, Refused
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Position, Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.position import HeadStatus
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Reader

ADDRESS = bytes([192, 0, 2, 99])


def test_branches_and_tags_come_back_at_their_ids(repository: Repository) -> None:
    repository.set("www", A, 60, [ADDRESS])
    repository.create_branch("staging", "HEAD~1")
    repository.create_tag("v1")
    repository.create_tag("v2", message="a release")
    branches, tags, records = repository.branches(), repository.tags(), list(repository.rrsets())
    repository.remove_zone("example.org")
    restored = repository.restore_zone("EXAMPLE.org")
    assert (restored.zone, restored.branch, restored.current) == ("example.org.", "main", True)
    assert restored.branches == repository.branches() == branches
    assert repository.tags() == restored.tags == tags
    assert list(repository.rrsets()) == records
    assert [entry.reason for entry in repository.reflog()][:2] == ["zone: restored", "zone: removed"]


def test_a_zone_begun_again_goes_on_from_the_removed_ones_serial(repository: Repository) -> None:
    """Secondaries hold the removed zone's serial, and would take no lower one (RFC 1982)."""
    serial = repository.resolve().commit.serial
    repository.remove_zone("example.org")
    assert repository.add_zone("example.org").serial == serial + 1
    repository.remove_zone("example.org")
    file = parsed(ZONE)
    with pytest.raises(Refused, match=rf"serial {file.serial} is not ahead of {serial + 1}"):
        repository.import_zone(file, source="old.zone", keep_serial=True)
    assert repository.zones() == []
    assert repository.import_zone(file, source="old.zone").serial == serial + 2


def test_what_was_deleted_before_the_zone_stays_away(repository: Repository, clock: Clock) -> None:
    repository.create_branch("before")
    repository.create_tag("before")
    repository.delete_branch("before")
    repository.delete_tag("before")
    repository.remove_zone("example.org")
    assert repository.restore_zone("example.org").tags == {}
    assert set(repository.branches()) == {"main"}


def test_head_stays_where_it_is_and_is_lost_until_the_zone_returns(repository: Repository) -> None:
    repository.add_zone("example.net")
    repository.checkout("staging", create=True)
    repository.remove_zone("example.org")
    was = Position("example.org.", "staging")
    assert repository.head_status() == HeadStatus(Position("example.net.", "main"), lost=was)
    assert repository.head_status().head == was
    assert repository.restore_zone("example.org").current
    assert repository.position() == Position("example.org.", "staging")


def test_head_stays_where_somebody_put_it_meanwhile(repository: Repository) -> None:
    for zone in ("example.com", "example.net"):
        repository.add_zone(zone)
    repository.remove_zone("example.org")
    repository.switch_zone("example.net")
    assert not repository.restore_zone("example.org").current
    assert repository.position().zone == "example.net."


def test_nothing_is_written_to_another_zone_than_was_chosen(repository: Repository) -> None:
    repository.add_zone("example.net")
    repository.remove_zone("example.org")
    tip = repository.resolve(zone="example.net").id
    for write in (
        lambda: repository.set("www", A, 60, [ADDRESS]),
        lambda: repository.set("www", A, 60, [ADDRESS], branch="main"),
        lambda: repository.reset("HEAD"),
        lambda: repository.create_branch("b"),
        lambda: repository.delete_branch("main"),
        lambda: repository.create_tag("t"),
        lambda: repository.delete_tag("t"),
        lambda: repository.checkout("main"),
        lambda: repository.checkout("b", create=True),
    ):
        with pytest.raises(Refused, match=r"you were on branch main of example\.org\., which no longer exists"):
            write()
    assert repository.resolve(zone="example.net").id == tip
    assert repository.set("www", A, 60, [ADDRESS], zone="example.net").zone == "example.net."
    repository.create_branch("b", zone="example.net")
    assert repository.checkout("b", zone="example.net") == repository.position()
    assert repository.set("www", A, 300, [ADDRESS]).branch == "b"


def test_the_first_zone_that_is_begun_after_all_were_removed_is_not_chosen(repository: Repository) -> None:
    repository.remove_zone("example.org")
    repository.add_zone("example.net")
    with pytest.raises(Refused, match="zonegit zone switch ZONE"):
        repository.set("www", A, 60, [ADDRESS])
    repository.switch_zone("example.net")
    assert repository.set("www", A, 60, [ADDRESS]).zone == "example.net."


def test_a_zone_begun_again_under_its_name_is_where_head_is(repository: Repository) -> None:
    repository.add_zone("example.net")
    repository.remove_zone("example.org")
    repository.add_zone("example.org")
    assert repository.set("www", A, 60, [ADDRESS]).zone == "example.org."


def test_the_last_removal_is_undone(repository: Repository, clock: Clock) -> None:
    repository.create_branch("first-life")
    repository.remove_zone("example.org")
    clock.now += 1
    repository.add_zone("example.org")
    second = repository.resolve().id
    repository.remove_zone("example.org")
    assert repository.restore_zone("example.org").branches == {"main": second}


def test_a_clock_that_was_set_back_does_not_bring_back_a_deleted_branch(
    repository: Repository, clock: Clock
) -> None:
    repository.create_branch("deleted")
    repository.delete_branch("deleted")
    clock.now -= 3600
    repository.remove_zone("example.org")
    assert set(repository.restore_zone("example.org").branches) == {"main"}


def test_nothing_to_restore(repository: Repository) -> None:
    with pytest.raises(Conflict, match=r"there is already a zone example\.org"):
        repository.restore_zone("example.org")
    with pytest.raises(NotFound, match=r"no zone example\.net\. was removed"):
        repository.restore_zone("example.net")


def test_zones_whose_names_hold_a_slash_are_told_apart(empty: Repository) -> None:
    for zone in ("example.org.", "example.org./0.test."):
        empty.import_zone(parsed(ZONE.replace("example.org.", zone)), source="file")
        empty.remove_zone(zone)
    assert empty.restore_zone("example.org.").branches.keys() == {"main"}
    assert [zone.zone for zone in empty.zones()] == ["example.org."]
    empty.restore_zone("example.org./0.test.")
    assert len(empty.zones()) == 2


def test_a_dry_run_tells_and_writes_nothing(repository: Repository) -> None:
    repository.remove_zone("example.org")
    assert repository.restore_zone("example.org", dry_run=True).branch == "main"
    assert repository.zones() == []


def test_a_mirrored_zone_is_neither_removed_nor_restored_here(repository: Repository) -> None:
    """Its primary decides about it: what was removed there comes back there, and arrives."""
    repository.add_zone("example.net")
    repository.remove_zone("example.net")
    repository.close()
    store = LmdbStore.open(repository.path)
    with store.write() as writer:
        for zone in ("example.org.", "example.net."):
            writer.set_setting(mirror_setting(zone), b"primary-1")
    store.close()
    with Repository.open(repository.path) as mirror:
        with pytest.raises(Refused, match="mirrored from primary-1"):
            mirror.remove_zone("example.org")
        with pytest.raises(Refused, match="mirrored from primary-1"):
            mirror.restore_zone("example.net")


def test_it_takes_one_transaction_and_is_answered_from_its_view(repository: Repository) -> None:
    repository.create_branch("staging")
    repository.create_tag("v1")
    repository.remove_zone("example.org")
    repository.close()
    with reading(repository.path) as reader:
        before = reader.seq
    with Repository.open(repository.path) as again:
        again.restore_zone("example.org")
    with reading(repository.path) as reader:
        assert reader.seq == before + 1
        assert reader.view(head("example.org.", "main")) is not None


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    store = LmdbStore.open(path, readonly=True)
    with closing(store), store.read() as reader:
        yield reader
