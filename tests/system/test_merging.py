"""`merge`, `revert` and `cherry-pick` as processes; whatever refuses leaves the repository as it was."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from samekit import State, state
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.lmdb import LmdbStore

ZONEGIT = Path(sys.executable).parent / "zonegit"
Call = Callable[..., "subprocess.CompletedProcess[str]"]
BOB = ("--author", "Bob <bob@example.org>")


@pytest.fixture
def zonegit(repo: Path) -> Call:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    environment = {**kept, "ZONEGIT_REPO": str(repo), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}

    def call(*argv: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([ZONEGIT, *argv], env=environment, capture_output=True, text=True, timeout=60)

    return call


@pytest.fixture
def apart(zonegit: Call) -> Call:
    """Branches `main` and `feature` that gave `www` different addresses; `feature` has a host of its own."""
    for argv in [
        ("branch", "feature"),
        ("set", "new", "A", "300", "192.0.2.30", "--branch", "feature", "-m", "A new host", *BOB),
        ("set", "www", "A", "300", "192.0.2.20", "--branch", "feature", "-m", "Renumber", *BOB),
        ("set", "www", "A", "60", "192.0.2.99", "-m", "Move www to the new rack"),
    ]:
        assert zonegit(*argv).returncode == 0
    return zonegit


def but_for_what_stopped(path: Path) -> State:
    found = state(path)
    settings = found["settings"]
    assert isinstance(settings, list)
    return {**found, "settings": [each for each in settings if b"MERGE" not in each[0]]}


def addresses(zonegit: Call, name: str) -> list[str]:
    return [line.split()[-1] for line in zonegit("show", name, "A").stdout.splitlines()]


def test_a_merge_stops_is_resolved_and_goes_on(apart: Call, repo: Path) -> None:
    before = but_for_what_stopped(repo)
    stopped = apart("merge", "feature")
    assert stopped.returncode == 4
    lines = stopped.stdout.splitlines()
    assert lines[:3] == [
        "conflict: www.example.org. A",
        "  base    300  192.0.2.10",
        "          300  192.0.2.11",
    ]
    assert lines[3].startswith("  ours     60  192.0.2.99          (Ada, ")
    assert lines[4].startswith("  theirs  300  192.0.2.20          (Bob, ")
    assert lines[4].endswith(": Renumber)")
    assert stopped.stderr.startswith("zonegit: merge feature: 1 conflict")
    assert but_for_what_stopped(repo) == before
    assert "zonegit merge --continue" in apart("status").stdout
    again = apart("merge", "--continue", "--json")
    assert (again.returncode, len(json.loads(again.stdout)["conflicts"])) == (4, 1)
    assert but_for_what_stopped(repo) == before
    assert apart("merge", "--continue", "--resolve", "www", "A", "both").returncode == 0
    assert (addresses(apart, "www"), addresses(apart, "new")) == (["192.0.2.20", "192.0.2.99"], ["192.0.2.30"])
    assert "already up to date" in apart("merge", "feature").stderr
    assert apart("fsck").returncode == 0


def test_abort_leaves_everything_as_it_was(apart: Call, repo: Path) -> None:
    before = state(repo)
    for verb, revision in [("merge", "feature"), ("cherry-pick", "feature"), ("revert", "feature")]:
        assert apart(verb, revision).returncode == 4
        assert apart(verb, "--abort").returncode == 0
        assert state(repo) == before


def test_a_fast_forward(apart: Call) -> None:
    assert apart("branch", "behind", "feature~1").returncode == 0
    assert apart("merge", "feature", "--branch", "behind", "--ff-only").returncode == 0
    assert apart("log", "feature..behind", "--oneline").stdout == ""
    assert apart("log", "behind..feature", "--oneline").stdout == ""
    assert "merge feature: Fast-forward" in apart("reflog", "behind").stdout


def test_revert_and_cherry_pick(apart: Call) -> None:
    assert apart("cherry-pick", "feature~1", "-x").returncode == 0
    assert addresses(apart, "new") == ["192.0.2.30"]
    shown = apart("show", "HEAD").stdout
    assert "Author: Bob <bob@example.org>" in shown
    assert "(cherry picked from commit " in shown
    assert apart("revert", "HEAD~2..HEAD").returncode == 0
    assert (addresses(apart, "new"), addresses(apart, "www")) == ([], ["192.0.2.10", "192.0.2.11"])
    assert 'Revert "Move www to the new rack"' in apart("log", "-n", "1").stdout
    assert "skipped a commit" in apart("revert", "HEAD~2").stderr


REFUSALS = [
    (("merge",), 2, "name a REV"),
    (("merge", "nowhere"), 5, "nowhere"),
    (("merge", "feature", "--ff-only"), 1, "no fast-forward to feature"),
    (("merge", "feature", "--dry-run"), 4, "dry run, nothing written"),
    (("merge", "feature", "--ours", "--theirs"), 2, "not allowed with"),
    (("merge", "feature", "--abort"), 2, "takes no REV"),
    (("merge", "feature", "--branch", "nowhere"), 5, "nowhere"),
    (("merge", "--continue"), 5, "has stopped"),
    (("merge", "--abort"), 5, "has stopped"),
    (("revert",), 2, "name a REV"),
    (("revert", "feature..feature"), 1, "no commits"),
    (("revert", "main", "-m", "2"), 1, "has no parent 2"),
    (("revert", "main", "-m", "zero"), 2, "the number of a parent"),
    (("revert", "main~1"), 1, "is the first commit of the zone"),
    (("cherry-pick", "nowhere"), 5, "nowhere"),
    (("cherry-pick", "--skip"), 5, "has stopped"),
    (("cherry-pick", "main", "feature", "--message", "x"), 2, "--message is for a single commit"),
]


def test_each_refusal_leaves_the_repository_as_it_was(apart: Call, repo: Path) -> None:
    before = state(repo)
    for argv, code, told in REFUSALS:
        result = apart(*argv)
        assert (argv, result.returncode, told in result.stderr) == (argv, code, True)
        assert result.stderr.count("\n") == 1
        assert state(repo) == before


def test_refusals_on_a_mirror_of_another_zone_and_of_a_merge(apart: Call, repo: Path) -> None:
    assert apart("merge", "feature", "--theirs").returncode == 0
    assert apart("zone", "add", "example.net").returncode == 0
    other = json.loads(apart("log", "--zone", "example.net", "--json").stdout)[0]["commit"]
    before = state(repo)
    for argv, told in [
        (("merge", other), "only commits of the same zone"),
        (("cherry-pick", other), "only commits of the same zone"),
        (("revert", "HEAD"), "-m 1"),
        (("cherry-pick", "HEAD"), "-m 1"),
    ]:
        result = apart(*argv)
        assert (argv, result.returncode, told in result.stderr) == (argv, 1, True)
        assert state(repo) == before
    store = LmdbStore.open(repo)
    with store.write() as writer:
        writer.set_setting(mirror_setting("example.org."), b"p1")
    store.close()
    before = state(repo)
    for argv in [("merge", "feature"), ("revert", "HEAD~1"), ("cherry-pick", "feature")]:
        result = apart(*argv)
        assert (argv, result.returncode, "mirrored from p1" in result.stderr) == (argv, 1, True)
        assert state(repo) == before
