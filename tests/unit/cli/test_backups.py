"""`backup` and `restore`: whole or not at all."""

import fcntl
import os
from pathlib import Path

import pytest

from zonegit.repo import Repository
from zonegit.store.backup import restore
from zonegit.store.lmdb import LmdbStore


@pytest.fixture
def backup(zone, tmp_path) -> Path:
    """A backup of a repository that was changed afterwards."""
    path = tmp_path / "monday.backup"
    done = zone("backup", path)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith(f"wrote {path}: ")
    assert zone("set", "www", "A", "60", "192.0.2.66").code == 0
    return path


def address(zone) -> str:
    return zone("show", "www", "A").lines[0].split()[-1]


def epoch(path: Path) -> str:
    store = LmdbStore.open(path, readonly=True)
    with store.read() as reader:
        found = reader.epoch
    store.close()
    return found


def test_a_backup_is_restored_and_what_was_there_is_kept(zone, backup, tmp_path) -> None:
    repo = tmp_path / "repo"
    before = epoch(repo)
    assert backup.stat().st_mode & 0o777 == 0o600
    done = zone("restore", backup)
    assert (done.code, done.out) == (0, "")
    assert address(zone) == "192.0.2.1"
    assert epoch(repo) != before
    assert zone("fsck").code == 0
    assert zone("set", "www", "A", "60", "192.0.2.2").code == 0
    (kept,) = repo.glob("replaced-*")
    assert f"what was there is in {kept}: remove it" in done.err
    assert zone("--repo", kept, "show", "www", "A").lines[0].endswith("192.0.2.66")
    assert sorted(file.name for file in repo.iterdir()) == sorted(["data.mdb", "lock.mdb", kept.name])


def test_a_lost_repository_is_restored(zone, backup, tmp_path) -> None:
    for file in (tmp_path / "repo").iterdir():
        file.unlink()
    assert "what was there" not in zone("restore", backup).err
    assert address(zone) == "192.0.2.1"
    assert zone("--repo", tmp_path / "new" / "one", "restore", backup).code == 0
    assert zone("--repo", tmp_path / "new" / "one", "fsck").code == 0


def test_a_directory_with_a_repository_is_a_backup_too(zone, backup, tmp_path) -> None:
    other = tmp_path / "other"
    assert zone("--repo", other, "restore", tmp_path / "repo").code == 0
    assert zone("--repo", other, "show", "www", "A").lines[0].endswith("192.0.2.66")
    with (tmp_path / "repo" / "data.mdb").open("rb") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        assert "being written to" in zone("--repo", other, "restore", tmp_path / "repo").err


def test_the_group_may_write_to_what_was_restored(zone, backup, tmp_path) -> None:
    (tmp_path / "repo").chmod(0o2770)
    before = os.umask(0o077)
    try:
        assert zone("restore", backup).code == 0
    finally:
        os.umask(before)
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "repo").glob("*.mdb")} == {0o660}


def test_nothing_is_restored_under_the_feet_of_a_user(zone, backup, refused, tmp_path) -> None:
    repo = tmp_path / "repo"
    ready, told = os.pipe()
    over, end = os.pipe()
    child = os.fork()
    if not child:
        with Repository.open(repo, readonly=True):
            os.write(told, b"x")
            os.read(over, 1)
        os._exit(0)
    try:
        os.read(ready, 1)
        refused(zone("restore", backup), 4, f"the repository at {repo} is in use: stop zonegitd")
    finally:
        os.write(end, b"x")
        os.waitpid(child, 0)
    assert address(zone) == "192.0.2.66"
    assert zone("restore", backup).code == 0


@pytest.mark.parametrize("damage", ["cut", "object", "empty", "junk"])
def test_a_damaged_backup_changes_nothing(zone, backup, refused, tmp_path, damage) -> None:
    data = bytearray(backup.read_bytes())
    if damage == "object":
        at = data.index(b"\x04mail")
        data[at + 1 : at + 5] = b"liam"
    backup.write_bytes(
        {"cut": data[: len(data) // 2], "object": data, "empty": b"", "junk": b"junk" * 5000}[damage]
    )
    before = (tmp_path / "repo" / "data.mdb").read_bytes()
    refused(zone("restore", backup), 6, "nothing was changed")
    assert (tmp_path / "repo" / "data.mdb").read_bytes() == before
    assert {file.name for file in (tmp_path / "repo").iterdir()} == {"data.mdb", "lock.mdb"}


def test_a_dry_run_checks_and_changes_nothing(zone, backup, tmp_path) -> None:
    assert zone("restore", "--dry-run", backup).code == 0
    assert address(zone) == "192.0.2.66"
    assert {file.name for file in (tmp_path / "repo").iterdir()} == {"data.mdb", "lock.mdb"}
    assert zone("--repo", tmp_path / "new", "restore", "--dry-run", backup).code == 0
    assert not (tmp_path / "new").exists()


def test_a_backup_replaces_no_file(zone, backup, refused, tmp_path) -> None:
    before = backup.read_bytes()
    refused(zone("backup", backup), 4, "name a new file")
    assert backup.read_bytes() == before
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused(zone("backup", tmp_path / "link"), 4, "name a new file")
    refused(zone("backup", tmp_path / "no" / "file"), 1, "can't write")
    refused(zone("restore", tmp_path / "no"), 1, "can't read the backup")
    assert not list(tmp_path.glob(".*backup*"))


STEPS = ("mkdir", "open", "link", "rename", "unlink", "rmdir", "fsync", "utime")


def test_a_restore_that_is_killed_leaves_the_old_or_the_new(zone, backup, tmp_path) -> None:
    """It is ended before each of its steps on the disk in turn, and done again afterwards."""
    old = "192.0.2.66"
    seen = set()
    for number in range(100):
        child = os.fork()
        if not child:
            _die_before(number)
            source = os.open(backup, os.O_RDONLY)
            restore(tmp_path / "repo", source)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        found = address(zone)
        assert found in (old, "192.0.2.1")
        assert zone("fsck").code == 0
        seen.add((code, found))
        if found != old:
            assert zone("set", "www", "A", "60", old).code == 0
        if not code:
            break
    assert seen == {(9, old), (9, "192.0.2.1"), (0, "192.0.2.1")}
    assert not list((tmp_path / "repo").glob("restoring-*"))


def _die_before(number: int) -> None:
    left = [number]

    def counted(call):
        def run(*args, **more):
            if not left[0]:
                os._exit(9)
            left[0] -= 1
            return call(*args, **more)

        return run

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
