"""Reviews that are made at another node than the one that publishes. As processes."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from commandkit import Command
from daemonkit import Daemon, ask, until
from peerkit import free_ports
from sshkit import private_key, write_key
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.repo import Repository
from zonegit.ssh.signing import public_key
from zonegit.store.lmdb import LmdbStore

ORG = "example.org"
ADA, BOB = "Ada <ada@example.org>", "Bob <bob@example.org>"


def reviews(repo: Path) -> dict[RefName, ObjectId]:
    store = LmdbStore.open(repo, readonly=True)
    try:
        with store.read() as reader:
            return dict(reader.refs("refs/reviews/"))
    finally:
        store.close()


class Fleet:
    """A primary that publishes what somebody else approved, a secondary of it, and a reviewer's laptop."""

    def __init__(self, top: Path, repo: Path, start: Callable[..., Daemon]) -> None:
        (port,) = free_ports(1)
        keys, approvers = top / "keys", top / "allowed_approvers"
        scopes = (parse_scope("read:*"), parse_scope("push:*"))
        new_key(keys, "k1", scopes, time.time, os.urandom)
        made = private_key()
        self.key = write_key(top / "key", made)
        approvers.write_text(f"bob@example.org {public_key(made).line}\n")
        self.primary, self.mirror, self.url = Command(repo), Command(top / "mirror"), f"http://127.0.0.1:{port}"
        self.laptop, self.keys = Command(top / "laptop"), keys
        (repo / "zonegitd.toml").write_text(
            f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{port}"\nname = "p1"\n'
            f'[zone."{ORG}.".publish]\napprovals = 1\nallowed_approvers = "{approvers}"\n'
        )
        self.daemon = start(repo, "--config", repo / "zonegitd.toml")
        Repository.init(self.mirror.repo).close()
        file = top / "mirror.toml"
        file.write_text(f'keys = "{keys}"\n[primary]\nurl = "{self.url}"\nname = "p1"\npull_interval = "1s"\n')
        self.secondary = start(self.mirror.repo, "--config", file)
        done = self.laptop("clone", self.url, "--name", "p1", "--keys", keys)
        assert done.code == 0, done
        assert self.laptop("config", "user.signingkey", self.key).code == 0

    def commit(self, name: str, last: int) -> None:
        done = self.primary("set", name, "A", "60", f"192.0.2.{last}", "--author", ADA)
        assert done.code == 0, done

    def answers(self, name: str, last: int) -> bool:
        at = (self.daemon, self.secondary)
        return all(bytes([192, 0, 2, last]) in ask(each.port(), f"{name}.{ORG}", tries=3) for each in at)


@pytest.fixture
def fleet(tmp_path: Path, repo: Path, start: Callable[..., Daemon]) -> Fleet:
    return Fleet(tmp_path, repo, start)


def test_a_laptop_approves_and_the_primary_publishes(fleet: Fleet) -> None:
    laptop = fleet.laptop
    until(lambda: fleet.answers("www", 10), "the first version")
    fleet.commit("new", 7)
    fleet.daemon.logged("reason=approvals")
    assert laptop("pull").code == 0
    assert laptop("approve", "--author", BOB).code == 0
    tried = laptop("push", "--dry-run")
    assert (tried.code, tried.out.split()) == (0, ["example.org.", "1", "review", "would", "be", "new"]), tried
    assert reviews(fleet.primary.repo) == {}
    done = laptop("push")
    assert (done.code, done.out.split()) == (0, ["example.org.", "1", "review", "new"]), done
    assert "pushed to p1: 1 review, 1 object" in done.err
    until(lambda: fleet.answers("new", 7), "the approved commit, at both")
    until(lambda: reviews(fleet.mirror.repo) == reviews(laptop.repo) != {}, "the review at the secondary")
    again = laptop("push")
    assert (again.code, again.out, "nothing new to push" in again.err) == (0, "", True), again
    other = Command(laptop.repo.with_name("other"))
    assert other("clone", fleet.url, "--name", "p1", "--keys", fleet.keys).code == 0
    assert reviews(other.repo) == reviews(laptop.repo)
    assert laptop("reject", "HEAD", "--author", BOB, "-m", "after all not").code == 0
    assert laptop("push").code == 0
    looked = json.loads(other("pull", "--dry-run", "--json").out)
    assert [(each["kind"], each["standing"]) for each in looked["refs"]] == [("reviews", "behind")]
    assert "1 review  " in other("pull", "--dry-run").out
    pulled = other("pull")
    assert (pulled.code, pulled.out.split()) == (0, ["example.org.", "1", "review", "newer"]), pulled
    assert reviews(other.repo) == reviews(laptop.repo)


def test_a_secondary_approves(fleet: Fleet) -> None:
    until(lambda: fleet.answers("www", 10), "the first version")
    fleet.commit("new", 7)
    fleet.daemon.logged("reason=approvals")
    at_both = "the commit at the secondary"
    until(lambda: fleet.mirror("log", "--oneline").out.count("\n") == 2, at_both)
    assert fleet.mirror("config", "user.signingkey", fleet.key).code == 0
    done = fleet.mirror("approve", "main", "--author", BOB)
    assert done.code == 0, done
    done = fleet.mirror("push", fleet.url, ORG, "--name", "p1", "--keys", fleet.keys)
    assert (done.code, "1 review" in done.out) == (0, True), done
    until(lambda: fleet.answers("new", 7), "the approved commit, at both")


def test_daemons_that_write_to_each_other_exchange_them(
    tmp_path: Path, repo: Path, start: Callable[..., Daemon]
) -> None:
    ports = free_ports(2)
    keys = tmp_path / "keys"
    new_key(keys, "k1", (parse_scope("read:*"), parse_scope("push:*")), time.time, os.urandom)
    one, two = Command(repo), Command(tmp_path / "two")
    Repository.init(two.repo).close()

    def run(command: Command, own: int, direction: str) -> Daemon:
        file = tmp_path / f"{ports[own]}.toml"
        name = ("one", "two")
        file.write_text(
            f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{ports[own]}"\nname = "{name[own]}"\n'
            f'[[peer]]\nname = "{name[1 - own]}"\nurl = "http://127.0.0.1:{ports[1 - own]}"\n'
            f'direction = "{direction}"\npolicy = "merge"\npull_interval = "1s"\n'
        )
        return start(command.repo, "--config", file)

    run(one, 0, "both")
    run(two, 1, "pull")
    until(lambda: two("log", "--oneline", "--zone", ORG).code == 0, "the zone at the other node")
    made = write_key(tmp_path / "key", private_key())
    for number, command in enumerate((one, two, one)):
        assert command("config", "user.signingkey", made).code == 0
        who = f"Eve <eve{number}@example.org>"
        done = command("approve", "main", "--zone", ORG, "--author", who)
        assert done.code == 0, done
        until(lambda: reviews(one.repo) == reviews(two.repo), "the review at both")
        assert len(reviews(one.repo)) == number + 1
