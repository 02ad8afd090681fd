"""Importing a large zone file: time and memory of `zonegit import`, beside what reads the same file elsewhere.

The peers' checkers read the file and build the zone in memory; `zonegit import` also commits it durably.
dnspython's reader, in Python too, gets the file's first lines.
"""

import shutil
import time
from argparse import Namespace
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Final

import nodes
from figures import Figure, at_most
from material import ZoneFile, synthetic_zone
from processes import ProgramMissing, Usage, find_program, measured, own_program
from report import Cell, Report, Table, options
from script import run

_GIB: Final = 1 << 30
_OURS: Final = "zonegit import"
_BESIDE: Final = "named-checkzone"
"""The checker whose ratio is held against a budget."""
_CHECKERS: Final = {
    "named-checkzone": ("-q", "-i", "local", "{apex}", "{path}"),
    "kzonecheck": ("-o", "{apex}", "{path}"),
    "nsd-checkzone": ("{apex}", "{path}"),
}
"""Program -> its arguments. (`-i local` keeps named-checkzone from asking the network about names elsewhere.)"""


def zonegit_import(zone: ZoneFile, place: Path) -> Usage:
    """Import into an empty repository, which is removed again."""
    repo = nodes.repository(place / "repo")
    usage = measured([own_program("zonegit"), "-C", str(repo), "import", str(zone.path)], place / "import.log")
    shutil.rmtree(repo)
    return usage


def checker(name: str, zone: ZoneFile, place: Path) -> Usage:
    """Let a peer's checker read the zone; `ProgramMissing` where it isn't installed."""
    arguments = [word.format(apex=zone.apex, path=zone.path) for word in _CHECKERS[name]]
    return measured([find_program(name), *arguments], place / f"{name}.log")


def dnspython_rate(zone: ZoneFile, lines: int) -> float:
    """Records per second of dnspython's reader on the file's first lines."""
    import dns.zone

    with zone.path.open() as source:
        text = "".join(islice(source, lines))
    start = time.perf_counter()
    read = dns.zone.from_text(text, zone.apex, check_origin=False)
    seconds = time.perf_counter() - start
    return sum(len(rdataset) for _, rdataset in read.iterate_rdatasets()) / seconds


def measure(zone: ZoneFile, place: Path, turns: int, notes: list[str]) -> dict[str, list[Usage]]:
    """Let zonegit and each checker that is installed read the zone in turn; who isn't is told in `notes`."""
    taken: dict[str, list[Usage]] = {}
    for _ in range(turns):
        taken.setdefault(_OURS, []).append(zonegit_import(zone, place))
        for name in _CHECKERS:
            try:
                taken.setdefault(name, []).append(checker(name, zone, place))
            except ProgramMissing as missing:
                del taken[name]
                if str(missing) not in notes:
                    notes.append(str(missing))
    return taken


def beside(taken: dict[str, list[Usage]]) -> tuple[Usage, dict[str, float]]:
    """The import whose time is the median, and its time divided by each checker's."""
    ours = sorted(taken[_OURS], key=lambda usage: usage.wall)[len(taken[_OURS]) // 2]
    walls = {name: median(usage.wall for usage in usages) for name, usages in taken.items()}
    return ours, {name: walls[_OURS] / wall for name, wall in walls.items() if name != _OURS}


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    notes: list[str] = []
    taken = measure(zone, place, args.turns, notes)
    middle, ratios = beside(taken)
    peak = max(usage.peak for usage in taken[_OURS])
    rows: list[list[Cell]] = [
        [
            name,
            median(usage.wall for usage in usages),
            zone.records / median(usage.wall for usage in usages),
            max(usage.peak for usage in usages) / _GIB,
        ]
        for name, usages in taken.items()
    ]
    rows.append([f"dnspython, {args.sample_lines:,} lines", "", dnspython_rate(zone, args.sample_lines), ""])
    what = f"import of {zone.records:,} records"
    figures = [
        Figure(f"{what}: wall", middle.wall, "s", at_most(20), ratios, middle.work.shares(middle.wall)),
        Figure(f"{what}: largest resident set", peak / _GIB, "GiB", at_most(1)),
    ]
    if _BESIDE in ratios:
        figures.append(Figure(f"the same beside {_BESIDE}: wall", ratios[_BESIDE], "×", at_most(1.2)))
    columns = ("program", "s (median)", "records/s", "peak, GiB")
    return Report("import_zone", figures, [Table(f"Reading {zone.records:,} records", columns, rows)], notes)


if __name__ == "__main__":
    parser = options("import_zone", "import of a large zone file")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the zone (1,000,000)")
    parser.add_argument("--turns", type=int, default=2, help="how often each program reads it (2)")
    parser.add_argument("--sample-lines", type=int, default=20_000, help="lines that dnspython reads (20,000)")
    run(bench, parser)
