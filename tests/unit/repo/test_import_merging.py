"""A file whose serial names an older version: its changes to that version are merged with the branch's."""

import pytest

from repokit import ZONE, Clock, parsed
from samekit import state
from zonegit.errors import InvalidZone, MergeConflict, Refused
from zonegit.model.rdata import CNAME, MX, TXT, A
from zonegit.repo import Contradiction, Repository
from zonegit.repo.import_losses import Undone
from zonegit.zonefile.reader import ParsedZone
from zonegit.zonefile.writer import write_zone

ONE, TWO, THREE = (bytes([192, 0, 2, last]) for last in (101, 102, 103))
LAST = 2**32 - 1


def exported(repository: Repository, revision: str = "HEAD", more: str = "", without: str = "\0") -> ParsedZone:
    """A version's export, edited: lines that are added, and lines with some text that are left out."""
    apex = parsed(ZONE).apex
    lines = [line for line in write_zone(apex, repository.rrsets(revision)) if without not in line]
    return parsed("\n".join([*lines, more, ""]))


def take(repository: Repository, file: ParsedZone, **more):
    return repository.import_zone(file, source="edited.zone", **more)


def addresses(repository: Repository, name: str) -> tuple[bytes, ...]:
    return repository.rrset(name, A).rdatas


def test_others_commits_since_the_export_stay(repository: Repository) -> None:
    file = exported(repository, more="new.example.org. 60 IN A 192.0.2.1", without="192.0.2.25")
    base = repository.resolve()
    repository.set("www", A, 60, [ONE], who="Bob <bob@example.org>")
    repository.set("other", A, 60, [TWO])
    tip = repository.resolve()
    done = take(repository, file)
    assert (addresses(repository, "www"), addresses(repository, "other")) == ((ONE,), (TWO,))
    assert repository.rrsets_at("new")
    assert not repository.rrsets_at("mail")
    assert done.change_count == 2
    assert done.merged_over == base.id
    commit = repository.resolve().commit
    assert commit.parents == (tip.id,)
    assert commit.serial == tip.commit.serial + 1
    assert dict(commit.extra) == {"imported": "edited.zone", "imported-over": base.id.hex()}
    assert next(repository.reflog()).reason == "import: Import edited.zone"
    repository.undo()
    assert list(repository.diff(tip.id.hex(), "HEAD")) == []


def test_an_unchanged_export_of_any_version_changes_nothing(repository: Repository) -> None:
    for number in range(3):
        repository.set("www", A, 60 + number, [ONE])
    repository.import_zone(exported(repository, more="x.example.org. 60 IN TXT x"), source="x.zone")
    repository.delete("mail", A)
    for back in range(6):
        done = take(repository, exported(repository, f"HEAD~{back}"))
        assert (done.new, done.change_count) == (done.old, 0)


def test_records_are_merged_and_not_rrsets(repository: Repository) -> None:
    file = exported(repository, more="www.example.org. 300 IN A 192.0.2.102", without="192.0.2.11")
    repository.add("www", A, None, [ONE])
    take(repository, file)
    assert set(addresses(repository, "www")) == {bytes([192, 0, 2, 10]), ONE, TWO}


def test_an_import_of_somebody_elses_is_kept_too(repository: Repository) -> None:
    ada, bob = (exported(repository, more=f"{name}.example.org. 60 IN A 192.0.2.1") for name in ("ada", "bob"))
    take(repository, ada)
    done = take(repository, bob)
    assert done.change_count == 1
    assert repository.rrsets_at("ada")
    assert repository.rrsets_at("bob")


def test_a_conflict_moves_nothing_and_says_whose_changes_would_go(repository: Repository) -> None:
    file = exported(repository, more="mail.example.org. 3600 IN A 192.0.2.26", without="192.0.2.25")
    repository.set("other", A, 60, [ONE], who="Ada <ada@example.org>")
    repository.set("mail", A, 3600, [TWO], who="Bob <bob@example.org>", message="Move mail")
    before = state(repository.path)
    with pytest.raises(MergeConflict) as caught:
        take(repository, file)
    assert state(repository.path) == before
    told = str(caught.value)
    assert "1 conflict: mail.example.org. A" in told
    assert (
        "nothing moved; set these records on the branch as they are in the file, or change the file to what the "
        "branch has, and import it again, or --replace lets the file win, and undoes 'Move mail' "
        "by Bob <bob@example.org> and 1 more" in told
    )
    (found,) = caught.value.conflicts
    assert isinstance(found, Contradiction)
    assert [each and each.rdatas[0][-1] for each in (found.base, found.ours, found.theirs)] == [25, 102, 26]
    assert found.ours_by
    assert (found.ours_by.commit.subject, found.theirs_by) == ("Move mail", None)
    take(repository, file, replace=True)
    assert addresses(repository, "mail") == (bytes([192, 0, 2, 26]),)
    assert not repository.rrsets_at("other")


def test_a_conflict_ends_where_the_branch_has_what_the_file_has(repository: Repository) -> None:
    file = exported(repository, more="mail.example.org. 3600 IN A 192.0.2.26", without="192.0.2.25")
    same = exported(repository, more="mail.example.org. 3600 IN A 192.0.2.102", without="192.0.2.25")
    repository.set("other", A, 60, [ONE])
    repository.set("mail", A, 3600, [TWO])
    with pytest.raises(MergeConflict):
        take(repository, file)
    assert take(repository, same).change_count == 0
    repository.set("mail", A, 3600, [bytes([192, 0, 2, 26])])
    assert take(repository, file).change_count == 0
    assert addresses(repository, "other") == (ONE,)


