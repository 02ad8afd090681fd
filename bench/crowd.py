"""Several cold secondaries at once, served by one replication worker and by two.

Each is a whole daemon that starts empty; time runs from the start of the first until the last one's DNS answers.
The rate is the objects that all of them then hold, by that time. They come from one address, so as connections go
they are one source.
"""

import time
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path

import nodes
from dns_client import wait_for_serial
from figures import Figure, at_least
from material import ZoneFile, synthetic_zone
from report import Cell, Report, Table, options
from script import run
from zonegit.store.lmdb import LmdbStore

_DEADLINE = 300.0
_SERVERS = (1, 2)


def cold_crowd(source: nodes.Primary, keys: Path, zone: ZoneFile, repos: list[Path]) -> float:
    """Seconds until the last of the secondaries answers."""
    start = time.perf_counter()
    with ExitStack() as stack:
        mirrors = [stack.enter_context(nodes.secondary(repo, keys, source)) for repo in repos]
        return (
            max(
                wait_for_serial(each.dns.port, zone.apex, zone.serial, each.program.check, _DEADLINE, 0.02)
                for each in mirrors
            )
            - start
        )


def objects_in(repo: Path) -> int:
    store = LmdbStore.open(repo, readonly=True)
    try:
        return sum(store.stat().objects.values())
    finally:
        store.close()


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    repo, keys = nodes.imported(zone, place / "primary"), nodes.new_keys(place / "keys")
    objects = objects_in(repo) * args.secondaries
    rows: list[list[Cell]] = []
    rates: dict[int, float] = {}
    for workers in _SERVERS:
        repos = [nodes.repository(place / f"mirror-{workers}-{at}") for at in range(args.secondaries)]
        with nodes.primary(repo, keys, zone, replication_workers=workers) as source:
            seconds = cold_crowd(source, keys, zone, repos)
        rates[workers] = objects / seconds
        rows.append([f"{workers}", seconds, objects, rates[workers]])
    what = f"{args.secondaries} cold secondaries of {zone.records:,} records at once: 2 workers beside 1"
    figure = Figure(what, rates[2] / rates[1], "×", at_least(1.6))
    return Report("crowd", [figure], [Table("Workers", ("workers", "s", "objects", "objects/s"), rows)])


if __name__ == "__main__":
    parser = options("crowd", "several cold secondaries at once")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--secondaries", type=int, default=4, help="secondaries (4)")
    run(bench, parser)
