"""Root edits and plans as the repository's owner: the editor, the text and the plan are that user's.

And root leaves nothing in a directory of somebody else.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import lmdb
import pytest

import zonegit

OTHER = 12345
"""A user that the system has no name for."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as two users")


@cache
def python() -> tuple[str, dict[str, str]]:
    """An interpreter with the program that the other user may run too, and its environment."""
    sources = (Path(zonegit.__file__).parents[1], Path(lmdb.__file__).parents[1])
    environment = {"PYTHONPATH": os.pathsep.join(map(str, sources)), "PATH": os.defpath}
    for executable in (sys.executable, "/usr/bin/python3"):
        call = (executable, "-c", "import sys, lmdb, zonegit.cli.main; assert sys.version_info[:2] == (3, 11)")
        with suppress(OSError):
            if not subprocess.run(call, user=OTHER, env=environment, capture_output=True, cwd="/").returncode:
                return executable, environment
    pytest.skip("needs an interpreter that every user may run")


def command(*words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """`zonegit` as a process of its own, called by root in the other user's name."""
    executable, environment = python()
    own = {"SUDO_UID": str(OTHER), "HOME": "/root", **more}
    call = (executable, "-m", "zonegit.cli.main", *words)
    return subprocess.run(
        call, env=environment | own, capture_output=True, text=True, timeout=60, cwd="/", input=""
    )


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user gets to; pytest's own let nobody through."""
    with TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def repo(place: Path) -> str:
    """A repository of the other user."""
    path = place / "repo"
    path.mkdir(mode=0o750)
    os.chown(path, OTHER, OTHER)
    assert command("--repo", str(path), "init", "example.org").returncode == 0
    return str(path)


def test_the_editor_runs_as_the_owner_with_a_text_of_that_user(repo: str, place: Path) -> None:
    script = place / "editor"
    script.write_text(
        "#!/bin/sh\n"
        'echo "$(id -u) $(id -G) $HOME $(stat -c "%u %a" "$1") $(stat -c "%u %a" "$(dirname "$1")")" >&2\n'
        'echo "www A 192.0.2.1" >> "$1"\n'
    )
    script.chmod(0o755)
    done = command("--repo", repo, "edit", EDITOR=str(script), TMPDIR="/root")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == f"{OTHER} {OTHER} / {OTHER} 600 {OTHER} 700"
    assert "+www.example.org." in done.stdout


def test_a_text_is_not_made_where_another_user_could_rename_it(repo: str, place: Path) -> None:
    theirs = place / "theirs"
    theirs.mkdir(mode=0o777)
    theirs.chmod(0o777)
    done = command("--repo", repo, "edit", EDITOR="sh -c 'dirname $1 >&2' sh", TMPDIR=str(theirs))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("/tmp/zonegit-edit-")


def test_a_plan_is_the_owner_s_though_root_read_the_file(repo: str, place: Path) -> None:
    wanted = place / "zone"
    wanted.write_text(command("--repo", repo, "export").stdout + "www A 192.0.2.1\n")
    wanted.chmod(0o600)
    plans = place / "plans"
    plans.mkdir()
    refused = command("--repo", repo, "plan", str(wanted), "-o", str(plans / "plan"))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "Permission denied" in refused.stderr
    os.chown(plans, OTHER, OTHER)
    assert command("--repo", repo, "plan", str(wanted), "-o", str(plans / "plan")).returncode == 0
    assert (plans / "plan").stat().st_uid == OTHER
    assert command("--repo", repo, "apply", str(plans / "plan")).returncode == 0
    part = place / "part"
    part.write_text("www 60 A 192.0.2.2\n")
    part.chmod(0o600)
    assert command("--repo", repo, "apply", str(part), "--below", "www").returncode == 0
