"""What `status` says of a branch that has diverged from a peer's."""

from pathlib import Path

import pytest

from zonegit.model.refs import remote
from zonegit.repo import Repository
from zonegit.repo.diverged import Diverged, note_diverged
from zonegit.store.port import RefUpdate

SINCE = "example.org. main has diverged from ams's since 2026-11-20T10:00:00Z"
MERGE = "zonegit --zone example.org. merge --branch main"


@pytest.fixture
def apart(zone, tmp_path: Path):
    """Commits here and at the peer `ams`, and the note that nobody has merged them."""

    def diverge(here: list[str], there: list[str]) -> str:
        zone("checkout", "-b", "theirs")
        for command in there:
            assert zone(*command.split()).code == 0
        with Repository.open(tmp_path / "repo") as repository, repository._store.write() as writer:
            name = remote("ams", "example.org.", "main")
            tip = repository.resolve("theirs")
            writer.move_refs([RefUpdate(name, None, tip.id)], tip.commit.author, "fetch")
            note_diverged(writer, [Diverged("example.org.", "main", tip.id, "ams", 1795168800)])
        zone("checkout", "main")
        zone("branch", "-D", "theirs")
        for command in here:
            assert zone(*command.split()).code == 0
        return "".join(line for line in zone("status").err.splitlines() if "diverged" in line)

    return diverge


def test_what_contradicts_is_counted_and_named(zone, apart) -> None:
    told = apart(
        ["set www A 300 192.0.2.10", "set mail A 300 192.0.2.11", "set new A 300 192.0.2.3"],
        ["set www A 300 192.0.2.20", "set mail A 300 192.0.2.21", "set other A 300 192.0.2.4"],
    )
    named = "2 RRsets conflict: mail.example.org. A, www.example.org. A"
    way = f"run `{MERGE} ams/main`, with --ours to keep the local records or --theirs to take ams's"
    assert told == f"zonegit: warning: {SINCE}: both have changed it, and {named}; {way}"
    assert zone("merge", "--branch", "main", "ams/main", "--theirs").code == 0
    assert "diverged" not in zone("status").err


def test_a_single_one(apart) -> None:
    assert "and 1 RRset conflicts: www.example.org. A;" in apart(
        ["set www A 300 192.0.2.10"], ["set www A 300 192.0.2.20"]
    )


def test_no_more_than_some_are_named(apart) -> None:
    told = apart(*([f"set h{number} CNAME 300 h{last}" for number in range(12)] for last in (1, 2)))
    assert "and 12 RRsets conflict: h0.example.org. CNAME, " in told
    assert told.count(".example.org. CNAME,") == 10 and "CNAME, ...; run" in told


def test_what_contradicts_nowhere(apart) -> None:
    told = apart(["set new A 300 192.0.2.3"], ["set other A 300 192.0.2.4"])
    assert told == f"zonegit: warning: {SINCE}: both have changed it; run `{MERGE} ams/main`"


def test_what_was_removed_there(apart, zone, tmp_path: Path) -> None:
    apart(["set www A 300 192.0.2.10"], ["set www A 300 192.0.2.20"])
    zone("branch", "theirs", "ams/main")
    zone("branch", "-D", "theirs", "--tombstone")
    with Repository.open(tmp_path / "repo") as repository, repository._store.write() as writer:
        theirs = writer.ref("refs/heads/example.org./theirs")
        note_diverged(writer, [Diverged("example.org.", "main", theirs, "ams", 1795168800)])
    told = zone("status").err
    assert f"{SINCE}: it was changed here, and removed at ams; `{MERGE} --ours ams/main` keeps it" in told


def test_what_was_removed_here(apart, zone, run) -> None:
    apart([], ["set www A 300 192.0.2.20"])
    run("zone", "add", "example.net")
    zone("zone", "remove", "example.org", "--tombstone")
    told = run("--zone", "example.net", "status").err
    assert f"{SINCE}: it was removed here, and changed at ams; `zonegit zone restore example.org.` restores" in told
