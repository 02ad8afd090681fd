"""A secondary that can't write: it answers on, says why, and goes on by itself once it can."""

import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemonkit import Daemon, ask, rcode, until
from faultkit import random_zone
from repokit import ZONE, parsed
from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer import StoreWriter

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
        running[1].logged("]: listening ")
        until(lambda: rcode(ask(running[1].port(), "example.org", 6)) == 0, "the zone at the secondary")
        return running[1]

    yield start
    for daemon in reversed(running):
        daemon.stop()


def soon(condition: Callable[[], object], what: str) -> None:
    """`until`, with time for the pauses between tries."""
    until(condition, what, 90)


def failures(daemon: Daemon) -> list[str]:
    return [line for line in daemon.log if "sync failed; keeping the previous versions" in line]


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
    mirror.caught_up("puller")
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


def own_mounts(disk: Path, needs_program: Callable[[str], str]) -> list[str]:
    """The command that gives what it starts mounts of its own; skips where it can't."""
    unshare = [needs_program("unshare"), "--mount"]
    if subprocess.run([*unshare, "mount", "-t", "tmpfs", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("needs mounts in a namespace of its own")
    return unshare


def test_a_secondary_on_a_full_disk(
    tmp_path: Path, repo: Path, pair: Callable[..., Daemon], needs_program: Callable[[str], str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = own_mounts(disk, needs_program)
    mount = f'mount -t tmpfs -o size={ROOM} none "{disk}" && exec "$@"'
    mirror = pair(through=[*unshare, "sh", "-c", mount, "sh"])
    inside = Path(f"/proc/{mirror.process.pid}/root") / disk.relative_to("/")
    with (inside / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
        while True:
            filler.write(bytes(4096))
    survives(mirror, repo, (inside / "filler").unlink)
    shutil.copytree(inside / "mirror", tmp_path / "copy")  # the disk goes with the daemon
    check(tmp_path / "copy", repo)


# -- room for a large zone's version, and none for its served view --

DISK = 64 << 20
RECORDS = 60_000
SLACK = 1 << 20
"""Bytes beyond the version itself; the view takes several times as many."""


@pytest.fixture(scope="module")
def large() -> str:
    """A zone file above what gets its view with its commit."""
    return addresses(RECORDS)


def addresses(records: int) -> str:
    """A zone file with so many."""
    lines = [f"h{at:06d} IN A 10.{at >> 16}.{at >> 8 & 255}.{at & 255}" for at in range(records)]
    return "$ORIGIN large.example.\n$TTL 300\n@ IN SOA ns hostmaster 1 7200 900 1209600 300\n@ IN NS ns\n" + (
        "ns IN A 192.0.2.1\n" + "\n".join(lines) + "\n"
    )


@pytest.fixture
def small_disk(tmp_path: Path, needs_program: Callable[[str], str]) -> tuple[Path, list[str]]:
    """A directory, and the command that mounts a small disk there, with a repository on it, for what it starts."""
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = own_mounts(disk, needs_program)
    with Repository.init(tmp_path / "first") as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    mount = f'mount -t tmpfs -o size={DISK} none "{disk}" && cp -r "{tmp_path}/first" "{disk}/repo" && exec "$@"'
    return disk, [*unshare, "sh", "-c", mount, "sh"]


def version_size(directory: Path, zone: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Bytes that a repository grows by with a zone without its view."""
    with monkeypatch.context() as patch, Repository.init(directory) as repository:
        patch.setattr(StoreWriter, "show", lambda *_: None)
        before = repository.stat().map_used
        repository.import_zone(parsed(zone), source="large.zone")
        return repository.stat().map_used - before


def fill_up_to(inside: Path, room: int) -> Path:
    """Leave so many bytes on the disk."""
    free = os.statvfs(inside).f_bavail * os.statvfs(inside).f_frsize
    filler = inside / "filler"
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free - room)
    return filler


def has_view(repository: Path) -> bool:
    with closing(LmdbStore.open(repository, readonly=True)) as store, store.read() as reader:
        return reader.view(head("large.example.", "main")) is not None


def test_an_import_whose_view_finds_no_room_says_so_and_gets_it_later(
    tmp_path: Path, small_disk: tuple[Path, list[str]], large: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, through = small_disk
    file = tmp_path / "large.zone"
    file.write_text(large)
    size = version_size(tmp_path / "measured", large, monkeypatch)
    daemon = Daemon("--repo", disk / "repo", "--listen", "127.0.0.1:0", "--workers", "1", through=through)
    try:
        daemon.logged("]: listening ")
        inside = Path(f"/proc/{daemon.process.pid}/root") / disk.relative_to("/")
        filler = fill_up_to(inside, size + SLACK)

        def run(*argv: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(inside / "repo"), *argv]
            return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

        done = run("import", str(file))
        assert done.returncode == 0, done.stderr
        assert "RRsets changed" in done.stderr
        assert "nothing was written" not in done.stderr
        assert "is committed and served, but its served view could not be built: no space is left" in done.stderr
        assert rcode(ask(daemon.port(), "h012345.large.example")) == 0, "from its tree"
        again = run("import", str(file))
        assert (again.returncode, "nothing to change" in again.stderr) == (0, True)
        assert "could not be built: no space is left" in again.stderr
        assert not has_view(inside / "repo")
        filler.unlink()
        until(lambda: has_view(inside / "repo"), "the view", 90)
        assert rcode(ask(daemon.port(), "h012345.large.example")) == 0
        assert "could not be built" not in run("import", str(file)).stderr
    finally:
        daemon.stop()


def test_a_secondary_whose_view_finds_no_room_gets_it_later(
    tmp_path: Path,
    repo: Path,
    pair: Callable[..., Daemon],
    small_disk: tuple[Path, list[str]],
    large: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk, through = small_disk
    size = version_size(tmp_path / "measured", large, monkeypatch)
    mirror = pair(through=through)
    inside = Path(f"/proc/{mirror.process.pid}/root") / disk.relative_to("/")
    filler = fill_up_to(inside, size + SLACK)
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(large), source="large.zone")
    soon(lambda: rcode(ask(mirror.port(), "h012345.large.example")) == 0, "answers from the tree")
    mirror.logged("cannot make a served view yet", 90)
    assert not has_view(inside / "mirror")
    filler.unlink()
    soon(lambda: has_view(inside / "mirror"), "the view")
    assert not failures(mirror)
    assert rcode(ask(mirror.port(), "h012345.large.example")) == 0


# -- a copy that finds no room --

COPIED = 100_000
COPY = 2 << 20
"""Bytes of a disk that has room for the beginning of a zone with so many records only."""


@pytest.mark.timeout(300)
def test_a_clone_to_a_full_disk_says_so_and_goes_on_once_there_is_room(
    tmp_path: Path, repo: Path, needs_program: Callable[[str], str]
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    unshare = own_mounts(disk, needs_program)
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(addresses(COPIED)), source="large.zone")
    where = ("--keys", tmp_path / "keys", "--replicate-listen", "127.0.0.1:0", "--replicate-name", "p1")
    primary = Daemon.start(repo, *where)
    try:
        url = f"http://127.0.0.1:{primary.port('replication')}"
        clone = [sys.executable, "-m", "zonegit.cli.main", "clone", url, str(disk / "copy"), "--name", "p1"]
        clone += ["--keys", str(tmp_path / "keys")]
        script = (
            f'mount -t tmpfs -o size={COPY} none "{disk}"; "$@"; code=$?; '
            f'mount -o remount,size={DISK} "{disk}"; "$@" && cp -r "{disk}/copy" "{tmp_path}/copy"; echo $code $?'
        )
        command = [*unshare, "sh", "-c", script, "sh", *clone]
        done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    finally:
        primary.stop()
    first, *others = done.stderr.splitlines()
    assert done.stdout == "1 0\n", done.stderr
    assert "no space is left" in first
    assert len(others) == 3, "what the second call says"
    check(tmp_path / "copy", repo)
