"""`undo` and `redo`: the last operation is taken back by a new commit, whatever it was."""

from collections.abc import Callable
from contextlib import closing

import pytest

from repokit import ZONE, Clock, parsed
from zonegit.errors import Conflict, NotFound, Refused
from zonegit.model.rdata import SOA, A, with_serial
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore
from zonegit.store.reflog import log_prefix
from zonegit.store.tables import Table

ONE, TWO, THREE = (bytes([192, 0, 2, last]) for last in (101, 102, 103))
SIGNED = f"{ZONE}@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {'A' * 88}\n"


def root(repository: Repository, revision: str = "HEAD") -> bytes:
    return repository.resolve(revision).commit.zone_root


def commit_ahead(repository: Repository) -> None:
    repository.create_branch("ahead")
    repository.set("www", A, 60, [ONE], branch="ahead")
    repository.set("www", A, 60, [TWO], branch="ahead")


def fast_forward(repository: Repository) -> None:
    commit_ahead(repository)
    repository.merge("ahead", ff="only")


def merge(repository: Repository) -> None:
    repository.create_branch("side", "HEAD~1")
    repository.set("www", A, 60, [ONE], branch="side")
    repository.merge("side")


def reset_ahead(repository: Repository) -> None:
    commit_ahead(repository)
    repository.reset("ahead")


def import_merged(repository: Repository) -> None:
    repository.import_zone(parsed(ZONE + "new A 192.0.2.1\n"), source="x.zone")


