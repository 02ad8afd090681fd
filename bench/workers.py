"""Queries per second of two workers on two cores beside one on one, in turn; dnsperf has the cores that are left.

Asked as resolvers ask, in random case with a cookie: others cost a worker so little that dnsperf on two cores is
soon the slower side. What the workers worked tells. The kernel spreads clients over workers by their ports, so some
sockets ask.
"""

from argparse import Namespace
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import nodes
import udp
from figures import Figure, at_least, median_ratio
from material import absent_queries, in_random_case, sliced, synthetic_queries, synthetic_zone
from processes import Cores, core_list, worked
from report import Cell, Report, Table, options
from script import run

_SOCKETS: Final = 20
"""Of dnsperf, for each of its cores; it looks at each one in turn, so more of them make it slower."""
_OUTSTANDING: Final = 1000
"""Queries in flight: enough for full batches at both workers."""
_COOKIE: Final = ("-e", "-E", "10:0102030405060708")
_SLICE: Final = 200_000
_IDLE: Final = 90
"""Percent: below that much work the servers waited for dnsperf."""
_TITLES: Final = {"rand": "names that do not exist", "zipf": "repeating names"}


def bench(args: Namespace, place: Path) -> Report:
    usable = core_list()
    if len(usable) < 3:
        return Report("workers", [], [], ["left out: two workers and dnsperf need three cores, and taskset"])
    load = ",".join(map(str, usable[2:]))
    one = Cores(str(usable[0]), load, len(usable) - 2)
    pair = f"{usable[0]},{usable[1]}"
    zone = synthetic_zone(args.names, place)
    queries = {
        "rand": in_random_case(absent_queries(place / "absent", 4 * _SLICE)),
        "zipf": in_random_case(synthetic_queries(args.names, place)["zipf"]),
    }
    figures: list[Figure] = []
    rows: list[list[Cell]] = []
    notes: list[str] = []
    repo = nodes.imported(zone, place / "repo")
    with ExitStack() as stack:
        single = stack.enter_context(nodes.serving(repo, zone, one.server))
        double = stack.enter_context(nodes.serving(repo, zone, pair, workers=2))
        for load_name, file in queries.items():
            slices = sliced(file, _SLICE)
            taken: dict[int, list[udp.Sample]] = {1: [], 2: []}
            for turn in range(args.seconds + 1):
                part = slices[turn % len(slices)]
                for workers, server in ((1, single), (2, double)):
                    before = worked(server.pid)
                    found = udp.take_sample(server, part, one, 1, _COOKIE, _SOCKETS, _OUTSTANDING)
                    if turn:
                        share = 100 * (worked(server.pid) - before) / workers
                        taken[workers].append(replace(found, busy=share))
            ratio = median_ratio([each.rate for each in taken[2]], [each.rate for each in taken[1]])
            what = f"UDP, {_TITLES[load_name]} in random case with a cookie: two workers on two cores"
            figures.append(Figure(what, ratio, "× one worker", at_least(1.4)))
            busy = {workers: median(each.busy for each in samples) for workers, samples in taken.items()}
            rows += [
                [f"{_TITLES[load_name]}, {workers}", median(each.rate for each in samples), busy[workers]]
                for workers, samples in taken.items()
            ]
            if busy[2] < _IDLE:
                notes.append(
                    f"{_TITLES[load_name]}: two workers worked {busy[2]:.0f} % of the time each: dnsperf was the "
                    "slower side, or others had their cores"
                )
    table = Table("Workers", ("load, workers", "q/s (median)", "each worked %"), rows)
    return Report("workers", figures, [table], notes)


if __name__ == "__main__":
    parser = options("workers", "two workers beside one")
    parser.add_argument("--seconds", type=int, default=10, help="samples of a second per server and load (10)")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    run(bench, parser)
