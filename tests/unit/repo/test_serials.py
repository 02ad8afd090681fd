"""Which serial is next (RFC 1982), and that 0 is left out (RFC 2136 §7.11)."""

import pytest

from repokit import ZONE, parsed
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.serials import is_ahead, next_seq, seq_on

LAST = 2**32 - 1


@pytest.mark.parametrize(
    ("seq", "serial", "expected"),
    [
        (7, None, 8),
        (7, 9, 9),
        (7, 7, 8),
        (7, 3, 8),
        (0, None, 1),
        (LAST - 1, None, LAST),
        (LAST, None, 2**32 + 1),
        (LAST, LAST, 2**32 + 1),
        (LAST, 2**31, 2**32 + 1),
        (LAST, 0, 2**32),
        (LAST, 5, 2**32 + 5),
        (2**32, None, 2**32 + 1),
        (2**32 + 5, 4, 2**32 + 6),
        (2**33 - 1, None, 2**33 + 1),
        (5, 5 + 2**31, 6),
        (5, 4 + 2**31, 4 + 2**31),
    ],
)
def test_the_number_after_another(seq: int, serial: int | None, expected: int) -> None:
    assert next_seq(seq, serial) == expected


@pytest.mark.parametrize(
    ("parent", "served", "expected"),
    [
        (3, 7, 8),
        (7, 7, 8),
        (3, LAST, 2**32 + 1),
        (2**32, LAST, 2**32 + 1),
        (2**32 + 1, LAST, 2**33 + 1),
        (LAST, 1, 2**32 + 2),
        (2**32 + 1, 1, 2**32 + 2),
        (2**32 + 2, 1, 2**33 + 2),
        (5 * 2**32, 1, 5 * 2**32 + 2),
    ],
)
def test_the_number_on_one_version_after_another(parent: int, served: int, expected: int) -> None:
    assert seq_on(parent, served) == expected
    assert expected > max(parent, served)
    assert is_ahead(expected, served)


def imported(repository: Repository, serial: int, more: str = "") -> int:
    """The serial that a zone file with this one gets."""
    text = ZONE.replace("2026112001", str(serial)) + more
    return repository.import_zone(parsed(text), source="test.zone", replace=True).serial


def test_changes_imports_and_resets_step_over_0(empty: Repository) -> None:
    imported(empty, LAST - 1)
    imported(empty, LAST, "more A 192.0.2.1\n")
    for branch in ("imported", "reset"):
        empty.create_branch(branch)
    assert empty.set("www", A, 60, [bytes(4)]).serial == 1
    empty.checkout("imported")
    assert imported(empty, LAST, "other A 192.0.2.1\n") == 1
    empty.checkout("reset")
    assert empty.reset("HEAD~1").serial == 1
    assert empty.resolve().commit.seq == 2**32 + 1


def test_0_is_served_where_it_is_asked_for(empty: Repository) -> None:
    imported(empty, LAST)
    text = ZONE.replace("2026112001", "0")
    done = empty.import_zone(parsed(text), source="test.zone", keep_serial=True)
    assert done.serial == 0
    assert [finding.check for finding in done.findings] == ["serial-zero"]
    assert [finding.check for finding in empty.check()] == ["serial-zero"]
    done = empty.set("www", A, 60, [bytes(4)])
    assert done.serial == 1
    assert done.findings == empty.check() == []


def test_a_file_with_serial_0_gets_the_next_one(repository: Repository) -> None:
    """Unless 0 is ahead: who never raises the serial in the file writes 0 there."""
    before = repository.resolve().commit.serial
    text = ZONE.replace("2026112001", "0") + "more A 192.0.2.1\n"
    done = repository.import_zone(parsed(text), source="test.zone")
    assert done.serial == before + 1
    assert done.findings == []


def test_reset_to_what_is_more_than_half_of_all_serials_ahead(repository: Repository) -> None:
    """A secondary takes that for older (RFC 1982): the branch goes on with the serial after its own."""
    start = repository.resolve().commit.serial
    repository.create_branch("far")
    repository.checkout("far")
    for serial in (start + 2**31 - 1, start - 2):
        assert imported(repository, serial % 2**32, f"more{serial} A 192.0.2.1\n") == serial % 2**32
    far = repository.resolve("far")
    repository.checkout("main")
    done = repository.reset("far")
    assert done.serial == start + 1
    assert repository.resolve().commit.zone_root == far.commit.zone_root
    assert repository.resolve().commit.seq > far.commit.seq