def test_what_is_valid_apart_and_broken_together_is_a_conflict(repository: Repository) -> None:
    file = exported(repository, more="x.example.org. 60 IN CNAME mail.example.org.")
    repository.set("x", TXT, 60, [b"\1x"])
    with pytest.raises(MergeConflict) as caught:
        take(repository, file)
    assert len(caught.value.conflicts) == 2
    below = exported(repository, more="d.example.org. 60 IN DNAME example.net.")
    repository.set("y.d", TXT, 60, [b"\1x"])
    with pytest.raises(MergeConflict, match=r"but the merged zone isn.t: .*DNAME at d") as caught:
        take(repository, below)
    assert (len(caught.value.conflicts), len(caught.value.together)) == (0, 1)


def test_a_file_that_is_broken_itself_is_refused_as_ever(repository: Repository) -> None:
    file = exported(repository, more="www.example.org. 60 IN CNAME mail.example.org.")
    repository.set("other", A, 60, [ONE])
    with pytest.raises(InvalidZone, match="cname-and-other"):
        take(repository, file)


def test_without_merging_it_is_as_it_was(repository: Repository) -> None:
    file = exported(repository)
    repository.set("www", A, 60, [ONE])
    with pytest.raises(Refused, match="'set www A'"):
        take(repository, file, merge=False)
    asked: list[Undone] = []

    def ask(undone: Undone) -> bool:
        asked.append(undone)
        return True

    assert take(repository, file, replace=ask).change_count == 0
    assert not asked
    done = take(repository, file, replace=ask, merge=False)
    assert (done.change_count, done.merged_over, len(asked)) == (1, None, 1)


@pytest.mark.parametrize("serial", ["2026112000", "2026112002", "2026112009", "0"])
def test_other_serials_name_no_older_version(repository: Repository, serial: str) -> None:
    """One that never was, the tip's, one that is ahead, and 0, which stands in files that never raise it."""
    repository.set("www", A, 60, [ONE])
    with pytest.raises(Refused, match="'set www A'"):
        repository.import_zone(parsed(ZONE.replace("2026112001", serial)), source="x.zone")


def test_a_version_that_was_reset_away_is_not_the_branchs(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    gone = exported(repository)
    repository.reset("HEAD~1")
    repository.set("mail", A, 60, [ONE])
    with pytest.raises(Refused, match="--replace"):
        take(repository, gone)


def test_versions_of_a_round_of_serials_ago_are_found(empty: Repository) -> None:
    for serial in (7, 2**31, LAST, 5):
        empty.import_zone(parsed(ZONE.replace("2026112001", str(serial)) + f"n{serial} A 192.0.2.1\n"), source="x")
    file = exported(empty, "HEAD~1", more="more.example.org. 60 IN A 192.0.2.1")
    assert take(empty, file).change_count == 1
    assert empty.resolve().commit.seq == 2**32 + 6
    assert take(empty, exported(empty, "HEAD~2"), dry_run=True).change_count == 0
    assert empty.rrsets_at("n5")


def test_keep_serial_is_refused_first(repository: Repository) -> None:
    file = exported(repository, more="mail.example.org. 3600 IN A 192.0.2.26", without="192.0.2.25")
    repository.set("mail", A, 3600, [TWO])
    with pytest.raises(Refused, match="not ahead"):
        take(repository, file, keep_serial=True)


def test_signed_files_and_versions_are_never_merged(repository: Repository) -> None:
    signature = f"@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {'A' * 88}\n"
    repository.set("www", A, 60, [ONE])
    with pytest.raises(Refused, match="isn't ahead"):
        take(repository, parsed(ZONE + signature))
    with pytest.raises(Refused, match="a signed file is never merged; --replace"):
        take(repository, parsed(ZONE + signature), signatures="break")
    assert take(repository, parsed(ZONE + signature), signatures="unsign").change_count == 0


def test_a_dry_run_says_what_would_be_merged(repository: Repository) -> None:
    file = exported(repository, more="new.example.org. 60 IN A 192.0.2.1")
    base = repository.resolve().id
    repository.set("www", A, 60, [ONE])
    before = state(repository.path)
    done = take(repository, file, dry_run=True)
    assert (done.new, done.change_count, done.merged_over) == (None, 1, base)
    assert state(repository.path) == before


def test_warnings_of_the_file_and_of_the_merge_are_told(repository: Repository) -> None:
    file = exported(repository, more="mx.example.org. 60 IN MX 10 www.example.org.")
    repository.delete("www")
    repository.set("www", CNAME, 60, [b"\4mail\7example\3org\0"])
    done = take(repository, file)
    assert "mx-cname" in {finding.check for finding in done.findings}
    assert repository.rrset("mx", MX)


def test_another_branch(repository: Repository, clock: Clock) -> None:
    repository.create_branch("test")
    file = exported(repository, more="new.example.org. 60 IN A 192.0.2.1")
    repository.set("www", A, 60, [ONE], branch="test")
    tip = repository.resolve()
    take(repository, file, branch="test")
    assert repository.rrset("www", A, "test").rdatas == (ONE,)
    assert repository.resolve() == tip
