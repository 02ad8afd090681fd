"""What else an operation changed that is undone in one zone."""

from pathlib import Path

import pytest

from repokit import Clock
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.results import Alongside
from zonegit.store.memory import MemoryStore

ZONES = ("example.com.", "example.net.", "example.org.")
ONE = bytes([192, 0, 2, 1])


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def three(clock: Clock) -> Repository:
    repository = Repository(Path("nowhere"), MemoryStore(), clock)
    for zone in ZONES:
        repository.add_zone(zone)
        repository.set("www", A, 60, [ONE], zone=zone)
    return repository


def others(repository: Repository) -> list[tuple[str, bool]]:
    done = repository.undo(zone=ZONES[0], dry_run=True)
    return [(each.zone, each.last) for each in done.alongside]


def test_the_other_zones_of_an_operation_are_returned_until_it_is_undone_there(three: Repository) -> None:
    commits = three.set_ttl("www", 7, all_zones=True).commits
    three.set("late", A, 60, [ONE], zone=ZONES[2])
    assert three.undo(zone=ZONES[0], dry_run=True).alongside == (
        Alongside(ZONES[1], "main", commits[1].new, True),
        Alongside(ZONES[2], "main", commits[2].new, False),
    )
    three.undo(zone=ZONES[1])
    assert others(three) == [(ZONES[2], False)]
    three.redo(zone=ZONES[1])
    assert others(three) == [(ZONES[1], True), (ZONES[2], False)]


def test_another_author_reason_or_kind_of_operation_is_another_one(three: Repository) -> None:
    assert others(three) == []
    three.set_ttl("www", 7, zone=ZONES[0], who="Ada")
    three.set_ttl("www", 7, zone=ZONES[1], who="Bob")
    three.set_ttl("www", 8, zone=ZONES[2], who="Ada")
    assert others(three) == []


def test_the_same_at_another_time_is_another_one(three: Repository, clock: Clock) -> None:
    three.set_ttl("www", 7, zone=ZONES[1])
    clock.now += 6
    three.set_ttl("www", 7, zone=ZONES[0])
    clock.now += 6
    three.set_ttl("www", 7, zone=ZONES[2])
    assert others(three) == []
