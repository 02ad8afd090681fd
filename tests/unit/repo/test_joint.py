"""Calls about every zone: which branches they mean, what they leave alone, and what they return."""

from pathlib import Path

import pytest

from repokit import Clock
from zonegit.errors import NotFound, Refused, UsageError
from zonegit.model.names import from_text
from zonegit.model.rdata import CNAME, SOA, TXT, A
from zonegit.repo import Repository
from zonegit.repo.batch import Step
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.memory import MemoryStore

ZONES = ("example.com.", "example.net.", "example.org.")
ONE = bytes([192, 0, 2, 1])


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def three(store: MemoryStore) -> Repository:
    """Three zones with an address and an alias each, and HEAD on the last one, which has a branch `next`."""
    repository = Repository(Path("nowhere"), store, Clock())
    for zone in ZONES:
        repository.add_zone(zone)
        repository.set("www", A, 60, [ONE], zone=zone)
        repository.set("to", CNAME, 60, [from_text("www.example.org.")], zone=zone)
    repository.checkout("next", zone=ZONES[2], create=True, start="main")
    repository.checkout("main", zone=ZONES[2])
    return repository


def mirror(store: MemoryStore, zone: str) -> None:
    with store.write() as writer:
        writer.set_setting(mirror_setting(zone), b"primary")


def test_it_is_the_default_branch_of_each_zone(three: Repository) -> None:
    done = three.set_ttl("www", 7, all_zones=True)
    assert [(each.zone, each.branch) for each in done.commits] == [(zone, "main") for zone in ZONES]
    assert three.rrset("www", A, "next", zone=ZONES[2]).ttl == 60


def test_head_on_another_branch_refuses_to_change_other_zones_default_ones(three: Repository) -> None:
    three.checkout("next", zone=ZONES[2])
    before = [three.resolve(zone=zone).id for zone in ZONES]
    told = r"HEAD is on branch next of example\.org\., .*--branch next to change only .*'zonegit checkout main'"
    with pytest.raises(Refused, match=told):
        three.set_ttl("www", 7, all_zones=True)
    with pytest.raises(Refused, match=told):
        three.rename("www", "web", all_zones=True)
    one, other = Step("delete", "www", zone=ZONES[2]), Step("delete", "www", zone=ZONES[0])
    with pytest.raises(Refused, match=rf"^batch:2: {told}"):
        three.batch([one, other])
    assert [three.resolve(zone=zone).id for zone in ZONES] == before
    assert [each.branch for each in three.batch([one])] == ["next"]
    assert [each.branch for each in three.batch([other])] == ["main"]


def test_head_on_another_branch_refuses_nothing_where_no_other_zone_is_written_to(
    three: Repository, store: MemoryStore
) -> None:
    three.checkout("next", zone=ZONES[2])
    mirror(store, ZONES[0])
    mirror(store, ZONES[1])
    assert [each.branch for each in three.set_ttl("www", 7, all_zones=True).commits] == ["next"]


def test_a_branch_that_is_named_is_meant_where_it_is(three: Repository) -> None:
    done = three.set_ttl("www", 7, all_zones=True, branch="next")
    assert [each.zone for each in done.commits] == [ZONES[2]]
    with pytest.raises(NotFound, match="no zone here has a branch other"):
        three.set_ttl("www", 7, all_zones=True, branch="other")


def test_a_head_that_is_lost_refuses(three: Repository, store: MemoryStore) -> None:
    with store.write() as writer:
        writer.set_setting("HEAD", b"refs/heads/example.org./gone")
    with pytest.raises(Refused, match="you were on branch gone"):
        three.set_ttl("www", 7, all_zones=True)


def test_mirrored_zones_are_returned_where_something_would_change(three: Repository, store: MemoryStore) -> None:
    mirror(store, ZONES[0])
    before = three.resolve(zone=ZONES[0]).id
    assert three.rename("www", "web", all_zones=True).mirrored == (ZONES[0],)
    assert three.set_ttl("to", 7, all_zones=True).mirrored == (ZONES[0],)
    assert three.set_ttl("w?b", 7, all_zones=True).mirrored == ()
    assert three.resolve(zone=ZONES[0]).id == before


def test_what_matches_in_mirrored_zones_alone_is_found(three: Repository, store: MemoryStore) -> None:
    three.set("only", A, 60, [ONE], zone=ZONES[0])
    mirror(store, ZONES[0])
    done = three.set_ttl("only", 7, all_zones=True)
    assert (done.commits, done.mirrored) == ([], (ZONES[0],))


def test_what_may_hold_the_old_name_is_returned(three: Repository) -> None:
    text = b"v=spf1 a:WWW.example.org -all"
    three.set("@", TXT, 60, [bytes((len(text),)) + text], zone=ZONES[1])
    three.set("old", 65280, 60, [from_text("www.example.org.")], zone=ZONES[0])
    done = three.rename("www", "web", all_zones=True)
    assert [(each.zone, each.rtype) for each in done.mentions] == [(ZONES[0], 65280), (ZONES[1], TXT)]


def test_strictness_may_be_each_zone_s_own(three: Repository) -> None:
    asked = []

    def strict(zone: str) -> list[str]:
        asked.append(zone)
        return []

    three.set_ttl("www", 7, all_zones=True, strict=strict)
    assert asked == list(ZONES)


@pytest.mark.parametrize("message", ["", "\x1b"])
def test_a_message_that_cannot_be_shown_is_refused(three: Repository, message: str) -> None:
    before = [three.resolve(zone=zone).id for zone in ZONES]
    with pytest.raises(UsageError, match="--message"):
        three.set_ttl("www", 7, all_zones=True, message=message)
    assert [three.resolve(zone=zone).id for zone in ZONES] == before


def test_an_soa_that_is_named_follows_a_rename_and_keeps_its_serial(three: Repository) -> None:
    soa = three.rrset("@", SOA, zone=ZONES[1])
    mname = from_text("www.example.net.")
    rest = soa.rdatas[0][len(from_text("localhost.")) :]
    three.set("@", SOA, 60, [mname + rest], zone=ZONES[1])
    serial = three.resolve(zone=ZONES[1]).commit.serial
    three.rename("www", "ns", zone=ZONES[1])
    found = three.rrset("@", SOA, zone=ZONES[1]).rdatas[0]
    assert found.startswith(from_text("ns.example.net."))
    assert int.from_bytes(found[-20:-16], "big") == serial + 1
