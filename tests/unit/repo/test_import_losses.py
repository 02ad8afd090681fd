"""Which commits a file would undo: those made by hand since the last import whose change it lacks."""

import pytest

from repokit import ZONE as FIRST
from repokit import parsed
from zonegit.errors import Conflict, Refused
from zonegit.model.rdata import AAAA, A
from zonegit.repo import Repository
from zonegit.repo.import_losses import MAX_UNDONE, Undone

ZONE = FIRST.replace("2026112001", "2026110101")
"""What was imported first, under a serial that isn't ahead and names no version: it isn't merged."""
ONE, TWO, THREE = (bytes([192, 0, 2, last]) for last in (10, 11, 12))


class Asked:
    """Remembers what it was asked and answers alike."""

    def __init__(self, answer: bool = True) -> None:
        self.answer = answer
        self.undone = Undone([], 0)

    def __call__(self, undone: Undone) -> bool:
        self.undone = undone
        return self.answer

    @property
    def subjects(self) -> list[str]:
        return [revision.commit.subject for revision in self.undone.commits]


def undone(repository: Repository, text: str = ZONE) -> list[str]:
    asked = Asked()
    repository.import_zone(parsed(text), source="test.zone", replace=asked, dry_run=True)
    assert asked.undone.total == len(asked.subjects)
    return asked.subjects


def test_commits_are_named_newest_first(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE], who="Bob <bob@example.org>")
    repository.delete("mail", message="mail goes")
    asked = Asked()
    done = repository.import_zone(parsed(ZONE), source="test.zone", replace=asked)
    assert asked.subjects == ["mail goes", "set www A"]
    assert asked.undone.commits[1].commit.author.name == "Bob <bob@example.org>"
    assert done.new == repository.resolve().id
    assert undone(repository) == []


def test_what_stands_in_the_file_is_not_undone(repository: Repository) -> None:
    repository.set("new", A, 60, [ONE])
    repository.add("www", A, None, [THREE])
    repository.delete("mail", A)
    both = ZONE.replace("mail IN A 192.0.2.25\n", "") + "new 60 IN A 192.0.2.10\nwww 300 IN A 192.0.2.12\n"
    assert undone(repository, both) == []
    assert repository.import_zone(parsed(both + "more A 192.0.2.1\n"), source="test.zone").change_count == 1


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("www 300 IN A 192.0.2.10\nwww 300 IN A 192.0.2.11\n", ["third", "second"]),
        ("www 300 IN A 192.0.2.10\nwww 300 IN A 192.0.2.11\nwww 300 IN A 192.0.2.12\n", ["third"]),
        ("www 300 IN A 192.0.2.11\nwww 300 IN A 192.0.2.12\nwww 300 IN A 192.0.2.13\n", []),
        ("www 600 IN A 192.0.2.11\nwww 600 IN A 192.0.2.12\n", ["second"]),
        ("", ["second"]),
    ],
)
def test_records_count_and_not_rrsets(repository: Repository, file: str, expected: list[str]) -> None:
    """A record that was added and a record that was deleted by hand, each in the file or not."""
    repository.add("www", A, None, [THREE], message="second")
    repository.delete("www", A, [ONE], message="third")
    rest = "".join(line for line in ZONE.splitlines(keepends=True) if not line.startswith("www"))
    assert undone(repository, rest + file) == expected


def test_what_was_changed_again_by_hand_is_not_undone_by_the_file(repository: Repository) -> None:
    repository.set("new", A, 60, [ONE], message="first")
    repository.set("new", A, 60, [TWO], message="second")
    assert undone(repository) == ["second"]


def test_a_change_taken_back_by_hand_is_not_undone_by_the_file(repository: Repository) -> None:
    repository.set("new", AAAA, 60, [bytes(16)])
    repository.delete("new")
    assert undone(repository) == []


def test_going_back_is_a_change_made_by_hand(repository: Repository) -> None:
    newer = ZONE.replace("2026110101", "2026112101") + "new A 192.0.2.1\n"
    repository.import_zone(parsed(newer), source="newer.zone")
    repository.reset("HEAD~1")
    (subject,) = undone(repository, newer)
    assert subject.startswith("Reset to")
    assert undone(repository, ZONE) == []


def test_going_back_without_signatures_is_one_too(empty: Repository) -> None:
    signed = f"{FIRST}@ RRSIG SOA 13 2 300 20270101000000 20261101000000 1 @ {'A' * 88}\n"
    empty.import_zone(parsed(signed), source="signed.zone")
    newer = signed.replace("2026112001", "2026112101") + "new A 192.0.2.1\n"
    empty.import_zone(parsed(newer), source="newer.zone")
    empty.reset("HEAD~1", signatures="unsign")
    asked = Asked()
    empty.import_zone(parsed(newer), source="newer.zone", replace=asked, signatures="unsign", dry_run=True)
    (subject,) = asked.subjects
    assert subject.startswith("Reset to")


def test_a_merged_import_is_no_end_of_the_search(repository: Repository) -> None:
    """It left what was changed by hand in place, and the next file may undo that."""
    repository.set("mail", A, 60, [ONE])
    repository.import_zone(parsed(FIRST + "new A 192.0.2.1\n"), source="test.zone")
    assert repository.rrset("mail", A).rdatas == (ONE,)
    assert undone(repository) == ["Import test.zone", "set mail A"]
    newer = FIRST.replace("2026112001", "2026120101") + "new A 192.0.2.1\n"
    assert undone(repository, newer) == ["set mail A"]


def test_a_zone_begun_by_hand(empty: Repository) -> None:
    empty.add_zone("example.org")
    assert undone(empty) == ["Begin example.org."]


def test_only_the_branch_that_is_imported_to_counts(repository: Repository) -> None:
    repository.create_branch("test")
    repository.set("www", A, 60, [ONE], branch="test")
    assert undone(repository) == []
    with pytest.raises(Refused, match="'set www A'"):
        repository.import_zone(parsed(ZONE), source="test.zone", branch="test")


def test_many_are_counted_and_not_all_named(repository: Repository) -> None:
    for number in range(MAX_UNDONE + 2):
        repository.set(f"n{number}", A, 60, [ONE])
    asked = Asked()
    repository.import_zone(parsed(ZONE), source="test.zone", replace=asked, dry_run=True)
    assert (asked.undone.total, len(asked.subjects)) == (MAX_UNDONE + 2, MAX_UNDONE)
    assert asked.subjects[0] == f"set n{MAX_UNDONE + 1} A"


def test_what_is_refused_writes_nothing(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])
    tip = repository.resolve().id
    with pytest.raises(Refused, match=r"'set www A'.*--replace"):
        repository.import_zone(parsed(ZONE), source="test.zone")
    with pytest.raises(Refused):
        repository.import_zone(parsed(ZONE), source="test.zone", replace=Asked(answer=False))
    assert repository.resolve().id == tip


def test_a_change_made_while_somebody_is_asked_is_not_lost(repository: Repository) -> None:
    repository.set("www", A, 60, [ONE])

    def answer(_: Undone) -> bool:
        repository.set("mail", A, 60, [TWO])
        return True

    with pytest.raises(Conflict):
        repository.import_zone(parsed(ZONE), source="test.zone", replace=answer)
    assert repository.rrset("mail", A).rdatas == (TWO,)
