"""Root edits and plans as the repository's owner: the editor, the text and the plan are that user's.

And root leaves nothing in a directory of somebody else.
"""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from otherkit import OTHER, place_for_all
from otherkit import command as as_anybody

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to act as two users")


command = partial(as_anybody, SUDO_UID=str(OTHER), HOME="/root")
"""`zonegit`, called by root in the other user's name."""


@pytest.fixture
def place() -> Iterator[Path]:
    with place_for_all() as path:
        yield path


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
