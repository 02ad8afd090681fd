"""`Repository.rebase`: one's own commits again on top of another version, all of them or none."""

from pathlib import Path

import pytest

from repokit import ZONE, parsed
from zonegit.errors import MergeConflict, Refused
from zonegit.repo import Repository

ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"


@pytest.fixture
def repo(tmp_path: Path):
    """With a branch `theirs` beside `main`, each ahead of where they parted."""
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="example.org.zone")
        repository.create_branch("theirs", "main")
        put(repository, "bob", 1, branch="theirs", who=BOB, message="of Bob")
        yield repository


def put(repo: Repository, name: str, last: int, **options: str):
    return repo.set(name, 1, 60, [bytes([192, 0, 2, last])], **options)


def subjects(repo: Repository, range_: str = "theirs..main") -> list[str]:
    return [each.commit.subject for each in repo.log(range_)]


def test_own_commits_come_again_on_top_in_their_order(repo: Repository) -> None:
    put(repo, "a", 1, who=ADA, message="first")
    old = put(repo, "b", 2, who=ADA, message="second\n\nand why")
    done = repo.rebase("theirs", who=BOB)
    assert (done.old, done.change_count) == (old.new, 2)
    assert subjects(repo) == ["second", "first"]
    tip = repo.resolve("main")
    assert tip.id == done.new
    assert (tip.commit.author.name, tip.commit.committer.name) == (ADA, BOB)
    assert tip.commit.message == "second\n\nand why"
    assert repo.resolve("main~2").id == repo.resolve("theirs").id
    assert tip.commit.seq > repo.resolve(old.new.hex()).commit.seq
    assert repo.fsck().problems == []


def test_what_is_there_already_is_left_out(repo: Repository) -> None:
    put(repo, "bob", 1, message="the same as Bob's")
    put(repo, "a", 1, message="first")
    repo.rebase("theirs")
    assert subjects(repo) == ["first"]


def test_merges_are_left_out_and_what_they_brought_stays(repo: Repository) -> None:
    put(repo, "a", 1, message="first")
    repo.merge("theirs")
    put(repo, "b", 2, message="second")
    put(repo, "bob2", 3, branch="theirs", message="more of Bob's")
    repo.rebase("theirs")
    assert subjects(repo) == ["second", "first"]
    assert all(len(each.commit.parents) < 2 for each in repo.log())
    assert len(repo.rrsets_at("bob")) == 1


def test_without_own_commits_the_branch_moves_forward(repo: Repository) -> None:
    assert repo.rebase("theirs").new == repo.resolve("theirs").id


def test_a_branch_that_has_it_all_stays(repo: Repository) -> None:
    repo.merge("theirs")
    put(repo, "a", 1)
    done = repo.rebase("theirs")
    assert done.old == done.new


def test_a_contradiction_moves_nothing(repo: Repository) -> None:
    put(repo, "www", 7, branch="theirs", message="of Bob")
    put(repo, "a", 1, message="first")
    tip = put(repo, "www", 8, message="another www").new
    with pytest.raises(MergeConflict, match=r"\(another www\) contradicts .* www\.example\.org\. A") as caught:
        repo.rebase("theirs")
    assert len(caught.value.conflicts) == 1
    assert repo.resolve("main").id == tip
    assert repo.unfinished() is None


def test_what_both_are_invalid_together_moves_nothing(repo: Repository) -> None:
    tip = repo.set("bob", 5, 60, [b"\3www\7example\3org\0"]).new
    with pytest.raises(MergeConflict):
        repo.rebase("theirs")
    assert repo.resolve("main").id == tip


def test_a_dry_run_moves_nothing(repo: Repository) -> None:
    tip = put(repo, "a", 1).new
    done = repo.rebase("theirs", dry_run=True)
    assert (done.new, done.change_count) == (None, 1)
    assert repo.resolve("main").id == tip


def test_the_serial_rises_whatever_is_left_out(repo: Repository) -> None:
    for number in range(5):
        put(repo, "a", number, message=f"number {number}")
    put(repo, "bob", 1, message="the same as Bob's")
    repo.merge("theirs")
    put(repo, "bob2", 3, branch="theirs")
    before = repo.resolve("main").commit.seq
    repo.rebase("theirs")
    tip = repo.resolve("main").commit.seq
    assert tip > before
    assert tip > repo.resolve("theirs").commit.seq


def test_a_serial_that_would_go_back_is_refused(repo: Repository) -> None:
    put(repo, "bob", 1, message="the same as Bob's")
    repo.merge("theirs")
    put(repo, "bob2", 3, branch="theirs")
    tip = repo.resolve("main").id
    with pytest.raises(Refused, match="would fall from"):
        repo.rebase("theirs")
    assert repo.resolve("main").id == tip


def test_a_removed_branch_is_not_rebased(repo: Repository) -> None:
    put(repo, "a", 1)
    repo.delete_branch("theirs", force=True, tombstone=True)
    with pytest.raises(Refused):
        repo.rebase("theirs@{0}")


def test_it_can_be_undone(repo: Repository) -> None:
    put(repo, "a", 1)
    before = repo.resolve("main").commit.zone_root
    repo.rebase("theirs")
    repo.undo()
    assert repo.resolve("main").commit.zone_root == before
