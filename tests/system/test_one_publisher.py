"""Three daemons that all write a zone, in a ring of two-way syncs, and one of them publishes it for all."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import storekit
from daemonkit import Daemon, ask, serial_of, until
from peerkit import free_ports
from repokit import ZONE, parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, published
from zonegit.repo import Repository

ORG = "example.org."
SHOWN = published(ORG, "main")
NAMES = ("ams", "fra", "lon")


class Node:
    """A repository and its daemon, with the two others as peers."""

    def __init__(self, top: Path, keys: Path, ports: dict[str, int], name: str) -> None:
        self.name, self.repo, self.file = name, top / name, top / f"{name}.toml"
        self._keys, self._ports = keys, ports
        self.daemon: Daemon

    def configure(self, *zone: str) -> None:
        peers = "".join(
            f'[[peer]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}"\npolicy = "merge"\nkey = "k1"\n'
            'pull_interval = "1s"\n'
            for name, port in self._ports.items()
            if name != self.name
        )
        self.file.write_text(
            f'keys = "{self._keys}"\n[replication]\nlisten = "127.0.0.1:{self._ports[self.name]}"\n'
            f'name = "{self.name}"\n{peers}' + "\n".join(zone) + "\n"
        )

    def set(self, name: str, last: int) -> None:
        self.zonegit("set", name, "A", "60", f"192.0.2.{last}")

    def zonegit(self, *argv: str) -> None:
        command = [
            sys.executable,
            "-m",
            "zonegit.cli.main",
            "--repo",
            str(self.repo),
            "--zone",
            "example.org",
            *argv,
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    def answers(self, name: str, last: int) -> bool:
        return bytes([192, 0, 2, last]) in ask(self.daemon.port(), f"{name}.example.org", tries=3)

    def refs(self) -> dict[RefName, ObjectId]:
        """Its branches and what is published of them."""
        return storekit.heads(self.repo) | storekit.refs(self.repo, "refs/published/")


@pytest.fixture
def nodes(tmp_path: Path) -> list[Node]:
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    made = [Node(tmp_path, tmp_path / "keys", ports, name) for name in NAMES]
    with Repository.init(made[0].repo) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    for node in made[1:]:
        Repository.init(node.repo).close()
    return made


def begin(nodes: list[Node], start: Callable[..., Daemon], *policy: str) -> None:
    """Start all; the first publishes."""
    ams, *others = nodes
    ams.configure(*policy)
    for node in others:
        node.configure(f'[zone."{ORG}"]', 'publisher = "ams"')
    for node in nodes:
        node.daemon = start(node.repo, "--config", node.file)
    until(lambda: same(nodes), "the first version at all nodes")


def same(nodes: list[Node]) -> bool:
    """Whether all have the same branches, and serve the same version."""
    first, *others = [node.refs() for node in nodes]
    return SHOWN in first and all(each == first for each in others)


def test_each_writes_and_all_serve_what_one_publishes(nodes: list[Node], start: Callable[..., Daemon]) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]', "max_deletes = 100")
    for turn in (1, 2):
        for at, node in enumerate(nodes):
            node.set(f"n{at}", 10 * turn + at)
        for at, node in enumerate(nodes):
            until(
                lambda at=at, last=10 * turn + at: all(it.answers(f"n{at}", last) for it in nodes),  # type: ignore[misc]
                f"what {node.name} wrote, at all",
            )
    until(lambda: same(nodes), "the same version at all nodes")
    assert len({serial_of(node.daemon.port(), "example.org") for node in nodes}) == 1


def test_what_the_publisher_holds_nobody_serves(nodes: list[Node], start: Callable[..., Daemon]) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]', "max_deletes = 1")
    ams, fra, lon = nodes
    before = ams.refs()[SHOWN]
    fra.zonegit("delete", "www")
    ams.daemon.logged("reason=max-deletes")
    until(lambda: same(nodes), "the commit at all nodes")
    assert lon.refs()[SHOWN] == before
    assert all(node.answers("www", 10) for node in nodes)
    lon.set("www", 10)
    lon.set("late", 77)
    until(lambda: all(node.answers("late", 77) for node in nodes), "what restores most of it, at all")
    assert all(node.answers("www", 10) for node in nodes)


def test_a_publisher_that_is_away_leaves_its_last_version_in_service(
    nodes: list[Node], start: Callable[..., Daemon]
) -> None:
    begin(nodes, start, f'[zone."{ORG}".publish]')
    ams, fra, lon = nodes
    before = ams.refs()[SHOWN]
    ams.daemon.stop()
    fra.set("new", 5)
    until(lambda: fra.refs() == lon.refs(), "the commit at the other one")
    assert fra.refs()[SHOWN] == before
    fra.daemon.stop()
    fra.daemon = start(fra.repo, "--config", fra.file)
    assert not fra.answers("new", 5) and not lon.answers("new", 5)
    ams.daemon = start(ams.repo, "--config", ams.file)
    until(lambda: all(node.answers("new", 5) for node in nodes), "the commit, served by all")
    until(lambda: same(nodes), "the same version at all nodes")
