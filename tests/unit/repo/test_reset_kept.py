"""`reset` with the history kept, as where other nodes write the zone, too."""

import pytest

from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.canonical import reconcile

ADDRESSES = [bytes([198, 51, 100, last]) for last in range(3)]


@pytest.fixture
def bad(repository: Repository) -> Repository:
    repository.set("bad", A, 300, [ADDRESSES[0]])
    return repository


def has(repository: Repository, name: str = "bad", revision: str = "main") -> bool:
    return bool(repository.rrsets_at(name, revision))


def test_it_is_a_commit_on_the_tip_with_the_content_of_the_target(bad: Repository) -> None:
    old, target = bad.resolve(), bad.resolve("HEAD~1")
    planned = bad.reset("HEAD~1", keep_history=True, dry_run=True)
    assert (planned.kept, planned.new, bad.resolve()) == (True, None, old)
    done = bad.reset("HEAD~1", keep_history=True)
    new = bad.resolve().commit
    assert (done.kept, done.change_count, done.serial) == (True, 1, old.commit.serial + 1)
    assert (new.parents, new.zone_root, new.seq) == ((old.id,), target.commit.zone_root, old.commit.seq + 1)
    assert next(iter(bad.reflog())).reason == f"reset: moving to {target.id.hex()[:12]}"


def test_nodes_that_have_the_tip_follow(bad: Repository) -> None:
    tip = bad.resolve().id
    bad.create_branch("there")
    bad.set("more", A, 300, [ADDRESSES[1]], branch="there")
    new = bad.reset("HEAD~1", keep_history=True).new
    assert new
    nodes = bad._context.nodes
    assert reconcile(nodes, tip, new).tip == reconcile(nodes, new, tip).tip == new
    bad.merge("there")
    assert has(bad, "more") and not has(bad)


def test_undo_and_redo(bad: Repository) -> None:
    bad.reset("HEAD~1", keep_history=True)
    bad.undo()
    assert has(bad)
    bad.redo()
    assert not has(bad)
    bad.reset("HEAD~1", keep_history=True)
    assert has(bad) and len(list(bad.log())) == 6


def test_what_is_elsewhere_is_a_parent_too(bad: Repository) -> None:
    bad.create_branch("there", "HEAD~1")
    for address in ADDRESSES:
        bad.set("more", A, 300, [address], branch="there")
    old, there = bad.resolve(), bad.resolve("there")
    assert there.commit.seq > old.commit.seq
    bad.reset("there", keep_history=True)
    new = bad.resolve().commit
    assert (new.parents, new.zone_root) == ((old.id, there.id), there.commit.zone_root)
    assert new.seq == there.commit.seq + 1


def test_forward_is_a_plain_move(bad: Repository) -> None:
    bad.create_branch("behind", "HEAD~1")
    done = bad.reset("main", branch="behind", keep_history=True)
    assert (done.kept, done.new) == (False, bad.resolve("main").id)
    again = bad.reset("main", branch="behind", keep_history=True)
    assert (again.kept, again.new) == (False, again.old)


def test_without_it_the_history_goes(bad: Repository) -> None:
    target = bad.resolve("HEAD~1")
    assert not bad.reset("HEAD~1").kept
    assert bad.resolve().commit.parents == (target.id,)
