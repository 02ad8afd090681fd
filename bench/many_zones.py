"""Queries per second of many small zones beside one zone with as many names, in turn, and their start."""

from argparse import Namespace
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter
from typing import Final

import nodes
import small_zones
import udp
from figures import Figure, at_least, at_most, median_ratio
from material import FLAT_APEX, flat_name, flat_zone, sliced
from peers import Server
from processes import split_cores
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository

_HOSTS: Final = small_zones.RECORDS - 3
_REPEATING: Final = 10_000
_SLICE: Final = 200_000


def _query_file(path: Path, names: Iterable[str]) -> Path:
    path.write_text("".join(f"{name.rstrip('.')} A\n" for name in names))
    return path


def _files(place: Path, label: str, names: list[str]) -> dict[str, list[Path]]:
    """Slices of query files: repeating names, and every name in random order."""
    draw = Random(3)
    few = draw.sample(names, min(_REPEATING, len(names)))
    repeating = _query_file(place / f"{label}.repeating", draw.choices(few, k=_SLICE))
    different = _query_file(place / f"{label}.different", draw.sample(names, len(names)))
    return {"repeating names": sliced(repeating, _SLICE), "every name different": sliced(different, _SLICE)}


def _start(repo: Path, zones: int, cores: str | None) -> float:
    """Seconds from the process's start until all of a sample of the zones are answered."""
    began = perf_counter()
    with nodes.begun(repo, cores) as (port, program):
        return small_zones.all_answered(port, zones, program.check) - began


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    many, one = place / "many", place / "one"
    nodes.repository(many)
    small_zones.fill(many, args.zones)
    names = args.zones * _HOSTS
    with Repository.init(one) as repository:
        repository.import_zone(flat_zone(names), source="flat")
    asked = {
        "many": _files(
            place,
            "many",
            [f"h{at:02d}.{small_zones.apex_of(number)}" for number in range(args.zones) for at in range(_HOSTS)],
        ),
        "one": _files(place, "one", [f"{flat_name(at)}.{FLAT_APEX}" for at in range(names)]),
    }
    starts = [_start(many, args.zones, cores.server) for _ in range(args.starts)]
    figures = [Figure(f"start with {args.zones:,} zones until all are answered", median(starts), "s", at_most(2))]
    rows: list[list[Cell]] = []
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for label, repo in (("many", many), ("one", one)):
            port, program = stack.enter_context(nodes.begun(repo, cores.server))
            servers[label] = Server(label, port, program.process.pid)
            if label == "many":
                small_zones.all_answered(port, args.zones, program.check)
            else:
                nodes.wait_for_serial(port, FLAT_APEX, 1, program.check)
        for load in asked["one"]:
            rates: dict[str, list[float]] = {label: [] for label in servers}
            for turn in range(args.seconds + 1):
                for label, server in servers.items():
                    slices = asked[label][load]
                    found = udp.take_sample(server, slices[turn % len(slices)], cores, 1)
                    if turn:
                        rates[label].append(found.rate)
            what = f"UDP, {load}, {args.zones:,} zones with {names:,} names"
            figures.append(Figure(what, median_ratio(rates["many"], rates["one"]), "× one zone", at_least(0.85)))
            rows += [[f"{load}, {label}", median(taken)] for label, taken in rates.items()]
    table = Table("Zones", ("load, zones", "q/s (median)"), rows)
    return Report("many_zones", figures, [table])


if __name__ == "__main__":
    parser = options("many_zones", "many small zones beside one")
    parser.add_argument("--zones", type=int, default=10_000, help="zones (10,000)")
    parser.add_argument("--seconds", type=int, default=10, help="samples of a second per server and load (10)")
    parser.add_argument("--starts", type=int, default=3, help="starts that are timed (3)")
    run(bench, parser)
