"""Commits in several zones at once: all branches move, or none does, whoever else writes meanwhile."""

from multiprocessing import get_context

import pytest

from repokit import both_or_none
from samekit import state
from zonegit.errors import Conflict, InvalidZone, NotFound, UsageError
from zonegit.model.rdata import CNAME, SOA, A
from zonegit.repo import Repository, joint_commit, store_ahead
from zonegit.repo.batch import Step
from zonegit.repo.content import Content
from zonegit.repo.draft import Draft
from zonegit.repo.records import Changes
from zonegit.repo.writing import Intent

ZONES = ("example.net.", "example.org.")
ONE, TWO = (bytes([192, 0, 2, last]) for last in (1, 2))


@pytest.fixture
def two(empty: Repository) -> Repository:
    for zone in ZONES:
        empty.add_zone(zone)
    return empty


def steps(value: bytes = ONE, name: str = "www") -> list[Step]:
    return [Step("set", name, A, 60, [value], zone=zone) for zone in ZONES]


def serials(repository: Repository) -> list[int]:
    return [repository.resolve(zone=zone).commit.serial for zone in ZONES]


def test_each_zone_gets_a_commit_with_the_same_message(two: Repository) -> None:
    done = two.batch(steps(), message="Renumber", who="Ada")
    assert [each.zone for each in done] == list(ZONES)
    for each in done:
        tip = two.resolve(zone=each.zone)
        assert (tip.id, tip.commit.message, tip.commit.author.name) == (each.new, "Renumber", "Ada")
        entry = next(two.reflog(zone=each.zone))
        assert (entry.reason, entry.old) == ("batch: Renumber", each.old)


def test_all_refs_move_in_one_transaction(two: Repository) -> None:
    before = two.journal_end()
    two.batch(steps())
    assert two.journal_end() == before + 1


def test_a_zone_in_which_nothing_changes_gets_no_commit(two: Repository) -> None:
    two.set("www", A, 60, [ONE], zone=ZONES[0])
    before = serials(two)
    done = two.batch(steps())
    assert [each.new == each.old for each in done] == [True, False]
    assert serials(two) == [before[0], before[1] + 1]


def test_large_drafts_are_stored_ahead_and_moved_to_at_once(
    two: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, objects = two.journal_end(), sum(two.stat().objects.values())
    monkeypatch.setattr(store_ahead, "_GROUP", 2)
    two.batch(step for number in range(2000) for step in steps(number.to_bytes(4, "big"), f"h{number}"))
    assert two.journal_end() == before + 1
    assert sum(two.stat().objects.values()) > objects + 20
    assert all(two.rrset("h1999", A, zone=zone).rdatas == ((1999).to_bytes(4, "big"),) for zone in ZONES)
    assert two.fsck().problems == []


def test_what_one_zone_is_refused_for_keeps_all_as_they_were(two: Repository) -> None:
    before = state(two.path)
    with pytest.raises(InvalidZone, match=r"^batch:3: this would break example\.org\."):
        two.batch([*steps(), Step("set", "www", CNAME, 60, [b"\1a\0"], zone=ZONES[1])])
    assert state(two.path) == before


def test_the_serial_of_an_soa_is_taken_if_it_is_ahead(two: Repository) -> None:
    soa = two.rrset("@", SOA, zone=ZONES[0])
    rdata = soa.rdatas[0][:-20] + (77).to_bytes(4, "big") + soa.rdatas[0][-16:]
    two.batch([*steps(), Step("set", "@", SOA, 60, [rdata], zone=ZONES[0])])
    assert serials(two) == [77, 2]


def test_if_any_tip_moved_all_are_drafted_again(two: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    drafted = joint_commit.drafted
    left = [1, 2]

    def slow(content: Content, changes: Changes, intent: Intent) -> Draft:
        made = drafted(content, changes, intent)
        if left and content.revision.commit.zone == ZONES[1]:
            with Repository.open(two.path) as other:
                other.set(f"other{left.pop()}", A, 60, [TWO], zone=ZONES[0])
        return made

    monkeypatch.setattr(joint_commit, "drafted", slow)
    two.batch(steps())
    assert left == []
    for name in ("other1", "other2", "www"):
        assert two.rrset(name, A, zone=ZONES[0])
    assert serials(two) == [4, 2]


def test_the_last_draft_is_made_while_others_wait(two: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def moved(*_: object) -> None:
        calls.append(1)
        raise Conflict("moved")

    monkeypatch.setattr(joint_commit, "_commit", moved)
    two.batch(steps())
    assert len(calls) == 3
    assert serials(two) == [2, 2]


def test_a_name_that_is_taken_is_refused_without_another_try(two: Repository) -> None:
    two.batch([*steps(), *steps(TWO, "other")])
    before = state(two.path)
    with pytest.raises(Conflict, match="has records already"):
        two.rename("www", "other", zone=ZONES[0])
    assert state(two.path) == before


def test_writers_in_two_processes_never_see_or_leave_half(two: Repository) -> None:
    """Each sets one value in both zones, again and again: every pair of tips agrees, and no change is lost."""
    context = get_context("spawn")
    writers = [context.Process(target=both_or_none, args=(two.path, number)) for number in (1, 2)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
    assert [each.exitcode for each in writers] == [0, 0]
    assert serials(two) == [21, 21]
    histories = [[two.rrset("www", A, f"HEAD~{back}", zone=zone).rdatas for back in range(20)] for zone in ZONES]
    assert histories[0] == histories[1]
    for number in (1, 2):
        for last in range(10):
            assert all(two.rrset(f"p{number}-{last}", A, zone=zone) for zone in ZONES)


def test_a_step_that_has_no_records_or_no_line(two: Repository) -> None:
    with pytest.raises(NotFound, match=r"^batch:7: nothing to delete"):
        two.batch([Step("delete", "nowhere", zone=ZONES[0], line=7)])
    with pytest.raises(UsageError, match=r"^batch:2: set takes a type and at least one record"):
        two.batch([*steps()[:1], Step("set", "a", A, 60, zone=ZONES[0])])
