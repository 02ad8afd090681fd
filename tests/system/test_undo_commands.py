"""`undo`, `redo` and `restore --from` as processes: each does what it says, and a refusal changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samekit import state
from zonegit.repo.writing import mirror_setting
from zonegit.store.lmdb import LmdbStore

ZONEGIT = Path(sys.executable).parent / "zonegit"


@pytest.fixture
def zonegit(tmp_path):
    """`zonegit("set", "www", …)` runs the installed command on a repository of the test's own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment = {**kept, "ZONEGIT_REPO": str(tmp_path / "repo"), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}

    def call(*argv):
        return subprocess.run([ZONEGIT, *argv], env=environment, capture_output=True, text=True, timeout=60)

    assert call("init", "example.org").returncode == 0
    return call


@pytest.fixture
def unchanged(tmp_path, zonegit):
    """`unchanged(5, "no branch", "undo", …)`: the command exits with 5, says that, and leaves all as it was."""

    def call(code, told, *argv):
        before = state(tmp_path / "repo")
        result = zonegit(*argv)
        assert (result.returncode, result.stdout) == (code, ""), result
        assert result.stderr.count("\n") == 1
        assert told in result.stderr
        assert state(tmp_path / "repo") == before

    return call


def test_undo_and_redo(zonegit) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    zonegit("set", "www", "A", "300", "192.0.2.2")
    assert "undone: commit: set www A (Ada, " in zonegit("undo").stderr
    assert zonegit("show", "www", "A").stdout.endswith("192.0.2.1\n")
    zonegit("undo")
    assert zonegit("show", "www", "A").returncode == 5
    zonegit("redo")
    assert "redone: commit: set www A" in zonegit("redo").stderr
    assert zonegit("show", "www", "A").stdout.endswith("192.0.2.2\n")
    assert zonegit("fsck").returncode == 0


def test_what_undo_and_redo_refuse(zonegit, unchanged, tmp_path) -> None:
    unchanged(1, "nothing left to undo", "undo")
    unchanged(1, "nothing to redo", "redo")
    unchanged(5, "no branch absent", "undo", "--branch", "absent")
    zonegit("set", "www", "A", "300", "192.0.2.1")
    zonegit("undo")
    zonegit("set", "mail", "A", "300", "192.0.2.1")
    unchanged(1, "nothing to redo", "redo")
    unchanged(2, "--message is empty", "undo", "-m", "")
    before = state(tmp_path / "repo")
    assert "would be undone: commit: set mail A" in zonegit("undo", "--dry-run").stderr
    assert state(tmp_path / "repo") == before
    store = LmdbStore.open(tmp_path / "repo")
    with store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), b"primary-1")
    store.close()
    unchanged(1, "mirrored from primary-1", "undo")
    unchanged(1, "mirrored from primary-1", "redo")


def test_restore_of_records(zonegit, unchanged) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    zonegit("set", "x.www", "A", "300", "192.0.2.1")
    zonegit("delete", "x.www")
    zonegit("set", "www", "A", "300", "192.0.2.2")
    assert zonegit("restore", "www", "--below", "--from", "HEAD~2").stdout.splitlines() == [
        "-www.example.org.\t300\tIN\tA\t192.0.2.2",
        "+www.example.org.\t300\tIN\tA\t192.0.2.1",
        "+x.www.example.org.\t300\tIN\tA\t192.0.2.1",
    ]
    unchanged(5, "nothing to restore", "restore", "mail", "--from", "HEAD~1")
    unchanged(5, "no branch, tag or commit", "restore", "www", "--from", "v1")
    unchanged(1, "restore www --from REV", "restore", "www")
    unchanged(2, "--from REV says", "restore", "www", "A")
    unchanged(2, "no check 'nosuch'", "restore", "www", "--from", "HEAD", "--strict", "nosuch")
    zonegit("delete", "www")
    zonegit("set", "www", "CNAME", "300", "ns1.example.net.")
    unchanged(1, "[cname-and-other]", "restore", "www", "A", "--from", "HEAD~2")
