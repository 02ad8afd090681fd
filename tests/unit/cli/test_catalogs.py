"""`catalog list`, `catalog check`, `catalog allow`."""

from pathlib import Path

import pytest

from catalogkit import HEAD, VERSION
from zonegit.repo.catalog.following import Held
from zonegit.repo.catalog.membership import CatalogState, keep_members, keep_states
from zonegit.repo.catalog.values import Member
from zonegit.store.lmdb import LmdbStore

CATALOG = "catalog.example."
MEMBERS = "a1.zones 0 IN PTR a.example.\ngroup.a1.zones 0 IN TXT one\nb2.zones 0 IN PTR b.example.\n"


@pytest.fixture
def write(run, tmp_path):
    def write(body: str, version: str = VERSION) -> None:
        path = tmp_path / "catalog.zone"
        path.write_text(f"$ORIGIN {CATALOG}\n{HEAD}{version}{body}")
        assert run("import", path, "--replace").code == 0

    run("init")
    return write


def follow(repo: Path, state: CatalogState, *members: Member) -> None:
    """Record that a catalog is followed, as the daemon does."""
    store = LmdbStore.open(repo)
    with store.write() as writer:
        keep_members(writer, {}, {member.zone: (CATALOG, member) for member in members})
        keep_states(writer, {CATALOG: state})
    store.close()


def test_a_sound_catalog_is_found_to_be_one(run, write) -> None:
    write(MEMBERS)
    assert run("catalog", "check", CATALOG).out == "catalog.example.: a catalog of 2 zones\n"
    assert run("catalog", "check", CATALOG, "--json").json == {"catalog": CATALOG, "broken": []}


def test_what_breaks_a_catalog_is_named(run, write) -> None:
    write(MEMBERS)
    write(MEMBERS + "c3.zones 0 IN PTR a.example.\n", version="")
    done = run("catalog", "check", CATALOG)
    assert done.code == 1
    assert done.lines == [
        "catalog.example.: it has no version property: TXT at 'version'",
        "catalog.example.: two members name a.example.: a1 and c3",
    ]
    assert run("catalog", "check", CATALOG, "HEAD~1").code == 0
    assert len(run("catalog", "check", CATALOG, "--json").json["broken"]) == 2


def test_nothing_is_listed_without_catalogs(run, refused) -> None:
    run("init")
    done = run("catalog", "list")
    assert (done.code, done.out) == (0, "")
    assert run("catalog", "list", "--json").json == []
    refused(run("catalog", "list", CATALOG), 5, CATALOG)
    refused(run("catalog", "check", CATALOG), 5, CATALOG)
    refused(run("catalog", "allow", CATALOG), 5, "no catalog catalog.example. is followed here")


def test_a_followed_catalog_and_its_members_are_listed(run, write, tmp_path) -> None:
    write(MEMBERS)
    state = CatalogState(
        "ab", 7, 2, clashes=(("b.example.", "exists here and came from no catalog"),), clash_count=1
    )
    follow(tmp_path / "repo", state, Member("a.example.", b"a1", ("one",)), Member("gone.example.", b"g"))
    run("zone", "add", "b.example.")
    done = run("catalog", "list")
    assert done.lines == ["catalog.example.  followed  serial 7  2 zones"]
    clash = "b.example. is not taken from the catalog catalog.example.: it exists here and came from no catalog"
    assert clash in done.err
    assert clash in run("status").err
    assert run("catalog", "list", CATALOG).lines == [
        "a.example.     a1  one  not here yet",
        "b.example.     b2  -    not taken from the catalog: it exists here and came from no catalog",
        "gone.example.  g   -    not here yet, its removal waits",
    ]
    found = {each["zone"]: each for each in run("catalog", "list", CATALOG, "--json").json}
    assert found["a.example."] == {
        "zone": "a.example.",
        "node": "a1",
        "groups": ["one"],
        "moves_to": None,
        "serial": None,
        "not_taken": None,
        "listed": True,
    }
    assert not found["gone.example."]["listed"]


def test_removals_that_wait_are_shown_and_allowed_once(run, refused, write, tmp_path) -> None:
    write(MEMBERS)
    follow(tmp_path / "repo", CatalogState("ab", 7, 20, held=Held(15, 10)))
    waits = "removes 15 zones at once, and may remove 10: they stay until 'zonegit catalog allow catalog.example.'"
    assert waits in run("status").err
    assert run("catalog", "list", "--json").json[0]["held"] == {"removals": 15, "most": 10}
    assert "would let zonegitd remove 15 zones" in run("catalog", "allow", CATALOG, "--dry-run").err
    assert "zonegitd removes 15 zones now" in run("catalog", "allow", "Catalog.Example").err
    follow(tmp_path / "repo", CatalogState("cd", 8, 5))
    refused(run("catalog", "allow", CATALOG), 1, "nothing to allow")


def test_the_catalog_of_a_zone_stands_in_its_status(run, write, tmp_path) -> None:
    run("zone", "add", "a.example.")
    follow(tmp_path / "repo", CatalogState("ab", 7, 1), Member("a.example.", b"a1"))
    assert ["catalog", CATALOG] in [line.split() for line in run("status", "--zone", "a.example.").lines]


def test_a_broken_catalog_stands_in_the_status(run, write, tmp_path) -> None:
    write(MEMBERS)
    follow(tmp_path / "repo", CatalogState("ab", 7, 1, ("why it is",)))
    text = "the catalog catalog.example. is broken, so its members stay as they are: why it is"
    assert text in run("status").err


def test_a_member_is_not_taken_out_of_its_catalog_by_signing_it(run, refused, write, tmp_path) -> None:
    run("zone", "add", "a.example.")
    (tmp_path / "repo" / "zonegitd.toml").write_text("")
    follow(tmp_path / "repo", CatalogState("ab", 7, 1), Member("a.example.", b"a1"))
    refused(run("dnssec", "enable", "a.example."), 1, "came from the catalog catalog.example.")
