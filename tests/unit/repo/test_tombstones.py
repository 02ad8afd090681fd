"""A branch that left a tombstone: its ref stays and travels, and for everybody else it isn't there."""

import pytest

from repokit import ZONE, parsed
from zonegit.errors import InvalidObject, NotFound, Refused
from zonegit.model.commit import TOMBSTONE, Commit
from zonegit.model.ids import ObjectId
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.canonical import reconcile
from zonegit.store import layout
from zonegit.store.fsck import fsck
from zonegit.store.reindex import reindex
from zonegit.store.tables import Table

ORG = "example.org."
ADDRESS = bytes([192, 0, 2, 99])


def tip(repository: Repository, branch: str = "main") -> ObjectId | None:
    """Where the ref is, whatever it stands at."""
    with repository._store.read() as reader:
        return reader.ref(head(ORG, branch))


def commit(repository: Repository, oid: ObjectId | None) -> Commit:
    assert oid is not None
    return Commit.decode(repository.object(oid.hex())[1])


def removed(repository: Repository) -> ObjectId:
    """Remove the zone; the tombstone."""
    repository.remove_zone(ORG, tombstone=True)
    oid = tip(repository)
    assert oid is not None
    return oid


def test_a_tombstone_is_an_empty_commit_on_top_of_what_it_removes(repository: Repository) -> None:
    before = repository.resolve()
    stone = commit(repository, removed(repository))
    assert (stone.parents, stone.seq, stone.extra) == ((before.id,), before.commit.seq + 1, (TOMBSTONE,))
    assert stone.is_tombstone and not before.commit.is_tombstone
    assert stone.message == f"Remove {ORG}"


def test_there_is_no_such_zone_for_users(repository: Repository) -> None:
    repository.create_branch("staging")
    repository.add_zone("example.net")
    removed(repository)
    assert [zone.zone for zone in repository.zones()] == repository.zone_names() == ["example.net."]
    assert repository.head_status().lost is not None
    for call in (repository.branches, repository.tags, repository.resolve):
        with pytest.raises(NotFound, match=r"no zone example\.org\. here"):
            call(zone=ORG)
    with pytest.raises(NotFound, match=r"no zone example\.org\. here"):
        repository.set("www", A, 60, [ADDRESS], zone=ORG)
    with pytest.raises(NotFound, match=r"no zone example\.org\. here"):
        repository.remove_zone(ORG, tombstone=True)


def test_a_zone_begins_again_on_top(repository: Repository) -> None:
    stone = removed(repository)
    done = repository.add_zone(ORG)
    assert (done.old, done.serial) == (None, commit(repository, stone).serial + 1)
    assert commit(repository, done.new).parents == (stone,)
    assert repository.zone_names() == [ORG]
    assert not list(repository.rrsets_at("www"))


def test_an_import_begins_it_again_too(repository: Repository) -> None:
    stone = removed(repository)
    done = repository.import_zone(parsed(ZONE), source="test.zone")
    assert commit(repository, done.new).parents == (stone,)


def test_a_peer_that_was_away_doesnt_bring_it_back(repository: Repository) -> None:
    away = repository.resolve().id
    stone = removed(repository)
    nodes = repository._context.nodes
    assert reconcile(nodes, away, stone).tip == reconcile(nodes, stone, away).tip == stone
    again = repository.add_zone(ORG).new
    assert again and reconcile(nodes, away, again).tip == again


def test_a_restored_zone_is_a_commit_on_top(repository: Repository) -> None:
    repository.create_branch("staging", "HEAD")
    repository.set("www", A, 60, [ADDRESS])
    repository.create_tag("v1")
    before, tags = repository.branches(), repository.tags()
    records = [rrset for rrset in repository.rrsets() if rrset.rtype != 6]
    stone = removed(repository)
    assert repository.zones() == [] and tip(repository) == stone
    restored = repository.restore_zone(ORG)
    assert restored.branches == repository.branches() and restored.branches.keys() == before.keys()
    assert restored.tags == repository.tags() == tags
    assert [rrset for rrset in repository.rrsets() if rrset.rtype != 6] == records
    found = repository.resolve()
    assert found.commit.parents == (stone,)
    assert found.commit.seq == commit(repository, stone).seq + 1


def test_a_deleted_branch_leaves_one_and_begins_again_on_top(repository: Repository) -> None:
    repository.create_branch("staging")
    repository.set("www", A, 60, [ADDRESS])
    repository.delete_branch("staging", tombstone=True)
    stone = tip(repository, "staging")
    assert commit(repository, stone).is_tombstone
    assert repository.branches().keys() == {"main"}
    with pytest.raises(NotFound, match="has no branch staging"):
        repository.set("www", A, 60, [ADDRESS], branch="staging")
    made = repository.create_branch("staging")
    assert repository.branches()["staging"] == made
    assert set(commit(repository, made).parents) == {stone, repository.branches()["main"]}
    assert repository.rrset("www", A, "staging").rdatas == (ADDRESS,)


def test_a_renamed_branch_leaves_one(repository: Repository) -> None:
    repository.create_branch("old")
    repository.rename_branch("new", "old", tombstone=True)
    assert commit(repository, tip(repository, "old")).is_tombstone
    repository.rename_branch("old", "new", tombstone=True)
    assert repository.branches().keys() == {"main", "old"}
    assert not commit(repository, tip(repository, "old")).is_tombstone


def test_nothing_is_made_of_a_tombstone(repository: Repository) -> None:
    stone = removed(repository)
    repository.add_zone(ORG)
    for call in (
        lambda: repository.reset(stone.hex()),
        lambda: repository.create_branch("there", stone.hex()),
        lambda: repository.create_tag("there", stone.hex()),
        repository.undo,
    ):
        before = repository.branches()
        with pytest.raises(Refused, match=r"removed the branch|nothing left to undo"):
            call()
        assert repository.branches() == before


def test_what_is_noted_of_tombstones_is_checked_and_made_again(repository: Repository) -> None:
    removed(repository)
    store = repository._store
    assert fsck(store).problems == []
    with store.write() as writer:
        writer.draft.delete(Table.META, layout.REMOVED + head(ORG, "main").encode())
    [problem] = fsck(store).problems
    assert problem.startswith(
        "ref refs/heads/example.org./main: the record of whether a tombstone removed it is wrong"
    )
    reindex(store)
    assert repository.zone_names() == []
    assert fsck(store).problems == []


def test_a_commit_with_records_is_no_tombstone(repository: Repository) -> None:
    forged = repository.resolve().commit._replace(extra=(TOMBSTONE,))
    why = "commit is a tombstone but has 8 records"
    with pytest.raises(InvalidObject, match=why), repository._store.write() as writer:
        writer.insert([forged.encode()])


def test_a_dry_run_leaves_everything(repository: Repository) -> None:
    before = tip(repository)
    repository.remove_zone(ORG, tombstone=True, dry_run=True)
    assert tip(repository) == before
    assert repository.zone_names() == [ORG]
