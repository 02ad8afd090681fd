"""Several cold secondaries at once, served by one replication worker and by two.

Each is a process with a `ReplicationClient`; time runs from when all of them are ready until the last one has
everything, verified and durable. The start of processes isn't part of it, nor are views. The secondaries need
processors too: where they are as many as these, what a second worker brings is hidden. So the processor time of the
primary's busiest process is told beside it, which is what bounds the rate where processors are free.
"""

import asyncio
import multiprocessing
import os
import time
from argparse import Namespace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import nodes
from figures import Figure, at_least
from material import synthetic_zone
from polling import busy, children
from processes import MeasuringFailed
from report import Cell, Report, Table, options
from script import run
from zonegit import Keyring, ReplicationClient

_DEADLINE = 300.0
_SERVERS = (1, 2)
_WHY = "{cores} cores; a primary well below 100 % of one doesn't bound the rate: the secondaries' checks do"


def follow(repo: Path, url: str, keys: Path, ready: Barrier) -> None:
    """Be a secondary: get everything once, when all are ready."""

    async def sync() -> None:
        async with ReplicationClient(repo, url, nodes.AUDIENCE, Keyring.load(keys), nodes.KEY) as client:
            ready.wait(_DEADLINE)
            await client.sync()

    asyncio.run(sync())


def cold_crowd(source: nodes.Primary, keys: Path, repos: list[Path]) -> tuple[float, list[float]]:
    """Seconds until the last of the secondaries has everything, and of processor time of each of the primary's."""
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Barrier(len(repos) + 1)
    crowd = [spawn.Process(target=follow, args=(repo, source.url, keys, ready)) for repo in repos]
    for each in crowd:
        each.start()
    ready.wait(_DEADLINE)
    serving = children(source.program.process.pid)
    before = [busy(pid) for pid in serving]
    start = time.perf_counter()
    for each in crowd:
        each.join(_DEADLINE)
    seconds = time.perf_counter() - start
    if any(each.exitcode for each in crowd):
        raise MeasuringFailed("a secondary failed")
    return seconds, [busy(pid) - was for pid, was in zip(serving, before, strict=True)]


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    repo, keys = nodes.imported(zone, place / "primary"), nodes.new_keys(place / "keys")
    objects = nodes.objects_in(repo) * args.secondaries
    rows: list[list[Cell]] = []
    rates: dict[int, float] = {}
    for workers in _SERVERS:
        repos = [nodes.repository(place / f"mirror-{workers}-{at}") for at in range(args.secondaries)]
        with nodes.primary(repo, keys, zone, replication_workers=workers) as source:
            seconds, worked = cold_crowd(source, keys, repos)
        rates[workers] = objects / seconds
        rows.append([f"{workers}", seconds, objects, rates[workers], sum(worked) / seconds * 100, max(worked)])
    cores = len(os.sched_getaffinity(0))
    what = f"{args.secondaries} cold secondaries of {zone.records:,} records at once"
    columns = ("workers", "s", "objects", "objects/s", "primary, % of a core", "its busiest process, CPU s")
    figure = Figure(f"{what}: 2 workers beside 1", rates[2] / rates[1], "×", at_least(1.6))
    return Report("crowd", [figure], [Table("Workers", columns, rows)], [_WHY.format(cores=cores)])


if __name__ == "__main__":
    parser = options("crowd", "several cold secondaries at once")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--secondaries", type=int, default=4, help="secondaries (4)")
    run(bench, parser)
