"""Reading the history of a large zone: what two versions differ in, and who changed a name 10,000 commits ago.

`Repository.diff` in a running program; `zonegit log`, `blame`, `diff`, `zone list` and `--help` as whole processes.
Beside them git, on a repository with a file for each name, in directories of a hundred, and the same changes.
"""

import shutil
import subprocess
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import small_zones
from figures import Figure, at_most, median_ratio, percentile
from material import flat_address, flat_name, flat_zone
from processes import MeasuringFailed, find_program, finished, own_program
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A
from zonegit.store.lmdb import LmdbStore

_TTL: Final = 300
_SEED: Final = 11
_WHO: Final = b"committer bench <bench@example.org> %d +0000\n"
_BEGUN: Final = 1_767_225_600
_FEW, _MANY = 1, 1000
"""Changes between the two versions that are compared."""


def changes(names: int, commits: int) -> Iterator[tuple[int, bytes]]:
    """The name that each commit changes and its new address: first the one that is asked about, then others."""
    rng = Random(_SEED)
    asked = names // 3
    yield asked, flat_address(asked, commits + 1)
    for turn in range(commits):
        number = (asked + 1 + rng.randrange(names - 1)) % names
        yield number, flat_address(number, turn + 1)


def fill(repo: Path, names: int, commits: int) -> None:
    with Repository.init(repo) as repository:
        repository.import_zone(flat_zone(names), source="flat")
        for number, address in changes(names, commits):
            repository.set(flat_name(number), A, _TTL, [address])


def git_path(number: int) -> str:
    """The file of a name: a hundred entries in each directory but the first."""
    digits = f"{number:07d}"
    return f"{digits[:-4]}/{digits[-4:-2]}/{digits[-2:]}"


def fill_git(directory: Path, names: int, commits: int) -> None:
    """The same history under git, packed."""
    git = find_program("git")
    finished([git, "init", "-q", "--bare", "-b", "main", str(directory)])
    argv = [git, "-C", str(directory), "fast-import", "--quiet"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        write = process.stdin.write
        write(b"commit refs/heads/main\n" + _WHO % _BEGUN + b"data 0\n")
        for number in range(names):
            write(_file(number, flat_address(number, 0)))
        for at, (number, address) in enumerate(changes(names, commits), 1):
            write(b"commit refs/heads/main\n" + _WHO % (_BEGUN + at) + b"data 0\n" + _file(number, address))
    if process.returncode:
        raise MeasuringFailed("git fast-import failed")


def _file(number: int, address: bytes) -> bytes:
    text = f"{flat_name(number)} {_TTL} A {'.'.join(map(str, address))}\n".encode()
    return b"M 100644 inline %b\ndata %d\n%b\n" % (git_path(number).encode(), len(text), text)


def timed(work: Callable[[], object]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def differences(repo: Path, back: int, turns: int) -> list[float]:
    """Milliseconds of each comparison of HEAD with the version so many commits back."""
    with Repository.open(repo, readonly=True) as repository:
        old = repository.resolve(f"HEAD~{back}").id.hex()
        new = repository.resolve().id.hex()
        return [timed(lambda: list(repository.diff(old, new))) for _ in range(turns)]


def processes(ours: list[str], theirs: list[str] | None, turns: int) -> tuple[list[float], list[float]]:
    """Milliseconds of two commands, in turn."""
    mine: list[float] = []
    others: list[float] = []
    for _ in range(turns):
        mine.append(timed(lambda: finished(ours)))
        if theirs:
            others.append(timed(lambda: finished(theirs)))
    return mine, others


def bench(args: Namespace, place: Path) -> Report:
    repo, bare, zones = place / "repo", place / "git", place / "zones"
    fill(repo, args.names, args.commits)
    LmdbStore.create(zones).close()
    small_zones.fill(zones, args.zones)
    git = [find_program("git"), "-C", str(bare)] if shutil.which("git") else None
    if git:
        fill_git(bare, args.names, args.commits)
    figures: list[Figure] = []
    for count, budget in ((_FEW, 5), (_MANY, 500)):
        back = min(count, args.commits)
        found = differences(repo, back, args.turns)
        what = f"diff of two versions of {args.names:,} names that differ in {back:,}: `Repository.diff`, median"
        figures.append(Figure(what, median(found), "ms", at_most(budget)))
    asked = args.names // 3
    zonegit = [own_program("zonegit"), "--repo", str(repo)]
    path = git_path(asked)
    ago = f"of a name that was changed {args.commits:,} commits ago, {args.names:,} names"
    last = f"HEAD~{min(_MANY, args.commits)}"
    calls: list[tuple[str, float | None, list[str], list[str] | None]] = [
        (
            f"`log -n 20 NAME` {ago}",
            1000,
            [*zonegit, "log", "-n", "20", flat_name(asked)],
            ["log", "-n20", "main", "--", path],
        ),
        (f"`blame NAME` {ago}", 1000, [*zonegit, "blame", flat_name(asked)], ["blame", "main", "--", path]),
        (f"`diff {last}`", None, [*zonegit, "diff", last], ["diff", last.replace("HEAD", "main"), "main"]),
        (f"`zone list` of {args.zones:,} zones", 300, [zonegit[0], "--repo", str(zones), "zone", "list"], None),
        ("`zonegit --help`", 80, [zonegit[0], "--help"], None),
    ]
    rows: list[list[Cell]] = []
    for what, limit, ours, words in calls:
        theirs = [*git, *words] if git and words else None
        mine, others = processes(ours, theirs, args.turns)
        ratios = {f"git {words[0]}": median_ratio(mine, others)} if theirs and words else {}
        budget_ = at_most(limit) if limit else None
        figures.append(Figure(f"{what}, whole process, median", median(mine), "ms", budget_, ratios))
        rows.append([what, median(mine), percentile(mine, 95), median(others) if others else ""])
    table = Table("Whole processes", ("command", "ms (median)", "p95", "git, ms (median)"), rows)
    notes = ["git: a file for each name, packed by fast-import"] if git else ["git left out: git is not installed"]
    return Report("history", figures, [table], notes)


if __name__ == "__main__":
    parser = options("history", "what reading the history of a large zone costs")
    parser.add_argument("--names", type=int, default=1_000_000, help="names of the zone (1,000,000)")
    parser.add_argument("--commits", type=int, default=10_000, help="commits since the name was changed (10,000)")
    parser.add_argument("--zones", type=int, default=10_000, help="zones for `zone list` (10,000)")
    parser.add_argument("--turns", type=int, default=7, help="times that each is measured (7)")
    run(bench, parser)
