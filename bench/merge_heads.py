"""What the canonical merge costs where two nodes were apart: its CPU, over what a repository holds.

Each side has made its own commits of one record since they last met; one in a hundred names was changed on both.
`repo.canonical.reconcile` is called on a repository that was just opened, so nothing is cached.
"""

import time
from argparse import Namespace
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from figures import Figure, at_most
from material import flat_name, flat_zone
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A
from zonegit.repo.canonical import Merged, reconcile
from zonegit.repo.content import SharedReads
from zonegit.tree.source import Nodes

_TTL: Final = 300
_SEED: Final = 5
_SIDES: Final = ("main", "other")
_BOTH: Final = 100
"""One in so many changes is of a name that the other side changes, too."""


def fill(repo: Path, names: int, commits: int) -> None:
    """A flat zone, and two branches that have gone their own ways."""
    with Repository.init(repo) as repository:
        repository.import_zone(flat_zone(names), source="flat")
        repository.create_branch(_SIDES[1])
        rng = Random(_SEED)
        drawn = rng.sample(range(names), 2 * commits)
        for turn in range(commits):
            for number, branch in enumerate(_SIDES):
                at = drawn[turn] if turn % _BOTH == 0 else drawn[number * commits + turn]
                repository.set(flat_name(at), A, _TTL, [rng.randbytes(4)], branch=branch)


def merges(repo: Path, back: int, turns: int) -> tuple[list[float], Merged]:
    """CPU milliseconds of each merge of two versions, each so many commits after the last that both have."""
    times: list[float] = []
    for _ in range(turns):
        with Repository.open(repo, readonly=True) as repository:
            total = len(list(repository.log(f"{_SIDES[1]}..{_SIDES[0]}")))
            tips = [repository.resolve(f"{side}~{total - back}").id for side in _SIDES]
        with Repository.open(repo, readonly=True) as repository:
            source = SharedReads(repository._context.store)
            start = time.process_time()
            with source.shared():
                merged = reconcile(Nodes(source), *tips)
            times.append((time.process_time() - start) * 1000)
    return times, merged


def bench(args: Namespace, place: Path) -> Report:
    repo = place / "repo"
    most = max(args.commits)
    fill(repo, args.names, most)
    figures: list[Figure] = []
    rows: list[list[Cell]] = []
    for count in args.commits:
        times, merged = merges(repo, count, args.turns)
        what = f"canonical merge of two heads {count:,} commits apart each, {args.names:,} names, CPU, median"
        figures.append(Figure(what, median(times), "ms", at_most(1000)))
        size = sum(map(len, merged.objects))
        rows.append([f"{count:,}", median(times), max(times), len(merged.rules), len(merged.objects), size])
    columns = (
        "commits of each",
        "CPU ms (median)",
        "most",
        "RRsets decided by a rule",
        "new objects",
        "their bytes",
    )
    return Report("merge_heads", figures, [Table("Canonical merges", columns, rows)])


if __name__ == "__main__":
    parser = options("merge_heads", "what the canonical merge of two heads costs")
    parser.add_argument("--names", type=int, default=1_000_000, help="names of the zone (1,000,000)")
    parser.add_argument("--commits", type=int, nargs="+", default=[1, 1000], help="commits that each side has made")
    parser.add_argument("--turns", type=int, default=5, help="times that each is measured (5)")
    run(bench, parser)
