"""A secondary that verifies, and a primary in the wrong hands: what is served stays what was signed."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from daemonkit import Daemon, ask, rcode, serial_of, until
from peerkit import free_ports
from policykit import ORG, Node, published_in, same_heads
from sshkit import private_key, write_key
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.repo.reviews import Review
from zonegit.ssh.signing import public_key
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate

ADA: Final = ("--author", "Ada <ada@example.org>", "-S")
MAIN: Final = head(f"{ORG}.", "main")
CHILD: Final = f"www.{ORG}"
REFUSED: Final = 5


class Pair(NamedTuple):
    """Both nodes; the secondary has the policy, and serves 192.0.2.7, which Ada signed."""

    primary: Node
    secondary: Daemon
    mirror: Path
    file: Path
    """The secondary's configuration."""

    def serves(self, name: str, address: str) -> bool:
        return bytes(map(int, address.split("."))) in ask(self.secondary.port(), f"{name}.{ORG}", tries=3)

    def follows(self) -> None:
        """Wait until the secondary has all commits of the primary."""
        until(lambda: same_heads(self.primary.repo, self.mirror), "all commits at the secondary")

    def signed(self, last: int) -> ObjectId:
        """A commit by Ada, which the secondary serves."""
        self.primary.set("www", last, *ADA)
        until(lambda: self.serves("www", f"192.0.2.{last}"), "what Ada signed")
        with Repository.open(self.primary.repo, readonly=True) as repository:
            return repository.resolve("main", zone=ORG).id

    def moves(self, old: ObjectId | None, new: ObjectId | None) -> None:
        """Whoever has the primary moves the branch, as no verb would."""
        store = LmdbStore.open(self.primary.repo)
        with store.write() as writer:
            writer.move_refs([RefUpdate(MAIN, old, new)], Stamp("Eve", 1), "")
        store.close()


@pytest.fixture
def pair(repo: Path, tmp_path: Path, start: Callable[..., Daemon]) -> Pair:
    (port,) = free_ports(1)
    keys, signers = tmp_path / "keys", tmp_path / "allowed_signers"
    new_key(keys, "k1", (parse_scope("read:*"),), time.time, os.urandom)
    made = private_key()
    signers.write_text(f"ada@example.org {public_key(made).line}\n")
    primary = Node(repo, start)
    primary.more = f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{port}"\nname = "primary-1"\n'
    assert primary.zonegit("config", "user.signingkey", str(write_key(tmp_path / "key", made))).returncode == 0
    primary.start()
    mirror, file = tmp_path / "mirror", tmp_path / "mirror.toml"
    Repository.init(mirror).close()
    followed = (
        f'keys = "{keys}"\n[metrics]\nlisten = "127.0.0.1:0"\n'
        f'[primary]\nurl = "http://127.0.0.1:{port}"\nname = "primary-1"\npull_interval = "1s"\n'
    )
    file.write_text(followed)
    secondary = start(mirror, "--config", file)
    until(lambda: rcode(ask(secondary.port(), f"www.{ORG}", tries=3)) == 0, "the zone")
    policy = f'[zone."{ORG}.".publish]\nrequire_signed = true\nallowed_signers = "{signers}"\n'
    file.write_text(f"{followed}{policy}")
    secondary.process.send_signal(signal.SIGHUP)
    until(lambda: published_in(mirror), "the first version")
    found = Pair(primary, secondary, mirror, file)
    found.signed(7)
    return found


def test_a_secondary_that_verifies_serves_nothing_that_nobody_signed(pair: Pair) -> None:
    node = pair.primary
    node.set("www", 66)
    assert "reason=unsigned" in pair.secondary.logged("not publishing a commit")
    node.set("www", 8, *ADA)
    pair.follows()
    assert pair.serves("www", "192.0.2.7")
    assert node.answers("www", 8)
    assert node.zonegit("reset", "--hard", "HEAD~2", *ADA).returncode == 0
    pair.signed(9)


def test_what_the_primary_publishes_by_itself_is_not_served(pair: Pair) -> None:
    node = pair.primary
    node.configure("max_deletes = 1000")
    node.daemon.process.send_signal(signal.SIGHUP)
    until(node.published, "its own version")
    node.set("www", 66)
    until(lambda: node.answers("www", 66), "what the primary publishes")
    assert "reason=unsigned" in pair.secondary.logged("not publishing a commit")
    pair.follows()
    assert pair.serves("www", "192.0.2.7")


