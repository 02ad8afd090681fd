"""A daemon over a disk that can't give one zone's page back: who reads it is ended by SIGBUS.

The kernel does that on a read error in a mapped file. Here a `sitecustomize` of the daemon's processes does it.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, rcode, until
from manykit import apex_of, many_zones
from synckit import commit, names
from zonegit.model.refs import head
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table

DAMAGED = 2
SERVFAIL = 2
DEADLY = """\
import os, signal
from zonegit.store import lmdb_tables

KEY = bytes.fromhex("{key}")

def deadly(get):
    def read(key, *rest, **named):
        if key == KEY:
            os.kill(os.getpid(), signal.SIGBUS)
        return get(key, *rest, **named)
    return read

class Tables(lmdb_tables.LmdbTables):
    def get(self, table, key):
        return deadly(lambda key: super(Tables, self).get(table, key))(key)

class ViewTable(lmdb_tables.LmdbViewTable):
    def turn(self):
        super().turn()
        self.get = deadly(self.get)

lmdb_tables.LmdbTables, lmdb_tables.LmdbViewTable = Tables, ViewTable
"""
Start = Callable[[str], Daemon]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    path = tmp_path / "repo"
    many_zones(path, 5).close()
    return path


@pytest.fixture
def start(repo: Path, tmp_path: Path) -> Iterator[Start]:
    """`start(which)`: a daemon that dies of the zone's `view`, which it reads first, or of a `name` in that."""
    started: list[Daemon] = []

    def start(which: str) -> Daemon:
        store = LmdbStore.open(repo, readonly=True)
        key = b"view/" + head(apex_of(DAMAGED), "main").encode()
        with store.read() as reader:
            shown = reader.tables.get(Table.META, key)
            assert shown is not None
            name = list(reader.tables.scan(Table.VIEWS, shown[4:8]))[2][0]
        store.close()
        place = tmp_path / "site"
        place.mkdir()
        (place / "sitecustomize.py").write_text(DEADLY.format(key=(key if which == "view" else name).hex()))
        daemon = Daemon("--repo", repo, "--listen", "127.0.0.1:0", env={**os.environ, "PYTHONPATH": str(place)})
        started.append(daemon)
        daemon.logged("]: listening ")
        return daemon

    yield start
    for daemon in started:
        daemon.stop()


def name(number: int) -> str:
    return f"h000001.{apex_of(number)}"


def deaths(daemon: Daemon) -> int:
    return daemon.count("process ended process=dns-0 how=SIGBUS")


@pytest.mark.parametrize(("which", "lives"), [("view", 1), ("name", 2)])
def test_the_zone_is_named_and_left_out_until_it_changes(repo: Path, start: Start, which: str, lives: int) -> None:
    daemon = start(which)
    port = daemon.port()
    assert rcode(ask(port, name(DAMAGED), tries=30)) == SERVFAIL
    assert deaths(daemon) == lives
    told = [line for line in daemon.log if "a process crashed reading a zone; leaving it out" in line]
    assert len(told) == 1
    assert told[0].endswith(f"process=dns-0 zone={apex_of(DAMAGED)}")
    for number in {*range(5)} - {DAMAGED}:
        assert rcode(ask(port, name(number))) == 0
    store = LmdbStore.open(repo)
    commit(store, apex_of(1), names(apex_of(1), 3, seed=9))
    assert rcode(ask(port, name(DAMAGED))) == SERVFAIL, "another zone's change doesn't bring it back"
    assert rcode(ask(port, name(1))) == 0
    assert deaths(daemon) == lives
    with store.write() as writer:
        writer.hide(head(apex_of(DAMAGED), "main"))
    if which == "name":
        commit(store, apex_of(DAMAGED), names(apex_of(DAMAGED), 3, seed=9))
        until(lambda: rcode(ask(port, name(DAMAGED), tries=30)) == 0, "an answer of the new version")
        assert deaths(daemon) == lives
    store.close()
