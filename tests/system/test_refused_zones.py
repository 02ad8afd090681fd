"""A node with a zone of its own that becomes a secondary of a primary with the same zone. As processes."""

import subprocess
import sys
from pathlib import Path

from daemonkit import Daemon, ask, page, rcode, secondary_of, until
from repokit import ZONE, parsed
from zonegit.repo import Repository

OWN = bytes([192, 0, 2, 250])
WWW = "www.example.org"


def zonegit(path: Path, *argv: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(path), *argv]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_it_keeps_its_own_until_that_is_given_up(
    tmp_path: Path, repo: Path, keys: Path, primary: Daemon, start
) -> None:
    with Repository.open(repo) as repository:
        repository.add_zone("example.net.")
    own = tmp_path / "own"
    with Repository.init(own) as repository:
        repository.import_zone(parsed(ZONE), source="own.zone")
        for last in range(1, 6):
            repository.set("www", 1, 60, [bytes([192, 0, 2, last])])
        repository.set("www", 1, 60, [OWN])
    node = start(own, *secondary_of(primary, keys, "--metrics-listen", "127.0.0.1:0"))
    until(lambda: rcode(ask(node.port(), "example.net", 6)) == 0, "another zone of the primary's")
    assert OWN in ask(node.port(), WWW), "what is here is served on"
    node.logged("not following zones with commits")
    until(lambda: 'zonegit_sync_refused_zones{peer="p1"} 1.0' in page(node, "/metrics"), "the metric")
    assert page(node, "/readyz") == "ready\nnot followed from p1: example.org.\n"
    assert "not followed from p1: example.org.; `zonegit remote adopt ZONE`" in zonegit(own, "status")[1]
    with Repository.open(repo) as repository:
        repository.set("www", 1, 60, [bytes([192, 0, 2, 77])], zone="example.org.")
        repository.set("new", 1, 60, [bytes([192, 0, 2, 78])], zone="example.net.")
    until(lambda: bytes([192, 0, 2, 78]) in ask(node.port(), "new.example.net"), "a change of the other zone")
    assert OWN in ask(node.port(), WWW)
    node.stop()
    node = start(own, *secondary_of(primary, keys, "--metrics-listen", "127.0.0.1:0"))
    node.logged("not following zones with commits")
    assert OWN in ask(node.port(), WWW)

    code, text = zonegit(own, "remote", "adopt", "example.org")
    assert code == 0, text
    assert "before-adopt-main" in text
    until(lambda: bytes([192, 0, 2, 77]) in ask(node.port(), WWW), "what the primary has")
    until(lambda: page(node, "/readyz") == "ready\n", "nothing is refused any more")
    assert node.count("not following zones") == 1
    with Repository.open(repo) as repository:
        repository.set("www", 1, 60, [bytes([192, 0, 2, 79])], zone="example.org.")
    until(lambda: bytes([192, 0, 2, 79]) in ask(node.port(), WWW), "and its changes")
    assert "192.0.2.250" in zonegit(own, "--zone", "example.org", "show", "www", "A", "before-adopt-main")[1]
