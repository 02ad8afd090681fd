"""How long answers take while the server is far from busy: the 99th percentile at two rates, beside Knot.

dnsperf sends at a fixed rate from the cores that the server doesn't have and prints what each answer took (`-v`).
Samples of a second are taken in turn; the 99th percentile is that of each sample, and a ratio is the median of the
ratios within each turn.
"""

import re
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

import nodes
import peers
from figures import Figure, at_most, median_ratio, percentile
from material import synthetic_queries, synthetic_zone
from processes import Cores, MeasuringFailed, find_program, finished, pinned, split_cores
from report import Cell, Report, Table, options
from script import run

_TAKEN: Final = re.compile(r"^> [A-Z]+ \S+ \S+ ([0-9.]+)$", re.MULTILINE)
_RATES: Final = (5_000, 20_000)
"""Queries per second."""
_ANSWERED: Final = 0.9
"""The share of the queries of a sample that must have been sent and answered for it to mean anything."""


def read_latencies(told: str) -> list[float]:
    """Microseconds of each answer, of what dnsperf -v printed."""
    return [float(found) * 1e6 for found in _TAKEN.findall(told)]


def take(server: peers.Server, queries: Path, cores: Cores, rate: int) -> list[float]:
    argv = [find_program("dnsperf"), "-s", "127.0.0.1", "-p", str(server.port), "-d", str(queries), "-v"]
    argv += ["-l", "1", "-Q", str(rate), "-T", "1", "-c", "8", "-q", "1000"]
    found = read_latencies(finished(pinned(argv, cores.load)))
    if not found:
        raise MeasuringFailed(f"dnsperf printed no latencies of {server.name}")
    return found


def measure(
    servers: Sequence[peers.Server], queries: Path, cores: Cores, rate: int, turns: int
) -> dict[str, list[list[float]]]:
    """So many turns of samples, after one that doesn't count; by server."""
    taken: dict[str, list[list[float]]] = {server.name: [] for server in servers}
    for turn in range(turns + 1):
        for server in servers:
            sample = take(server, queries, cores, rate)
            if turn:
                taken[server.name].append(sample)
    return taken


def _rows(rate: int, taken: dict[str, list[list[float]]]) -> Iterator[list[Cell]]:
    for name, samples in taken.items():
        parts = [median(percentile(sample, part) for sample in samples) for part in (50, 90, 99, 99.9)]
        yield [name, rate, median(map(len, samples)), *parts]


def figure(rate: int, taken: dict[str, list[list[float]]]) -> Figure:
    p99 = {name: [percentile(sample, 99) for sample in samples] for name, samples in taken.items()}
    ours = p99.pop(nodes.NAME)
    ratios = {name: median_ratio(ours, theirs) for name, theirs in p99.items()}
    what = f"latency at {rate:,} q/s over UDP, p99"
    if "Knot" in ratios:
        return Figure(f"{what} ({median(ours):,.0f} µs)", ratios["Knot"], "× Knot", at_most(2), ratios)
    return Figure(what, median(ours), "µs", None, ratios)


def _notes(rate: int, taken: dict[str, list[list[float]]]) -> Sequence[str]:
    return [
        f"{name}: at {rate:,} q/s only {median(map(len, samples)):,.0f} queries were answered within a second"
        for name, samples in taken.items()
        if median(map(len, samples)) < rate * _ANSWERED
    ]


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    zone = synthetic_zone(args.names, place)
    queries = synthetic_queries(args.names, place)["zipf"]
    repo = nodes.imported(zone, place / "repo")
    notes: list[str] = []
    figures: list[Figure] = []
    rows: list[list[Cell]] = []
    with ExitStack() as stack:
        servers = [stack.enter_context(nodes.serving(repo, zone, cores.server))]
        if peers.KNOT.installed():
            servers.append(stack.enter_context(peers.KNOT.serving(zone, place / "knot", cores.server)))
        else:
            notes.append("Knot left out: knotd is not installed")
        for rate in _RATES:
            taken = measure(servers, queries, cores, rate, args.seconds)
            figures.append(figure(rate, taken))
            rows += _rows(rate, taken)
            notes += _notes(rate, taken)
    columns = ("server", "asked q/s", "answers/s", "p50 µs", "p90 µs", "p99 µs", "p99.9 µs")
    return Report("latency", figures, [Table("Latency", columns, rows)], notes)


if __name__ == "__main__":
    parser = options("latency", "p99 of answers at fixed rates, beside Knot")
    parser.add_argument("--seconds", type=int, default=10, help="samples of a second per server and rate (10)")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    run(bench, parser)
