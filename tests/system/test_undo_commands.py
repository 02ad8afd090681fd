"""Verbs that go back, `import` and `branch -m` as processes: each does what it says, a refusal changes nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import pytest

from samekit import state
from zonegit.repo.mirrors import mirror_setting
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
        assert result.stderr.count("\n") == (1 if code else 2)
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
    unchanged(2, "--from REV", "restore", "www", "A")
    unchanged(2, "no check 'nosuch'", "restore", "www", "--from", "HEAD", "--strict", "nosuch")
    zonegit("delete", "www")
    zonegit("set", "www", "CNAME", "300", "ns1.example.net.")
    unchanged(1, "[cname-and-other]", "restore", "www", "A", "--from", "HEAD~2")


def edited(zonegit, path, old, new):
    """A file: the export with some text replaced."""
    path.write_text(zonegit("export").stdout.replace(old, new))
    return path


def test_import_of_an_older_export_is_merged(zonegit, unchanged, tmp_path) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    plain = edited(zonegit, tmp_path / "plain.zone", "", "")
    file = edited(zonegit, tmp_path / "edited.zone", "192.0.2.1", "192.0.2.2")
    serial = zonegit("log", "-1", "--oneline").stdout.split()[-4]
    zonegit("set", "mail", "A", "300", "192.0.2.25", "--author", "Bob <bob@example.org>")
    unchanged(0, "merged the file's changes since serial", "import", plain)
    done = zonegit("import", file)
    assert (done.returncode, done.stdout) == (0, "")
    assert (
        f"merged the file's changes since serial {serial}, on which it is based, with those of main" in done.stderr
    )
    assert zonegit("show", "www", "A").stdout.endswith("192.0.2.2\n")
    assert zonegit("show", "mail", "A").stdout.endswith("192.0.2.25\n")
    assert zonegit("fsck").returncode == 0


def test_import_at_a_conflict(zonegit, tmp_path) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    file = edited(zonegit, tmp_path / "edited.zone", "192.0.2.1", "192.0.2.2")
    zonegit("set", "www", "A", "60", "192.0.2.3", "--author", "Bob <bob@example.org>", "-m", "Move www")
    before = state(tmp_path / "repo")
    result = zonegit("import", file)
    assert (result.returncode, result.stderr.count("\n")) == (4, 1)
    first, base, ours, theirs = result.stdout.splitlines()
    assert first == "conflict: www.example.org. A"
    assert base.split() == ["base", "300", "192.0.2.1"]
    assert ours.split()[:4] == ["ours", "60", "192.0.2.3", "(Bob,"]
    assert ours.endswith(": Move www)")
    assert theirs.split() == ["theirs", "300", "192.0.2.2"]
    assert "nothing moved" in result.stderr
    assert "--replace lets the file win, and undoes 'Move www' by Bob <bob@example.org>" in result.stderr
    found = json.loads(zonegit("import", file, "--json").stdout)
    assert (found["operation"], found["zone"], found["together"]) == ("import", "example.org.", [])
    assert found["conflicts"][0]["ours_by"]["message"] == "Move www"
    assert state(tmp_path / "repo") == before
    assert zonegit("import", file, "--replace", "--yes").returncode == 0
    assert zonegit("show", "www", "A").stdout.endswith("192.0.2.2\n")


def test_import_with_a_serial_that_names_no_version(zonegit, unchanged, tmp_path) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    file = tmp_path / "old.zone"
    file.write_text("$ORIGIN example.org.\n@ 60 SOA ns1.example.net. h 0 2 3 4 5\n@ 60 NS ns1.example.net.\n")
    unchanged(1, "set www A; ", "import", file)
    assert zonegit("import", file, "--replace", "--yes").returncode == 0


def test_rename_of_a_branch(zonegit, unchanged) -> None:
    zonegit("set", "www", "A", "300", "192.0.2.1")
    zonegit("branch", "test")
    unchanged(4, "has a branch test already", "branch", "-m", "test")
    unchanged(5, "no branch absent", "branch", "-m", "absent", "new")
    unchanged(2, "the new name", "branch", "-m")
    unchanged(2, "not allowed with", "branch", "-m", "-D", "test")
    done = zonegit("branch", "-m", "live")
    assert done.returncode == 0
    *told, warning = done.stderr.splitlines()
    assert told == [
        "renamed branch main of example.org. to live",
        "HEAD names example.org., branch live",
        "to undo: zonegit branch -m live main",
    ]
    assert warning.startswith("zonegit: warning: zonegitd serves branch main of example.org.")
    assert zonegit("undo").returncode == 0
    assert zonegit("branch", "-m", "test", "old").returncode == 0
    assert [line.split()[:2] for line in zonegit("branch").stdout.splitlines()] == [["*", "live"], ["old", ANY]]
    assert zonegit("fsck").returncode == 0
