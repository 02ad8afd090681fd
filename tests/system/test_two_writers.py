"""Two daemons that both write a zone and pull from each other. As processes."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import storekit
from daemonkit import Daemon, ask, page, rcode, until
from peerkit import free_ports
from repokit import ZONE, parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.repo import Repository

NAMES = ("ams", "fra")
NXDOMAIN, REFUSED = 3, 5


class Node:
    """A repository and its daemon, with the other one as a peer."""

    def __init__(self, top: Path, keys: Path, ports: list[int], at: int, start: Callable[..., Daemon]) -> None:
        self.repo, self._start, self._ports, self._at = top / NAMES[at], start, ports, at
        self.keys, self.file = keys, top / f"{NAMES[at]}.toml"
        self.name, self.other, self.port = NAMES[at], NAMES[1 - at], ports[at]
        self.daemon: Daemon

    def configure(self, policy: str, *more: str, direction: str = "pull") -> None:
        other = 1 - self._at
        self.file.write_text(
            f"""keys = "{self.keys}"
[replication]
listen = "127.0.0.1:{self._ports[self._at]}"
name = "{NAMES[self._at]}"
[metrics]
listen = "127.0.0.1:0"
[[peer]]
name = "{NAMES[other]}"
url = "http://127.0.0.1:{self._ports[other]}"
direction = "{direction}"
policy = "{policy}"
key = "k1"
pull_interval = "1s"
"""
            + "\n".join(more)
        )

    def start(self) -> None:
        self.daemon = self._start(self.repo, "--config", self.file)

    def zonegit(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(self.repo), *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def set(self, name: str, last: int) -> None:
        done = self.zonegit("--zone", "example.org", "set", name, "A", "60", f"192.0.2.{last}")
        assert done.returncode == 0, done.stderr

    def alias(self, target: str) -> None:
        done = self.zonegit("--zone", "example.org", "set", "alias", "CNAME", "60", target)
        assert done.returncode == 0, done.stderr

    def leads_to(self, target: str) -> bool:
        """Whether the alias does."""
        return target.encode() in ask(self.daemon.port(), "alias.example.org", 5, tries=3)

    def answers(self, name: str, last: int) -> bool:
        return bytes([192, 0, 2, last]) in ask(self.daemon.port(), f"{name}.example.org", tries=3)

    def heads(self) -> dict[RefName, ObjectId]:
        return storekit.heads(self.repo)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the key k1, which may read and push everything."""
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"), parse_scope("push:*")), time.time, os.urandom)
    return tmp_path / "keys"


@pytest.fixture
def nodes(tmp_path: Path, keys: Path, start: Callable[..., Daemon]) -> tuple[Node, Node]:
    """Two repositories with the same example.org, whose daemons don't run yet."""
    ports = free_ports(2)
    ams, fra = (Node(tmp_path, keys, ports, at, start) for at in (0, 1))
    with Repository.init(ams.repo) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    Repository.init(fra.repo).close()
    return ams, fra


def same(ams: Node, fra: Node) -> bool:
    return ams.heads() == fra.heads()


def both_run(ams: Node, fra: Node, policy: str, *more: str, direction: str = "pull") -> None:
    for node in (ams, fra):
        node.configure(policy, *more, direction=direction)
        node.start()
    until(lambda: same(ams, fra) and fra.heads(), "the zone at both")


