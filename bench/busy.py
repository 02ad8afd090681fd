"""Queries per second while a commit lands in the zone each second, in turn with quiet seconds of the same server.

Each commit changes one address, so the server takes up a new version and its caches of that zone begin anew. No
query may be lost meanwhile.
"""

import threading
import time
from argparse import Namespace
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import nodes
import udp
from figures import Figure, at_least, at_most, median_ratio
from material import synthetic_queries, synthetic_zone
from peers import Server
from processes import split_cores
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A

_BUSY: Final = 5
"""Seconds of a sample with commits, and as many commits."""
_QUIET: Final = 2
"""Seconds of a sample without."""


class Committer:
    """Changes an address of the zone each second, in a thread, while the block lasts."""

    def __init__(self, repository: Repository, numbers: "count[int]") -> None:
        self._repository = repository
        self._numbers = numbers
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.done = 0

    def __enter__(self) -> "Committer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + 0.5
        while not self._over.wait(max(due - time.monotonic(), 0)):
            self._repository.set("committed", A, 300, [(0x0A000000 + next(self._numbers)).to_bytes(4, "big")])
            self.done += 1
            due += 1


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    zone = synthetic_zone(args.names, place)
    queries = synthetic_queries(args.names, place)["zipf"]
    repo = nodes.imported(zone, place / "repo")
    busy: list[udp.Sample] = []
    quiet: list[udp.Sample] = []
    commits = 0
    numbers = count(1)

    def sample(server: Server, seconds: int) -> udp.Sample:
        return udp.take_sample(server, queries, cores, seconds)

    with nodes.serving(repo, zone, cores.server) as server, Repository.open(repo) as repository:
        sample(server, 1)
        while commits < args.commits:
            quiet.append(sample(server, _QUIET))
            with Committer(repository, numbers) as committer:
                busy.append(sample(server, _BUSY))
            commits += committer.done
    ratio = median_ratio([each.rate for each in busy], [each.rate for each in quiet])
    lost = max(each.lost for each in busy)
    figures = [
        Figure(
            f"UDP, repeating names, while {commits} commits land, one a second", ratio, "× quiet", at_least(0.9)
        ),
        Figure("the same: queries lost, most in a sample", lost, "%", at_most(0)),
    ]
    rows: list[list[Cell]] = [
        [name, median(each.rate for each in taken), max(each.lost for each in taken), len(taken)]
        for name, taken in (("quiet", quiet), ("commits", busy))
    ]
    return Report("busy", figures, [Table("Commits", ("seconds", "q/s (median)", "lost %", "samples"), rows)])


if __name__ == "__main__":
    parser = options("busy", "queries per second while commits land")
    parser.add_argument("--commits", type=int, default=60, help="about so many, one a second (60)")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    run(bench, parser)
