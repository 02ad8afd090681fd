"""Versions of two branches have the same serial: a file with it is merged with none of them."""

from collections.abc import Callable

import pytest

from repokit import ZONE, parsed
from samekit import state
from zonegit.errors import Refused
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.import_losses import Undone
from zonegit.zonefile.reader import ParsedZone
from zonegit.zonefile.writer import write_zone

FOUR, FIVE, SIX = (bytes([192, 0, 2, last]) for last in (4, 5, 6))


def exported(repository: Repository, revision: str, more: str = "") -> ParsedZone:
    apex = parsed(ZONE).apex
    return parsed("\n".join([*write_zone(apex, repository.rrsets(revision)), more, ""]))


@pytest.fixture
def two(repository: Repository) -> Repository:
    """`dev` and `main` have a commit with the same serial each, and `main` one more."""
    repository.create_branch("dev")
    repository.set("d", A, 60, [FOUR], branch="dev", message="Begin d")
    repository.set("foo", A, 60, [FIVE], who="Bob <bob@example.org>")
    repository.set("bar", A, 60, [SIX])
    return repository


def refused(repository: Repository, file: ParsedZone, *told: str) -> None:
    before = state(repository.path)
    with pytest.raises(Refused) as caught:
        repository.import_zone(file, source="dev.zone")
    assert state(repository.path) == before
    for text in (*told, "--replace"):
        assert text in str(caught.value)


def test_another_branchs_export_undoes_nothing_silently(two: Repository) -> None:
    ids = [two.resolve(name).id.hex()[:12] for name in ("HEAD~1", "dev")]
    told = (
        f"several versions have its serial 2026112002: {ids[0]} ('set foo A' by Bob <bob@example.org>), {ids[1]} ("
    )
    refused(two, exported(two, "dev", "d A 192.0.2.44"), "'set bar A' by", "and 1 more", told, "'Begin d'")


def test_nor_does_the_branchs_own_export_which_cant_be_told_from_it(two: Repository) -> None:
    refused(two, exported(two, "HEAD~1", "new A 192.0.2.1"), "'set bar A'")


def test_imports_that_it_would_undo_are_named_too(repository: Repository) -> None:
    """A file that names no version is asked about commits since the last import alone: this one isn't like that."""
    repository.create_branch("dev")
    repository.set("d", A, 60, [FOUR], branch="dev")
    for name in ("foo", "bar"):
        repository.import_zone(exported(repository, "HEAD", f"{name} A 192.0.2.5"), source=f"{name}.zone")
    refused(repository, exported(repository, "dev"), "'Import bar.zone'", "and 1 more")


def _deleted(repository: Repository) -> None:
    repository.delete_branch("dev", force=True)


def _made_anew(repository: Repository) -> None:
    _deleted(repository)
    repository.create_branch("dev", "main~2")


def _tagged(repository: Repository) -> None:
    repository.create_tag("v1", "dev", message="Version 1")
    repository.delete_branch("dev", force=True)


def _reset(repository: Repository) -> None:
    repository.reset("dev~1", branch="dev")


def _merged(repository: Repository) -> None:
    repository.merge("dev")


@pytest.mark.parametrize("then", [_deleted, _made_anew, _tagged, _reset, _merged])
def test_wherever_the_other_version_is_now(two: Repository, then: Callable[[Repository], object]) -> None:
    file = exported(two, "dev", "d A 192.0.2.44")
    then(two)
    refused(two, file, "'set bar A'", "'Begin d'")


def test_the_same_content_twice_is_one_version(repository: Repository) -> None:
    repository.create_branch("dev")
    for branch in ("dev", "main"):
        repository.set("d", A, 60, [FOUR], branch=branch)
    repository.set("bar", A, 60, [SIX])
    assert repository.import_zone(exported(repository, "dev", "new A 192.0.2.1"), source="x").merged_over
    assert repository.rrset("bar", A).rdatas == (SIX,)


def test_versions_before_the_branches_parted_are_merged_as_ever(two: Repository) -> None:
    done = two.import_zone(exported(two, "dev~1", "new A 192.0.2.1"), source="x")
    assert done.merged_over == two.resolve("dev~1").id
    assert [two.rrset(name, A).rdatas for name in ("foo", "bar")] == [(FIVE,), (SIX,)]


def test_a_file_that_has_all_that_the_branch_has_needs_no_replace(two: Repository) -> None:
    lines = "foo 60 A 192.0.2.5\nbar 60 A 192.0.2.6"
    done = two.import_zone(exported(two, "dev", lines), source="x")
    assert (done.change_count, done.merged_over) == (1, None)


def test_replace_lets_the_file_win(two: Repository) -> None:
    asked: list[Undone] = []
    file = exported(two, "dev")
    two.import_zone(file, source="x", replace=lambda undone: not asked.append(undone))
    assert [len(undone.shared) for undone in asked] == [2]
    assert list(two.diff("dev", "HEAD")) == []


def test_what_came_after_the_oldest_parting_counts(repository: Repository) -> None:
    """The file may be of the branch that parted first: it lacks what the others had by then."""
    repository.create_branch("dev")
    repository.import_zone(exported(repository, "HEAD", "first A 192.0.2.5"), source="first.zone")
    repository.create_branch("qa")
    for name in ("a", "b"):
        repository.set(name, A, 60, [FOUR], branch="dev")
    repository.set("c", A, 60, [FOUR], branch="qa")
    repository.set("foo", A, 60, [FIVE])
    repository.set("bar", A, 60, [SIX])
    refused(
        repository, exported(repository, "dev", "foo 60 A 192.0.2.5\nbar 60 A 192.0.2.6"), "'Import first.zone'"
    )


def test_the_tips_own_serial_may_be_another_versions_too(repository: Repository) -> None:
    repository.create_branch("dev")
    repository.set("d", A, 60, [FOUR], branch="dev")
    repository.import_zone(exported(repository, "HEAD", "foo A 192.0.2.5"), source="foo.zone")
    refused(repository, exported(repository, "dev"), "'Import foo.zone'", "several versions have its serial")
    done = repository.import_zone(exported(repository, "HEAD", "new A 192.0.2.1"), source="x")
    assert (done.change_count, done.merged_over) == (1, None)
