"""`log` of a name lists the commits that `git log` of a file lists, over made histories with merges of every kind.

`ZONEGIT_LOG_AS_GIT` is how many histories are made, `ZONEGIT_SEED` what they are made from.
"""

import os
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from historykit import OWNERS, TYPES, VALUES, History, Made, build, records

SEED = int(os.environ.get("ZONEGIT_SEED", "20261129"))
HISTORIES = int(os.environ.get("ZONEGIT_LOG_AS_GIT", "20"))
COMMITS = 12
ASKED = 4
"""Questions to each history."""


def made_history(rng: Random) -> History:
    made: list[Made] = []
    for number in range(COMMITS):
        count = min(number, rng.choice((1, 1, 1, 2, 2, 3, 0)))
        parents = tuple(rng.sample(range(number), count))
        content = {}
        for owner in OWNERS:
            for rtype in TYPES:
                taken = rng.choice([*(made[at].content.get((owner, rtype)) for at in parents), "new"])
                if taken == "new":
                    taken = 60, frozenset(rng.sample(VALUES[rtype], rng.randrange(3)))
                if taken and taken[1]:
                    content[owner, rtype] = taken
        made.append(Made(parents, content))
    return made


def under_git(history: History, directory: Path) -> None:
    """The same history under git, a file for each owner that has records; a branch for each commit."""
    lines: list[bytes] = []
    for number, made in enumerate(history):
        lines.append(b"commit refs/heads/c%d\nmark :%d\n" % (number, number + 1))
        lines.append(
            b"committer test <test@example.org> %d +0000\ndata <<.\n%d\n.\n" % (1_767_225_600 + number, number)
        )
        lines += [b"%b :%d\n" % (b"merge" if at else b"from", parent + 1) for at, parent in enumerate(made.parents)]
        lines.append(b"deleteall\n")
        for owner in OWNERS:
            text = repr(sorted(records(made, owner))).encode()
            if records(made, owner):
                lines.append(b"M 100644 inline %b\ndata %d\n%b\n" % (owner.encode(), len(text), text))
    subprocess.run(["git", "init", "-q", "--bare", directory], check=True)
    subprocess.run(["git", "-C", directory, "fast-import", "--quiet"], input=b"".join(lines), check=True)


def by_git(directory: Path, *words: str) -> set[int]:
    done = subprocess.run(
        ["git", "-C", directory, "log", "--format=%s", *words], capture_output=True, text=True, check=True
    )
    return set(map(int, done.stdout.split()))


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_a_log_of_a_name_lists_what_git_lists_of_a_file(tmp_path: Path) -> None:
    rng = Random(SEED)
    for number in range(HISTORIES):
        history = made_history(rng)
        directory = tmp_path / str(number)
        under_git(history, directory)
        repository, ids = build(history)
        for _ in range(ASKED):
            start, *without = (rng.randrange(COMMITS) for _ in range(rng.choice((1, 1, 2))))
            owner = rng.choice(OWNERS)
            more = rng.choice(([], [] if without else ["--first-parent"]))
            theirs = by_git(directory, *more, f"c{start}", *(f"^c{at}" for at in without), "--", owner)
            words = [ids[start].hex(), *(f"^{ids[at].hex()}" for at in without)]
            ours = repository.log(*words, name=owner, first_parent=bool(more))
            assert {int(each.commit.message) for each in ours} == theirs, (number, start, without, owner, more)
