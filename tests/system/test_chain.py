"""A secondary of a secondary: what happens at the primary is told to both at once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, new_reader, rcode, serial_of, until
from peerkit import free_ports
from repokit import ZONE, parsed
from storekit import index_root
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

OTHER = ZONE.replace("example.net", "example.com").replace("example.org", "example.net")
SOON = 30.0
"""Seconds for a change to travel all the way; far less than a second where nothing else runs."""
SELDOM = ("--pull-interval", "60s")
"""More than that: what comes in time was told, not found by asking again."""


@pytest.fixture
def chain(tmp_path: Path, repo: Path, start: Callable[..., Daemon]) -> list[Daemon]:
    """The primary, its secondary, and a secondary of that one."""
    keys = tmp_path / "keys"
    new_reader(keys)
    daemons: list[Daemon] = []
    for at, path in enumerate((repo, tmp_path / "middle", tmp_path / "end")):
        place = f"127.0.0.1:{free_ports(1)[0]}"
        serving = ["--replicate-listen", place, "--replicate-name", f"n{at}", "--keys", keys]
        above = []
        if daemons:
            url = f"http://127.0.0.1:{daemons[-1].port('replication')}"
            above = ["--primary", url, "--primary-name", f"n{at - 1}", "--key", "k1", *SELDOM]
        daemons.append(start(path, *serving, *above))
    for daemon in daemons:
        until(lambda daemon=daemon: rcode(ask(daemon.port(), "example.org", 6)) == 0, "the zone everywhere")
    return daemons


def soon(condition: Callable[[], object], what: str) -> None:
    """Something comes about without anybody asking again."""
    until(condition, what, SOON)


def refs(path: Path) -> dict[str, bytes]:
    store = LmdbStore.open(path, readonly=True)
    try:
        assert fsck(store).problems == []
        with store.read() as reader:
            found = {name: oid for name, oid in reader.refs() if not name.startswith("refs/remotes/")}
            return {**found, "root": reader.index_root}
    finally:
        store.close()


def test_changes_resets_new_zones_and_ends_travel_through(tmp_path: Path, repo: Path, chain: list[Daemon]) -> None:
    ports = [daemon.port() for daemon in chain]
    with Repository.open(repo) as primary:
        for last in range(1, 6):
            primary.set("www", 1, 60, [bytes([192, 0, 2, last])])
            soon(
                lambda last=last: all(bytes([192, 0, 2, last]) in ask(port, "www.example.org") for port in ports),
                "the change at both",
            )
        before = primary.resolve("HEAD")
        primary.reset("HEAD~3")
        soon(lambda: all(bytes([192, 0, 2, 2]) in ask(port, "www.example.org") for port in ports), "the reset")
        assert {serial_of(port, "example.org") for port in ports} == {before.commit.serial + 1}
        primary.import_zone(parsed(OTHER), source="other")
        soon(lambda: all(rcode(ask(port, "example.net", 6)) == 0 for port in ports), "the new zone at both")
        primary.create_branch("next", zone="example.net.")
        primary.create_tag("v1", zone="example.org.", message="a tag that is an object")
        primary.remove_zone("example.net.")
        soon(lambda: all(rcode(ask(port, "example.net", 6)) == 5 for port in ports), "the zone's end at both")
        primary.delete_tag("v1", zone="example.org.")
        primary.create_tag("v2", zone="example.org.", message="the last that happens")
    paths = (repo, tmp_path / "middle", tmp_path / "end")
    until(lambda: len({index_root(path) for path in paths}) == 1, "the same refs everywhere")
    for daemon in chain:
        assert daemon.stop() == 0
    assert refs(repo) == refs(tmp_path / "middle") == refs(tmp_path / "end")


def test_the_end_catches_up_when_the_middle_was_away(
    tmp_path: Path, repo: Path, chain: list[Daemon], start: Callable[..., Daemon]
) -> None:
    first, middle, end = chain
    listen = f"127.0.0.1:{middle.port('replication')}"
    middle.stop()
    with Repository.open(repo) as primary:
        primary.set("www", 1, 60, [bytes([192, 0, 2, 99])])
    assert rcode(ask(end.port(), "example.org", 6)) == 0, "the end goes on answering"
    keys = ["--keys", tmp_path / "keys"]
    above = ["--primary", f"http://127.0.0.1:{first.port('replication')}", "--primary-name", "n0", "--key", "k1"]
    start(tmp_path / "middle", "--replicate-listen", listen, "--replicate-name", "n1", *keys, *above)
    until(lambda: bytes([192, 0, 2, 99]) in ask(end.port(), "www.example.org"), "the change at the end")
