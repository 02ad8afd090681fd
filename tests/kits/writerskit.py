"""Three nodes that all write a zone, each a peer of the two others, and one of them publishes it for all."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import storekit
from daemonkit import Daemon, ask, until
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
        self.name, self.repo = name, top / name
        self.file = self.repo / "zonegitd.toml"
        self._keys, self._ports = keys, ports
        self.daemon: Daemon

    def configure(self, *zone: str, top: str = "") -> None:
        """Write the configuration. `top`: settings in front of all tables."""
        peers = "".join(
            f'[[peer]]\nname = "{name}"\nurl = "http://127.0.0.1:{port}"\npolicy = "merge"\nkey = "k1"\n'
            'pull_interval = "1s"\n'
            for name, port in self._ports.items()
            if name != self.name
        )
        self.file.write_text(
            f'{top}keys = "{self._keys}"\n[replication]\nlisten = "127.0.0.1:{self._ports[self.name]}"\n'
            f'name = "{self.name}"\n{peers}' + "\n".join(zone) + "\n"
        )

    def set(self, name: str, last: int) -> None:
        self.zonegit("set", name, "A", "60", f"192.0.2.{last}")

    def zonegit(self, *argv: str) -> str:
        """What the command prints."""
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(self.repo), "--zone", "example.org"]
        done = subprocess.run([*command, *argv], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def answers(self, name: str, last: int) -> bool:
        return bytes([192, 0, 2, last]) in ask(self.daemon.port(), f"{name}.example.org", tries=3)

    def refs(self) -> dict[RefName, ObjectId]:
        """Its branches and what is published of them."""
        return storekit.heads(self.repo) | storekit.refs(self.repo, "refs/published/")


def three_nodes(tmp_path: Path) -> list[Node]:
    """The first one has the zone; no daemon runs yet."""
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    ports = dict(zip(NAMES, free_ports(len(NAMES)), strict=True))
    made = [Node(tmp_path, tmp_path / "keys", ports, name) for name in NAMES]
    with Repository.init(made[0].repo) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    for node in made[1:]:
        Repository.init(node.repo).close()
    return made


def begin(nodes: list[Node], start: Callable[..., Daemon], *policy: str, top: str = "") -> None:
    """Start all; the first publishes."""
    ams, *others = nodes
    ams.configure(*policy, top=top)
    for node in others:
        node.configure(f'[zone."{ORG}"]', 'publisher = "ams"')
    for node in nodes:
        node.daemon = start(node.repo, "--config", node.file)
    until(lambda: same(nodes), "the first version at all nodes")


def same(nodes: list[Node]) -> bool:
    """Whether all have the same branches, and serve the same version."""
    first, *others = [node.refs() for node in nodes]
    return SHOWN in first and all(each == first for each in others)