OPERATIONS: dict[str, Callable[[Repository], object]] = {
    "set": lambda repository: repository.set("www", A, 60, [ONE]),
    "delete": lambda repository: repository.delete("www"),
    "import": lambda repository: repository.import_zone(
        parsed(ZONE + "new A 192.0.2.1\n"), source="x.zone", replace=True
    ),
    "merged import": import_merged,
    "reset": lambda repository: repository.reset("HEAD~2"),
    "reset ahead": reset_ahead,
    "fast-forward": fast_forward,
    "merge": merge,
    "revert": lambda repository: repository.revert("HEAD~1"),
    "restore": lambda repository: repository.restore_records("a", source="HEAD~2"),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_any_operation_is_undone_and_redone(
    repository: Repository, operation: Callable[[Repository], object]
) -> None:
    repository.set("a", A, 60, [ONE])
    repository.set("b", A, 60, [ONE])
    before = root(repository)
    operation(repository)
    after = repository.resolve()
    assert after.commit.zone_root != before
    (reason, *_) = (entry.reason for entry in repository.reflog())
    undone = repository.undo()
    assert undone.operation.reason == reason
    assert undone.committed.serial > after.commit.serial
    assert repository.resolve().commit.parents == (after.id,)
    assert root(repository) == before
    redone = repository.redo()
    assert redone.operation.reason == reason
    assert root(repository) == after.commit.zone_root
    assert [entry.reason for entry in repository.reflog()][:3] == [f"redo: {reason}", f"undo: {reason}", reason]


def test_each_undo_goes_one_operation_further_back(repository: Repository) -> None:
    roots = [root(repository)]
    for rdata in (ONE, TWO, THREE):
        repository.set("www", A, 60, [rdata])
        roots.append(root(repository))
    for expected in (2, 1, 0):
        repository.undo()
        assert root(repository) == roots[expected]
    with pytest.raises(Refused, match=r"nothing left to undo: main was created by 'import: Import test.zone'"):
        repository.undo()
    for expected in (1, 2, 3):
        repository.redo()
        assert root(repository) == roots[expected]
    with pytest.raises(Refused, match="nothing to redo"):
        repository.redo()


def test_an_operation_ends_what_can_be_redone(repository: Repository) -> None:
    before = root(repository)
    repository.set("www", A, 60, [ONE])
    repository.undo()
    repository.set("www", A, 60, [TWO])
    with pytest.raises(Refused, match="nothing to redo: the last operation on main is not an undo"):
        repository.redo()
    repository.undo()
    repository.redo()
    repository.undo()
    assert root(repository) == before
    with pytest.raises(Refused, match="nothing left"):
        repository.undo()


def test_an_operation_that_left_the_content_alone_is_one_too(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    (soa,) = repository.rrset("@", SOA).rdatas
    repository.set("@", SOA, 3600, [with_serial(soa, 2026113000)])
    assert root(repository) == root(repository, "HEAD~1")
    assert repository.undo().operation.reason == "commit: set @ SOA"
    assert repository.undo().operation.reason == "commit: set www A"
    repository.redo()
    assert repository.redo().operation.reason == "commit: set @ SOA"


def test_a_dry_run_writes_nothing(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    tip = repository.resolve()
    done = repository.undo(dry_run=True).committed
    assert (done.new, done.change_count) == (None, 1)
    assert repository.resolve() == tip


def test_the_message_and_author_are_the_callers(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    repository.undo(message="Oops", who="Bob <bob@example.org>")
    assert repository.resolve().commit.message == "Oops"
    repository.redo()
    assert repository.resolve().commit.subject == "Redo commit: set www A"
    repository.undo()
    commit = repository.resolve().commit
    assert commit.message == "Undo commit: set www A\n\nThe content is that of serial 2026112001."


def test_another_branch(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    repository.set("www", A, 60, [TWO])
    tip = repository.resolve()
    assert repository.undo(branch="test").committed.branch == "test"
    assert root(repository, "test") == root(repository, "HEAD~1")
    assert repository.resolve() == tip
    with pytest.raises(Refused, match="nothing left to undo: test was created by 'branch: created from"):
        repository.undo(branch="test")
    with pytest.raises(NotFound):
        repository.undo(branch="absent")


def test_a_zone_that_came_back_begins_there(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    repository.undo()
    repository.remove_zone("example.org")
    repository.restore_zone("example.org")
    with pytest.raises(Refused, match="was created by 'zone: restored'"):
        repository.undo()
    with pytest.raises(Refused, match="nothing to redo"):
        repository.redo()
    before = root(repository)
    repository.set("www", A, 60, [TWO])
    repository.undo()
    assert root(repository) == before


def test_a_branch_made_again_begins_there(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    repository.undo(branch="test")
    repository.delete_branch("test", force=True)
    repository.create_branch("test")
    with pytest.raises(Refused, match="nothing left to undo"):
        repository.undo(branch="test")
    with pytest.raises(Refused, match="nothing to redo"):
        repository.redo(branch="test")


def test_a_mirrored_zone_is_refused(repository: Repository) -> None:
    with closing(LmdbStore.open(repository.path)) as store, store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), b"primary-1")
    for call in (repository.undo, repository.redo):
        with pytest.raises(Refused, match="mirrored from primary-1"):
            call()


def test_signed_versions_are_refused_unless_their_signatures_go(empty: Repository) -> None:
    empty.import_zone(parsed(SIGNED), source="signed.zone")
    empty.import_zone(parsed(SIGNED.replace("2026112001", "2026112101") + "new A 192.0.2.1\n"), source="newer.zone")
    with pytest.raises(Refused, match="signed elsewhere"):
        empty.undo()
    unsigned = empty.undo(signatures="unsign").committed
    assert unsigned.serial == 2026112102
    assert {change.rtype for change in unsigned.changes} == {1, 46}
    with pytest.raises(Refused, match="signed with serial 2026112101"):
        empty.redo()
    empty.redo(signatures="break")
    assert root(empty) == root(empty, "HEAD~2")


def test_a_tip_that_moves_meanwhile_is_a_conflict(repository: Repository, clock: Clock) -> None:
    repository.set("www", A, 60, [ONE])

    def commit_first() -> None:
        clock.tick = None
        repository.set("www", A, 60, [TWO])

    clock.tick = commit_first
    with pytest.raises(Conflict):
        repository.undo()
    assert repository.rrset("www", A).rdatas == (TWO,)


def test_a_reflog_that_does_not_lead_to_the_tip_is_told(repository: Repository) -> None:
    """As an earlier version may have left it, or a fault of the disk."""
    repository.set("www", A, 60, [ONE])
    with closing(LmdbStore.open(repository.path)) as store, store.write() as writer:
        newest, *_ = writer.tables.keys(Table.REFLOG, log_prefix(head("example.org.", "main")))
        writer.draft.delete(Table.REFLOG, newest)
    for call in (repository.undo, repository.redo):
        with pytest.raises(Refused, match="the reflog of main doesn't say how it got to"):
            call()