def test_what_both_write_becomes_the_same_at_both(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    both_run(ams, fra, "merge")
    for turn in range(1, 6):
        ams.set("a", turn)
        fra.set("b", 10 + turn)
        ams.set("both", 20 + turn)
        fra.set("both", 30 + turn)
        until(lambda: same(ams, fra), "the same heads at both")
    until(lambda: all(node.answers("a", 5) and node.answers("b", 15) for node in nodes), "both changes, served")
    fra.daemon.stop()
    ams.set("late", 77)
    fra.set("later", 78)
    fra.start()
    until(lambda: same(ams, fra) and fra.answers("late", 77) and ams.answers("later", 78), "what was missed")
    until(lambda: any(node.daemon.has("merged the changes of both sides") for node in nodes), "a line of a merge")
    for node in nodes:
        node.daemon.caught_up("puller")
    assert not [
        line for node in nodes for line in node.daemon.log if "has diverged" in line or "unexpected" in line
    ]


def test_sides_that_contradict_each_other_are_held_apart_until_somebody_merges(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    both_run(ams, fra, "hold")
    fra.daemon.stop()
    ams.alias("one")
    fra.alias("two")
    before = ams.heads()
    fra.start()
    for node in nodes:
        node.daemon.logged("a branch has diverged")
        until(
            lambda node=node: 'zonegit_diverged{zone="example.org."} 1.0' in page(node.daemon, "/metrics"),  # type: ignore[misc]
            "the metric",
        )
        assert page(node.daemon, "/readyz") == "ready\ndiverged: example.org.\n"
        assert "has diverged from" in node.zonegit("status").stderr
    assert ams.heads() == before
    assert ams.leads_to("one") and fra.leads_to("two"), "both go on serving what they have"
    merged = ams.zonegit("--zone", "example.org", "merge", "fra/main", "--ours")
    assert merged.returncode == 0, merged.stderr
    until(lambda: same(ams, fra) and fra.leads_to("one"), "the merge at both")
    for node in nodes:
        until(lambda node=node: page(node.daemon, "/readyz") == "ready\n", "nothing diverges any more")  # type: ignore[misc]


def test_a_restored_node_is_refused_until_its_peer_is_told(nodes: tuple[Node, Node], tmp_path: Path) -> None:
    """As docs/sync.md has it."""
    ams, fra = nodes
    both_run(ams, fra, "merge")
    ams.set("a", 1)
    assert ams.zonegit("backup", str(tmp_path / "b.backup")).returncode == 0
    ams.set("a", 2)
    until(lambda: same(ams, fra), "the commit at the other node")
    lost = ams.heads()
    ams.daemon.stop()
    assert ams.zonegit("restore", str(tmp_path / "b.backup")).returncode == 0
    assert ams.heads() != lost
    ams.start()
    until(lambda: ams.heads() == lost, "what was lost")
    ams.set("b", 3)
    fra.daemon.logged("run: zonegit peer accept-epoch ams")
    assert fra.heads() == lost
    assert fra.zonegit("peer", "accept-epoch", "ams").returncode == 0
    fra.daemon.signal(signal.SIGHUP)
    until(lambda: same(ams, fra) and fra.answers("b", 3), "the new commit at the other node")


@pytest.mark.parametrize("direction", ["pull", "both"])
def test_a_node_that_holds_does_not_take_what_the_other_one_merged_by_rules(
    nodes: tuple[Node, Node], direction: str
) -> None:
    ams, fra = nodes
    both_run(ams, fra, "merge", direction=direction)
    fra.daemon.stop()
    ams.daemon.stop()
    ams.configure("hold")
    fra.configure("merge", direction=direction)
    ams.start()
    ams.alias("one")
    fra.alias("two")
    fra.start()
    ams.daemon.logged("a branch has diverged")
    fra.daemon.logged("merged the changes of both sides")
    decided = "it was merged at fra, and rules decided where 1 RRset conflicts: alias.example.org. CNAME"
    until(lambda: decided in ams.zonegit("status").stderr, "the note")
    assert ams.leads_to("one"), "it goes on serving what it has"
    assert not same(ams, fra)
    if direction == "pull":
        settled = fra.zonegit("--zone", "example.org", "set", "alias", "CNAME", "60", "three")
        assert settled.returncode == 0, settled.stderr
        until(lambda: same(ams, fra) and ams.leads_to("three"), "what somebody made on top")
    else:
        settled = ams.zonegit("--zone", "example.org", "merge", "fra/main")
        assert settled.returncode == 0, settled.stderr
        until(lambda: same(ams, fra), "what somebody took")
        assert "alias.example.org. CNAME" in ams.zonegit("--zone", "example.org", "log", "--conflicts").stdout
    until(lambda: page(ams.daemon, "/readyz") == "ready\n", "nothing diverges any more")


def test_a_policy_of_one_zone_and_a_reload(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    both_run(ams, fra, "merge", '[zone."example.org."]', 'merge = "hold"')
    fra.daemon.stop()
    ams.alias("one")
    fra.alias("two")
    fra.start()
    for node in nodes:
        node.daemon.logged("a branch has diverged")
        node.configure("merge")
        node.daemon.signal(signal.SIGHUP)
    until(lambda: same(ams, fra), "the merge at both")


def listen_only(node: Node, policy: str) -> None:
    """Let a node know the other one, which is the only one that calls."""
    node.file.write_text(
        f"""keys = "{node.keys}"
[replication]
listen = "127.0.0.1:{node.port}"
name = "{node.name}"
[metrics]
listen = "127.0.0.1:0"
[[peer]]
name = "{node.other}"
policy = "{policy}"
key = "k1"
"""
    )


def test_only_one_of_two_that_write_can_call_the_other(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    ams.configure("merge", direction="both")
    listen_only(fra, "merge")
    fra.start()
    ams.start()
    until(lambda: same(ams, fra) and fra.heads(), "the zone, pushed")
    for turn in range(1, 4):
        ams.set("a", turn)
        fra.set("b", 10 + turn)
        until(lambda: same(ams, fra), "the same heads at both")
    until(lambda: fra.answers("a", 3) and ams.answers("b", 13), "both changes, served")
    fra.daemon.stop()
    ams.set("late", 77)
    fra.set("later", 78)
    ams.daemon.logged("push failed")
    fra.start()
    until(lambda: same(ams, fra) and fra.answers("late", 77) and ams.answers("later", 78), "what was missed")
    done = ams.zonegit("tag", "--zone", "example.org", "v1")
    assert done.returncode == 0, done.stderr
    until(lambda: "v1" in fra.zonegit("tag", "--zone", "example.org").stdout, "the tag")


def test_a_node_that_is_pushed_to_and_changed_is_told_of(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    ams.configure("ff-only", direction="push")
    listen_only(fra, "ff-only")
    fra.start()
    ams.start()
    until(lambda: same(ams, fra) and fra.heads(), "the zone, pushed")
    ams.set("a", 1)
    until(lambda: fra.answers("a", 1), "a change")
    fra.alias("two")
    until(lambda: 'zonegit_sync_unpushed_refs{peer="fra"} 0.0' in page(ams.daemon, "/metrics"), "the metric")
    assert not ams.leads_to("two"), "nothing is pulled"
    ams.alias("one")
    ams.daemon.logged("the peer refuses a branch")
    until(lambda: 'zonegit_sync_unpushed_refs{peer="fra"} 1.0' in page(ams.daemon, "/metrics"), "the metric")
    until(lambda: page(ams.daemon, "/readyz") == "ready\ndiverged: example.org.\n", "the remark")
    assert fra.leads_to("two") and ams.leads_to("one")
    merged = ams.zonegit("--zone", "example.org", "merge", "fra/main", "--theirs")
    assert merged.returncode == 0, merged.stderr
    until(lambda: same(ams, fra), "the merge")
    until(lambda: 'zonegit_sync_unpushed_refs{peer="fra"} 0.0' in page(ams.daemon, "/metrics"), "the metric")


def test_a_zone_that_one_removes_is_gone_at_both_until_it_begins_again(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    both_run(ams, fra, "merge")
    fra.daemon.stop()
    removed = ams.zonegit("zone", "remove", "example.org", "--tombstone")
    assert removed.returncode == 0, removed.stderr
    until(lambda: rcode(ask(ams.daemon.port(), "www.example.org", tries=3)) == REFUSED, "no zone at the one")
    fra.start()
    until(lambda: rcode(ask(fra.daemon.port(), "www.example.org", tries=3)) == REFUSED, "no zone at the other")
    until(lambda: same(ams, fra), "the same heads at both")
    fra.daemon.logged("the peer removed a branch")
    assert fra.zonegit("zone", "list").stdout == ""
    begun = fra.zonegit("zone", "add", "example.org")
    assert begun.returncode == 0, begun.stderr
    fra.set("www", 99)
    until(lambda: same(ams, fra) and ams.answers("www", 99), "the new zone at both")
    assert rcode(ask(ams.daemon.port(), "mail.example.org", tries=3)) == NXDOMAIN


def test_a_zone_that_one_removes_while_the_other_changes_it_stays(nodes: tuple[Node, Node]) -> None:
    ams, fra = nodes
    both_run(ams, fra, "merge")
    fra.daemon.stop()
    fra.set("late", 9)
    done = ams.zonegit("zone", "remove", "example.org", "--tombstone")
    assert done.returncode == 0, done.stderr
    fra.start()
    for node in nodes:
        until(lambda node=node: node.answers("late", 9), "the zone, that was changed meanwhile")  # type: ignore[misc]
    until(lambda: same(ams, fra), "the same at both")


def test_a_chain_of_three_and_a_peer_that_comes_by_a_reload(
    nodes: tuple[Node, Node], tmp_path: Path, keys: Path, start: Callable[..., Daemon]
) -> None:
    """The one in the middle calls both others, which only listen."""
    ams, fra = nodes
    lon = Node(tmp_path, keys, [*free_ports(1), fra.port], 0, start)
    lon.name, lon.repo, lon.file = "lon", tmp_path / "lon", tmp_path / "lon.toml"
    Repository.init(lon.repo).close()
    listen_only(ams, "merge")
    listen_only(lon, "merge")
    fra.configure("merge", direction="both")
    for node in (ams, lon, fra):
        node.start()
    until(lambda: same(ams, fra) and fra.heads(), "the zone in the middle")
    assert not lon.heads()
    third = f"""[[peer]]
name = "lon"
url = "http://127.0.0.1:{lon.port}"
direction = "both"
policy = "merge"
key = "k1"
"""
    fra.file.write_text(fra.file.read_text() + third)
    fra.daemon.signal(signal.SIGHUP)
    until(lambda: same(ams, lon), "the zone at the end")
    ams.set("a", 1)
    lon.set("b", 2)
    fra.set("c", 3)
    until(lambda: same(ams, lon) and same(ams, fra), "all changes everywhere")
    for node in (ams, fra, lon):
        until(
            lambda node=node: node.answers("a", 1) and node.answers("b", 2) and node.answers("c", 3), "all, served"
        )  # type: ignore[misc]