def test_what_was_signed_once_is_not_served_again(pair: Pair) -> None:
    """The branch is moved back; then it is deleted, and begins again at the old commit."""
    with Repository.open(pair.mirror, readonly=True) as repository:
        old = repository.resolve("main", zone=ORG).id
    new = pair.signed(8)
    serial = serial_of(pair.secondary.port(), ORG)
    pair.moves(new, old)
    pair.follows()
    until(lambda: pair.primary.answers("www", 7), "the old version at the primary")
    assert "reason=rewound" in pair.secondary.logged("not publishing a commit")
    assert pair.serves("www", "192.0.2.8")
    pair.moves(old, None)
    pair.follows()
    until(lambda: pair.secondary.has("reason=unsigned"), "what holds the removal")
    assert pair.serves("www", "192.0.2.8"), "nobody signed the removal"
    pair.moves(None, old)
    pair.follows()
    until(lambda: pair.secondary.count("reason=rewound") == 2, "what holds the old version")
    assert pair.serves("www", "192.0.2.8")
    pair.moves(old, new)
    pair.follows()
    pair.signed(9)
    assert serial_of(pair.secondary.port(), ORG) > serial


def test_a_zone_that_is_gone_at_the_primary_ends_with_the_policy(pair: Pair) -> None:
    assert pair.primary.zonegit("zone", "remove", ORG).returncode == 0
    line = pair.secondary.logged("reason=unsigned")
    assert "the branch is gone at the peer without a tombstone that is signed" in line
    assert "remove the zone's policy here if it isn't to be served any more" in line
    assert pair.serves("www", "192.0.2.7")
    pair.file.write_text(pair.file.read_text().partition("[zone.")[0])
    pair.secondary.process.send_signal(signal.SIGHUP)
    until(lambda: rcode(ask(pair.secondary.port(), f"www.{ORG}", tries=3)) == REFUSED, "the end")


def test_a_new_zone_takes_no_names_over(pair: Pair, tmp_path: Path) -> None:
    """A child zone would answer for its names (RFC 1034 §4.3.2): it needs a policy of its own, and a signature."""
    node = pair.primary
    assert node.zonegit("zone", "add", CHILD, "--ns", "ns1.example.net.").returncode == 0
    assert node.zonegit("--zone", CHILD, "set", "@", "A", "60", "203.0.113.66").returncode == 0
    until(lambda: bytes([203, 0, 113, 66]) in ask(node.daemon.port(), CHILD, tries=3), "the zone at the primary")
    line = pair.secondary.logged("cannot accept a zone from the primary")
    assert f"zone={CHILD}. " in line
    assert f"it would take over names of {ORG}., which has a policy here" in line
    assert pair.serves("www", "192.0.2.7")
    pair.signed(8)
    with pair.file.open("a") as file:
        file.write(
            f'[zone."{CHILD}.".publish]\nrequire_signed = true\n'
            f'allowed_signers = "{tmp_path / "allowed_signers"}"\n'
        )
    pair.secondary.process.send_signal(signal.SIGHUP)
    pair.secondary.logged("accepting zones from the primary again")
    pair.follows()
    assert pair.serves("www", "192.0.2.8"), "nobody signed what the new zone has"
    assert node.zonegit("zone", "remove", CHILD).returncode == 0
    assert node.zonegit("zone", "add", CHILD, "--ns", "ns1.example.net.", *ADA).returncode == 0
    assert node.zonegit("--zone", CHILD, "set", "@", "A", "60", "192.0.2.99", *ADA).returncode == 0
    until(lambda: pair.serves("www", "192.0.2.99"), "the new zone, which Ada signed")


def test_only_approvals_by_allowed_keys_count(pair: Pair, tmp_path: Path, start: Callable[..., Daemon]) -> None:
    """Reviews come from the primary, who may make some in other names; the secondary judges their signatures."""
    node, bob = pair.primary, ("--author", "Bob <bob@example.org>")
    approvers = tmp_path / "allowed_approvers"
    approvers.write_text(f"bob@example.org {public_key(private_key(number=1)).line}\n")
    with pair.file.open("a") as file:
        file.write(f'approvals = 1\nallowed_approvers = "{approvers}"\n')
    pair.secondary.stop()
    pair = pair._replace(secondary=start(pair.mirror, "--config", pair.file))
    node.set("www", 8, *ADA)
    assert "has 0 of 1 approvals" in pair.secondary.logged("reason=approvals")
    for number, wrong in ((2, True), (1, False)):
        key = write_key(tmp_path / f"key{number}", private_key(number=number))
        assert node.zonegit("config", "user.signingkey", str(key)).returncode == 0
        assert node.zonegit("approve", *bob).returncode == 0
        if wrong:
            until(lambda: len(reviews(pair.mirror)) == 1, "the forged approval at the secondary")
            assert pair.serves("www", "192.0.2.7")
    until(lambda: pair.serves("www", "192.0.2.8"), "what Bob approved of")


def reviews(repo: Path) -> list[Review]:
    with Repository.open(repo, readonly=True) as repository:
        return repository.reviews(ORG)
