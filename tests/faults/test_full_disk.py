"""A secondary that can't write: it answers on, says why, and goes on by itself once it can."""

import os
import random
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, rcode, until
from faultkit import random_zone
from repokit import ZONE, parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

ROOM = 8 << 20
"""Bytes of the small disk."""
TRIES = 6
"""More failures in a row than this would mean long pauses; they double from 1 s on."""


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    with Repository.init(tmp_path / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    new_key(tmp_path / "keys", "k1", (parse_scope("read:*"),), time.time, os.urandom)
    return tmp_path / "repo"


@pytest.fixture
def pair(tmp_path: Path, repo: Path) -> Iterator[Callable[..., Daemon]]:
    """`pair()` starts the primary, and gives its secondary; what is passed is for the secondary's `Daemon`."""
    running: list[Daemon] = []
    keys = tmp_path / "keys"

    def start(**more: list[str]) -> Daemon:
        where = ("--keys", keys, "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
        running.append(Daemon.start(repo, "--workers", "1", *where))
        url = f"http://127.0.0.1:{running[0].port('replication')}"
        source = ("--primary", url, "--primary-name", "p1", "--key", "k1", "--keys", keys, "--pull-interval", "1s")
        mirror = tmp_path / "disk" / "mirror"
        running.append(Daemon("--repo", mirror, "--listen", "127.0.0.1:0", "--workers", "1", *source, **more))
        until(lambda: running[1].has("listening") or running[1].process.poll() is not None, "listening")
        assert running[1].has("listening"), running[1].log
        until(lambda: rcode(ask(running[1].port(), "example.org", 6)) == 0, "the zone at the secondary")
        return running[1]

    yield start
    for daemon in reversed(running):
        daemon.stop()


def soon(condition: Callable[[], object], what: str) -> None:
    """`until`, with time for the pauses between tries."""
    until(condition, what, 90)


def failures(daemon: Daemon) -> list[str]:
    return [line for line in list(daemon.log) if "sync failed, what is here stays" in line]


def survives(mirror: Daemon, repo: Path, make_room: Callable[[], None]) -> None:
    """The secondary can write no more: a new zone doesn't arrive, until there is room."""
    with Repository.open(repo) as repository:
        repository.import_zone(random_zone("large.example.", 10_000, random.Random(1)), source="large")
        soon(lambda: failures(mirror), "the failure in the log")
        assert "result=store" in failures(mirror)[0]
        assert "no space is left" in failures(mirror)[0]
        assert rcode(ask(mirror.port(), "example.org", 6)) == 0, "DNS goes on"
        assert rcode(ask(mirror.port(), "large.example", 6)) == 5
        make_room()
        soon(lambda: rcode(ask(mirror.port(), "large.example", 6)) == 0, "the new zone at the secondary")
        repository.set("www", A, 60, [bytes([192, 0, 2, 99])], zone="example.org.")
        soon(lambda: bytes([192, 0, 2, 99]) in ask(mirror.port(), "www.example.org"), "a change after that")
    assert len(failures(mirror)) <= TRIES, mirror.log
    assert not [line for line in mirror.log if "unexpected" in line or "process ended" in line]


def check(mirror: Path, repo: Path) -> None:
    roots = set()
    for path in (mirror, repo):
        store = LmdbStore.open(path, readonly=True)
        try:
            assert fsck(store, lambda *_: None).problems == []
            with store.read() as reader:
                roots.add(reader.index_root)
        finally:
            store.close()
    assert len(roots) == 1


def test_a_secondary_whose_writes_fail(tmp_path: Path, repo: Path, pair: Callable[..., Daemon]) -> None:
    """No byte of a file can be written by the puller, as if the disk were full or had gone read-only."""
    mirror = pair()
    puller = mirror.child("puller")
    before = resource.prlimit(puller, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    survives(mirror, repo, lambda: resource.prlimit(puller, resource.RLIMIT_FSIZE, before) and None)
    assert mirror.stop() == 0
    check(tmp_path / "disk" / "mirror", repo)


def test_a_secondary_on_a_full_disk(
    tmp_path: Path, repo: Path, pair: Callable[..., Daemon], needs_program: Callable[[str], str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = [needs_program("unshare"), "--mount"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("needs mounts in a namespace of its own")
    mount = f'mount -t tmpfs -o size={ROOM} none "{disk}" && exec "$@"'
    mirror = pair(through=[*unshare, "sh", "-c", mount, "sh"])
    inside = Path(f"/proc/{mirror.process.pid}/root") / disk.relative_to("/")
    with (inside / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
        while True:
            filler.write(bytes(4096))
    survives(mirror, repo, (inside / "filler").unlink)
    shutil.copytree(inside / "mirror", tmp_path / "copy")  # the disk goes with the daemon
    check(tmp_path / "copy", repo)
