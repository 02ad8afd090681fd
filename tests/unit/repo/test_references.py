"""Searching other zones for records that name something: what counts, and where it stops."""

from pathlib import Path

import pytest

from zonegit.errors import CorruptStore
from zonegit.model.names import WireName, from_text
from zonegit.model.rdata import HTTPS, MX, A
from zonegit.repo import Repository, references
from zonegit.repo.content import Content
from zonegit.repo.references import Pointing
from zonegit.store.memory import MemoryStore

ZONES = ("example.net.", "example.org.", "host.example.org.", "other.test.")
HOST = from_text("host.example.org.")
ONE = bytes([192, 0, 2, 1])


@pytest.fixture
def several() -> Repository:
    """Two records of one zone that name a host, glue in another, and one zone that has nothing of it."""
    repository = Repository(Path("nowhere"), MemoryStore())
    for zone in ZONES:
        repository.add_zone(zone)
    mx = [b"\0\1" + from_text("www.host.example.org."), b"\0\2" + HOST, b"\0\3" + from_text("myhost.example.org.")]
    repository.set("@", MX, 60, mx, zone=ZONES[0])
    repository.set("www.host", A, 60, [ONE], zone=ZONES[1])
    repository.set("www", A, 60, [ONE], zone=ZONES[2])
    return repository


def renamed(repository: Repository) -> references.Searched:
    return repository.rename("www", "web", zone=ZONES[2], dry_run=True).elsewhere


def test_records_count_that_name_it_or_are_glue(several: Repository) -> None:
    found = renamed(several)
    assert found.found == (Pointing(ZONES[0], "main", 1), Pointing(ZONES[1], "main", 1))
    assert found.unread == 0


def test_names_count_in_any_case(several: Repository) -> None:
    several.set("svc", HTTPS, 60, [b"\0\1" + from_text("WWW.Host.example.org.")], zone=ZONES[3])
    assert renamed(several).found[-1] == Pointing(ZONES[3], "main", 1)


def test_the_branch_of_the_same_name_is_searched(several: Repository) -> None:
    for zone in (ZONES[0], ZONES[2]):
        several.create_branch("dev", zone=zone)
    several.delete("@", MX, zone=ZONES[0], branch="dev")
    done = several.rename("www", "web", zone=ZONES[2], branch="dev")
    assert done.elsewhere.found == (Pointing(ZONES[1], "main", 1),)


def test_what_is_beyond_the_bounds_is_counted(several: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "RECORDS", 100)
    assert renamed(several) == references.Searched((Pointing(ZONES[0], "main", 1),), 2)
    monkeypatch.setattr(references, "_LEAST", 1)
    monkeypatch.setattr(references, "RECORDS", 3)
    assert renamed(several) == references.Searched((Pointing(ZONES[1], "main", 1),), 2)


def test_a_zone_that_cannot_be_read_stops_no_rename(several: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    count = references._count

    def damaged(content: Content, name: WireName) -> int:
        if content.revision.commit.zone == ZONES[0]:
            raise CorruptStore("damaged")
        return count(content, name)

    monkeypatch.setattr(references, "_count", damaged)
    assert renamed(several) == references.Searched((Pointing(ZONES[1], "main", 1),), 1)
