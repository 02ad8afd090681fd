"""`log`, `blame`, `when`, `show` and `diff` as processes, on a history with merges; a refusal changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samekit import state

ZONEGIT = Path(sys.executable).parent / "zonegit"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def zonegit(place):
    """`zonegit("log", …)` runs the installed command, on a zone with a branch that was merged."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    env = {**kept, "ZONEGIT_REPO": str(place / "repo"), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}

    def call(*argv):
        return subprocess.run([ZONEGIT, *argv], env=env, capture_output=True, text=True, timeout=60, check=False)

    for argv in (
        ["init", "example.org"],
        ["set", "www", "A", "300", "192.0.2.1", "-m", "First www"],
        ["checkout", "-b", "staging"],
        ["set", "mail", "A", "300", "192.0.2.25", "-m", "Add mail"],
        ["checkout", "main"],
        ["set", "www", "A", "300", "192.0.2.2", "-m", "Move www"],
        ["merge", "staging", "-m", "Merge staging"],
    ):
        done = call(*argv)
        assert done.returncode == 0, done
    return call


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["log", "--oneline", "www"], ["First www", "Move www"]),
        (["log", "--graph", "--oneline"], ["*   ", "|\\", "| * ", "|/"]),
        (["log", "--all", "--first-parent", "--oneline", "--", "www", "A"], ["First www", "Move www"]),
        (["log", "main...staging", "--oneline"], ["Merge staging", "Move www"]),
        (["log", "-p", "-n", "1", "mail"], ["Add mail", "+mail.example.org."]),
        (
            ["log", "--stat", "--since", "2000-01-01", "--until", "now", "--author", "Ada", "www"],
            ["1 RRset changed"],
        ),
        (["log", "--json", "-1"], ['"parents": ["']),
        (["blame", "www"], ["Ada", "192.0.2.2"]),
        (["blame", "mail", "A", "--json"], ["Add mail"]),
        (["when", "www", "A", "192.0.2.1"], ["went", "came", "Move www", "First www"]),
        (["when", "www", "A", "192.0.2.1", "main~1", "--json"], ['"event": "went"']),
        (["show", "main"], ["Merge:", "Merge staging"]),
        (["show", "main", "-m", "1"], ["+mail.example.org."]),
        (["diff", "main~1...staging"], ["+mail.example.org."]),
        (["diff", "main~1...staging", "--name-only"], ["mail.example.org."]),
        (["diff", "main~1...staging", "--json"], ['"old": []']),
    ],
    ids=" ".join,
)
def test_each_verb_answers(zonegit, argv, words) -> None:
    done = zonegit(*argv)
    assert (done.returncode, done.stderr) == (0, "")
    for word in words:
        assert word in done.stdout


def test_differences_have_an_exit_code(zonegit) -> None:
    assert zonegit("diff", "main~1...staging", "--exit-code").returncode == 3
    assert zonegit("diff", "main...staging", "--exit-code").returncode == 0


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["log", "nothing"], 5),
        (["log", "www", "A", "more"], 2),
        (["log", "--", "www.example.net."], 1),
        (["diff", "main...nothing"], 5),
        (["show", "-m", "3"], 5),
        (["show", "-m", "none"], 2),
        (["blame", "nothing"], 5),
        (["when", "www", "A", "192.0.2.99"], 5),
        (["when", "www", "A", "nonsense"], 1),
        (["when", "www"], 2),
        (["show", "@{upstream}"], 5),
        (["wehn", "www", "A", "192.0.2.1"], 2),
    ],
    ids=str,
)
def test_what_is_refused_is_one_line_and_changes_nothing(zonegit, place, argv, code) -> None:
    before = state(place / "repo")
    done = zonegit(*argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("zonegit: ") and done.stderr.count("\n") == 1
    assert state(place / "repo") == before
