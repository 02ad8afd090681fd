"""`backup` and `restore`: whole or not at all."""

import fcntl
import gzip
import os
import resource
import subprocess
import sys
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
    assert f"the previous repository is in {kept}: remove it" in done.err
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


def test_nothing_is_restored_under_the_feet_of_a_user(zone, backup, refused, monkeypatch, tmp_path) -> None:
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
        with monkeypatch.context() as patched:
            patched.setattr("zonegit.store.backup._copy", None)  # it is refused before
            for argv in (["restore", backup], ["restore", "--dry-run", backup]):
                refused(zone(*argv), 4, f"the repository at {repo} is in use: stop zonegitd")
    finally:
        os.write(end, b"x")
        os.waitpid(child, 0)
    assert address(zone) == "192.0.2.66"
    assert zone("restore", backup).code == 0


@pytest.mark.parametrize(
    ("damage", "code", "told"),
    [
        ("cut", 6, "is damaged, and nothing was changed: it has {size:,} bytes of {whole:,}: copy it again"),
        ("head", 6, "is damaged, and nothing was changed: it has {size:,} bytes of {whole:,}: copy it again"),
        ("object", 6, "is damaged, and nothing was changed: object "),
        ("empty", 6, "is empty: take another backup; nothing was changed"),
        ("junk", 1, "is not a backup: name a file that `zonegit backup` wrote"),
        ("zone", 1, "zone files are for `zonegit import`"),
        ("gzip", 1, "is compressed with gzip: decompress it first; nothing was changed"),
    ],
)
def test_a_damaged_backup_changes_nothing(zone, backup, refused, tmp_path, damage, code, told) -> None:
    whole = backup.stat().st_size
    data = bytearray(backup.read_bytes())
    if damage == "object":
        at = data.index(b"\x04mail")
        data[at + 1 : at + 5] = b"liam"
    backup.write_bytes(
        {
            "cut": data[: len(data) // 2],
            "head": data[:5000],
            "object": data,
            "empty": b"",
            "junk": b"junk" * 5000,
            "zone": b"$ORIGIN example.org.\n" * 500,
            "gzip": gzip.compress(data),
        }[damage]
    )
    told = told.format(size=backup.stat().st_size, whole=whole)
    before = (tmp_path / "repo" / "data.mdb").read_bytes()
    done = zone("restore", backup)
    refused(done, code, f"zonegit: {backup} ", told, "nothing was changed")
    assert "restoring-" not in done.err
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
    refused(zone("backup", tmp_path / "no" / "file"), 1, "cannot write")
    refused(zone("restore", tmp_path / "no"), 1, "cannot read the backup")
    assert not list(tmp_path.glob(".*backup*"))


def test_what_is_no_backup_is_named_as_it_was_typed(zone, refused, tmp_path) -> None:
    new, none = tmp_path / "new", tmp_path / "none"
    none.mkdir()
    refused(zone("--repo", new, "restore", none), 1, f"{none} holds no repository: name a file written by")
    (tmp_path / "repo").rename(none / ".zonegit")
    refused(zone("--repo", new, "restore", none), 1, f"{none} holds no repository: name {none / '.zonegit'}\n")
    (tmp_path / "junk").write_text("junk")
    refused(zone("--repo", new, "restore", tmp_path / "junk"), 1, "is not a backup")
    assert not new.exists(), "a directory was left behind"


def test_a_file_that_is_called_as_a_name_is_told_of_both(zone, refused, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("www", "corp.zone"):
        (tmp_path / name).write_text("no backup")
    result = zone("restore", "www")
    refused(result, 1, "www is not a backup", "to restore the records of a name: 'zonegit restore www --from REV'")
    result = zone("restore", "corp.zone")
    refused(result, 1, "corp.zone is not a backup")
    assert "--from" not in result.err


COMMAND = (sys.executable, "-m", "zonegit.cli.main")


def test_a_backup_goes_through_a_pipe(zone, tmp_path) -> None:
    there = tmp_path / "there"
    restoring = [*COMMAND, "--repo", str(there), "restore", "-"]
    with subprocess.Popen([*COMMAND, "backup", "-"], stdout=subprocess.PIPE) as backup:
        done = subprocess.run(restoring, stdin=backup.stdout, capture_output=True, text=True, check=True)
    assert backup.returncode == 0
    assert f"restored the repository in {there} from standard input" in done.stderr
    assert zone("--repo", there, "show", "www", "A").lines == zone("show", "www", "A").lines


def test_who_stops_reading_a_backup_ends_it(zone) -> None:
    with subprocess.Popen([*COMMAND, "backup", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as backup:
        assert backup.stdout
        assert backup.stderr
        backup.stdout.close()
        assert (backup.stderr.read(), backup.wait()) == (b"", 141)


def test_no_backup_goes_to_a_terminal(zone, refused, monkeypatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    refused(zone("backup", "-"), 2, "redirect it to a file or a program")
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    refused(zone("restore", "-"), 2, "standard input is a terminal")


SMALL = 8192
"""Bytes that a file may have in the test of a disk without room; a backup has more."""


def test_without_room_it_says_what_is_full_and_what_is_needed(backup, tmp_path) -> None:
    def limited(*argv: object) -> str:
        done = subprocess.run(
            [*COMMAND, *map(str, argv)],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (SMALL, SMALL)),
        )
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        return done.stderr

    full, new = tmp_path / "full", tmp_path / "new"
    told = limited("backup", full)
    assert told.startswith(f"zonegit: can't write {full}: File too large; the backup needs up to ")
    assert "mdb" not in told
    told = limited("--repo", new, "restore", backup)
    assert told == f"zonegit: can't write a copy of {backup} in {new}: File too large; nothing was changed\n"
    assert not full.exists()
    assert not new.exists()


def test_a_backup_that_cannot_fit_is_not_begun(zone, backup, refused, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("zonegit.store.backup.free_bytes", lambda _file: 5)
    size = f"{backup.stat().st_size:,}"
    told = f"{backup} needs {size} bytes in {tmp_path / 'repo'}, where 5 are free; nothing was changed"
    refused(zone("restore", backup), 1, told)


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
            restore(tmp_path / "repo", source, "monday.backup")
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
