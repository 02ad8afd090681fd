"""A disk that fails while LMDB writes which version counts: its process can't use the environment any more."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, new_reader, rcode, secondary_of, until
from peerkit import free_ports
from repokit import ZONE, parsed
from shimkit import FailingMeta
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

SERVFAIL = 2
SOON = 90.0


@pytest.fixture
def meta(tmp_path: Path, needs_program: Callable[[str], str]) -> FailingMeta:
    return FailingMeta.compiled(needs_program("cc"), tmp_path)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE.replace("7200 900 1209600 300", "1 1 3 300")), source="test.zone")
    return tmp_path / "repo"


def test_a_command_says_so_in_one_line_and_the_next_one_works(repo: Path, meta: FailingMeta) -> None:
    def zonegit(*argv: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(repo), *argv]
        return subprocess.run(command, env=meta.env, capture_output=True, text=True, timeout=60, check=False)

    meta.start()
    done = zonegit("set", "www", "A", "60", "192.0.2.99")
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1
    assert "failed half-way (Input/output error): check the disk, and check with `zonegit log`" in done.stderr
    meta.stop()
    assert "192.0.2.99" not in zonegit("show", "www", "A").stdout
    assert zonegit("set", "www", "A", "60", "192.0.2.99").returncode == 0
    assert "192.0.2.99" in zonegit("show", "www", "A").stdout


def test_the_puller_ends_is_started_again_and_goes_on(tmp_path: Path, repo: Path, meta: FailingMeta) -> None:
    """And zones past their SOA expire aren't answered from meanwhile, though nobody can note that."""
    keys = new_reader(tmp_path / "keys")
    place = f"127.0.0.1:{free_ports(1)[0]}"
    where = ("--keys", keys, "--replicate-listen", place, "--replicate-name", "p1")
    primary = Daemon.start(repo, "--workers", "1", *where)
    mirror = None
    try:
        mirror = Daemon(
            *("--repo", tmp_path / "mirror", "--listen", "127.0.0.1:0", "--workers", "1"),
            *secondary_of(primary, keys),
            env=meta.env,
        )
        mirror.logged("]: listening ")
        until(lambda: rcode(ask(mirror.port(), "www.example.org")) == 0, "the zone at the secondary")
        worker = mirror.child("dns-0")
        meta.start()
        with Repository.open(repo) as repository:
            repository.set("www", 1, 60, [bytes([192, 0, 2, 99])])
        until(lambda: ended(mirror) >= 2, "the end of the puller, again and again", SOON)
        assert all("failed half-way" in line for line in mirror.log if "zonegitd[puller]: a write" in line)
        primary.stop()
        until(lambda: rcode(ask(mirror.port(), "www.example.org")) == SERVFAIL, "SERVFAIL past the expire", SOON)
        meta.stop()
        primary = Daemon.start(repo, *where)
        until(lambda: bytes([192, 0, 2, 99]) in ask(mirror.port(), "www.example.org"), "the change", SOON)
        assert mirror.child("dns-0") == worker, "what answers lives on"
        assert mirror.stop() == 0
    finally:
        for daemon in filter(None, (mirror, primary)):
            daemon.stop()
    store = LmdbStore.open(tmp_path / "mirror", readonly=True)
    assert fsck(store, lambda *_: None).problems == []
    store.close()


def ended(daemon: Daemon) -> int:
    return daemon.count("process ended process=puller")
