"""What a policy costs: from a commit to its answer over UDP, in a zone with an empty policy beside one without.

Both zones have the same records and are served by the same daemon. They are committed to in turn, so that the ratio
is of neighbours in time.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from dns_client import wait_for_serial
from figures import Figure, at_most, median_ratio, percentile
from material import flat_address, synthetic_zone
from nodes import repository
from processes import MeasuringFailed, Program, finished, free_port, own_program, running
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A

_DEADLINE: Final = 60.0
_SEED: Final = 7
_WITH: Final = "with.test."
_WITHOUT: Final = "without.test."
_NOW: Final = 0.0
"""Asks again at once."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon whose zone `with.test.` has a policy."""

    repo: Path
    dns: int
    program: Program


@contextmanager
def serving(place: Path, names: int) -> Iterator[Daemon]:
    zone = synthetic_zone(names, place)
    repo, port, file = repository(place / "repo"), free_port(), place / "zonegitd.toml"
    for apex in (_WITH, _WITHOUT):
        copy = place / f"{apex}zone"
        copy.write_text(zone.path.read_text().replace(zone.apex, apex))
        finished([own_program("zonegit"), "-C", str(repo), "import", str(copy)])
    file.write_text(f'[zone."{_WITH}".publish]\nmax_deletes = 1000\n')
    argv = [own_program("zonegitd"), "--repo", str(repo), "--listen", f"127.0.0.1:{port}", "--config", str(file)]
    with running(argv, place / "zonegitd.log") as program:
        for apex in (_WITH, _WITHOUT):
            wait_for_serial(port, apex, zone.serial, program.check, _DEADLINE)
        yield Daemon(repo, port, program)


def delays(daemon: Daemon, count: int) -> dict[str, list[float]]:
    """Milliseconds from the call that commits until the answer has the commit's serial; by zone."""
    rng = Random(_SEED)
    found: dict[str, list[float]] = {_WITH: [], _WITHOUT: []}
    with Repository.open(daemon.repo) as repo:
        _until_published(repo, daemon)
        for turn in range(2 * count):
            zone = (_WITH, _WITHOUT)[turn % 2]
            time.sleep(rng.uniform(0.01, 0.05))
            start = time.perf_counter()
            done = repo.set("www", A, 300, [flat_address(turn, turn + 1)], zone=zone)
            answered = wait_for_serial(daemon.dns, zone, done.serial, daemon.program.check, _DEADLINE, _NOW)
            found[zone].append((answered - start) * 1000)
    return found


def _until_published(repo: Repository, daemon: Daemon) -> None:
    end = time.perf_counter() + _DEADLINE
    while not repo.publications(_WITH):
        daemon.program.check()
        if time.perf_counter() > end:
            raise MeasuringFailed(f"{_WITH} was not published")
        time.sleep(0.01)


def bench(args: Namespace, place: Path) -> Report:
    with serving(place, args.names) as daemon:
        found = delays(daemon, args.commits)
    ratio = median_ratio(found[_WITH], found[_WITHOUT])
    what = f"commit → answered ({median(found[_WITH]):.1f} ms), through an empty policy, p50"
    rows: list[list[Cell]] = [
        [name, median(times), percentile(times, 95), max(times)]
        for name, times in (("with a policy", found[_WITH]), ("without", found[_WITHOUT]))
    ]
    figures = [Figure(what, ratio, "× without a policy", at_most(1.3))]
    table = Table(f"{args.commits} commits until answered", ("ms", "p50", "p95", "most"), rows)
    return Report("publish", figures, [table])


if __name__ == "__main__":
    parser = options("publish", "from a commit to its answer, with a policy and without")
    parser.add_argument("--names", type=int, default=10_000, help="names in the zones (10,000)")
    parser.add_argument("--commits", type=int, default=200, help="commits in each zone (200)")
    run(bench, parser)
