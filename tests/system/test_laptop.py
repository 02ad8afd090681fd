"""A laptop's day: clone, commit offline, push, pull, resolve a conflict, push again. As processes."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from commandkit import Command
from daemonkit import Daemon, ask, rcode, serial_of, until
from repokit import ZONE, parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.repo import Repository

ORG = "example.org."


class Site:
    """A zonegitd that takes pushes, and a laptop with a clone."""

    def __init__(self, top: Path, more: str = "") -> None:
        self.top, self.repo, self.keys = top, top / "repo", top / "keys"
        with Repository.init(self.repo) as repository:
            repository.import_zone(parsed(ZONE), source="example.org.zone")
        new_key(self.keys, "laptop", (parse_scope("read:*"), parse_scope("push:*")), time.time, os.urandom)
        file = self.repo / "zonegitd.toml"
        file.write_text(f'keys = "{self.keys}"\n[replication]\nlisten = "127.0.0.1:0"\nname = "ns1"\n{more}')
        self.daemon = Daemon.start(self.repo, "--config", file)
        self.url = f"http://127.0.0.1:{self.daemon.port('replication')}"
        self.laptop = Command(top / "laptop")

    def clone(self) -> None:
        done = self.laptop("clone", self.url, "--name", "ns1", "--keys", self.keys)
        assert done.code == 0, done

    def there(self, *argv: str) -> None:
        """A commit that somebody makes at the daemon's repository."""
        done = Command(self.repo)(*argv)
        assert done.code == 0, done

    def tip(self, repo: Path | None = None) -> bytes:
        with Repository.open(repo or self.repo, readonly=True) as repository:
            return repository.resolve("main", zone=ORG).id

    def address(self, name: str) -> str:
        """Of a name, over DNS."""
        return socket.inet_ntoa(ask(self.daemon.port(), name)[-4:])

    def close(self) -> None:
        self.daemon.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path)
    yield found
    found.close()


@pytest.fixture
def merging(tmp_path: Path) -> Iterator[Site]:
    found = Site(tmp_path, f'[zone."{ORG}"]\nmerge = "merge"\n')
    yield found
    found.close()


def test_a_day_with_a_conflict(site: Site) -> None:
    site.clone()
    laptop = site.laptop
    assert laptop("set", "www", "A", "60", "192.0.2.9").code == 0
    assert laptop("set", "ftp", "A", "60", "192.0.2.8").code == 0
    assert laptop("push").code == 0
    until(lambda: site.address("www.example.org") == "192.0.2.9", "the pushed commit in DNS")
    assert laptop("set", "www", "A", "60", "192.0.2.10").code == 0
    site.there("set", "www", "A", "60", "192.0.2.77")
    site.there("set", "mail", "A", "60", "192.0.2.78")
    before = site.tip()
    refused = laptop("push")
    assert (refused.code, refused.err.count("\n")) == (4, 1), refused
    assert "run 'zonegit pull ns1 example.org.:main', then push again" in refused.err
    assert site.tip() == before
    pulled = laptop("pull")
    assert pulled.code == 4, pulled
    assert "conflict: www.example.org. A" in pulled.out
    assert laptop("status").out.count("stopped: merge of ns1/main") == 1
    assert laptop("merge", "--resolve", "www", "A", "ours", "--continue").code == 0
    assert laptop("push").code == 0
    assert site.tip() == site.tip(laptop.repo)
    until(lambda: site.address("www.example.org") == "192.0.2.10", "the merge in DNS")
    assert site.address("mail.example.org") == "192.0.2.78"
    assert laptop("log", "--oneline", "ns1/main..main").out == ""


def test_a_day_with_rebases(site: Site) -> None:
    site.clone()
    for number in range(3):
        assert site.laptop("set", f"a{number}", "A", "60", "192.0.2.9").code == 0
        site.there("set", f"b{number}", "A", "60", "192.0.2.8")
    assert site.laptop("push").code == 4
    done = site.laptop("pull", "--rebase")
    assert done.code == 0, done
    before = serial_of(site.daemon.port(), "example.org")
    assert site.laptop("push").code == 0
    until(lambda: serial_of(site.daemon.port(), "example.org") > before, "the pushed commits in DNS")
    with Repository.open(site.repo, readonly=True) as repository:
        found = list(repository.log(zone=ORG))
    assert all(len(each.commit.parents) < 2 for each in found)
    assert {f"set a{number} A" for number in range(3)} <= {each.commit.subject for each in found}


def test_a_day_at_a_site_that_merges(merging: Site) -> None:
    merging.clone()
    laptop = merging.laptop
    assert laptop("set", "www", "A", "60", "192.0.2.9").code == 0
    merging.there("set", "mail", "A", "60", "192.0.2.78")
    pushed = laptop("push", "--json")
    assert pushed.code == 0, pushed
    assert json.loads(pushed.out)["refs"][0]["outcome"] == "merged"
    until(lambda: merging.address("www.example.org") == "192.0.2.9", "the merge in DNS")
    assert merging.address("mail.example.org") == "192.0.2.78"
    assert laptop("pull").code == 0
    assert merging.tip() == merging.tip(laptop.repo)
    assert "nothing new to push to ns1 of example.org.:main" in laptop("sync").err


@pytest.mark.parametrize("where", ["server", "laptop"])
def test_what_a_reset_took_away_stays_away(merging: Site, where: str) -> None:
    merging.clone()
    laptop = merging.laptop
    assert laptop("set", "bad", "A", "60", "192.0.2.66").code == 0
    assert laptop("sync").code == 0
    until(lambda: rcode(ask(merging.daemon.port(), "bad.example.org")) == 0, "the bad record in DNS")
    command = laptop if where == "laptop" else Command(merging.repo)
    done = command("reset", "--hard", "main~1")
    assert done.code == 0 and "the branch's history is kept" in done.err, done
    assert laptop("set", "www", "A", "60", "192.0.2.9").code == 0
    for _ in range(2):
        assert laptop("sync").code == 0
    until(lambda: merging.address("www.example.org") == "192.0.2.9", "the laptop's change in DNS")
    assert rcode(ask(merging.daemon.port(), "bad.example.org")) == 3
    assert merging.tip() == merging.tip(laptop.repo)
    assert laptop("show", "bad", "A").code == 5


def test_both_ways_in_one_call(merging: Site) -> None:
    merging.clone()
    laptop = merging.laptop
    assert laptop("set", "www", "A", "60", "192.0.2.9").code == 0
    merging.there("set", "www", "A", "60", "192.0.2.77")
    done = laptop("sync")
    assert done.code == 0, done
    assert merging.tip() == merging.tip(laptop.repo)
    assert laptop("zone", "add", "example.net").code == 0
    assert laptop("sync", "*").code == 0
    until(lambda: rcode(ask(merging.daemon.port(), "example.net", 6)) == 0, "the new zone in DNS")
    assert laptop("zone", "remove", "example.net", "--tombstone").code == 0
    assert laptop("sync", "*").code == 0
    until(lambda: rcode(ask(merging.daemon.port(), "example.net", 6)) == 5, "the zone's end in DNS")
    assert laptop("sync", "*").err.endswith("nothing new to push to ns1\n")
