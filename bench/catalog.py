"""A catalog of many small zones is followed (RFC 9432): until all zones are transferred, durable and answered.

A Knot lists the zones and serves them; an empty zonegit follows its catalog, and so does an empty Knot. Measured is
from the start of the process until every zone is answered. Then the catalog that zonegit makes of as many zones:
from the commit of a zone until the catalog lists it.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import nodes
import small_zones
from dns_client import wait_for_serial
from figures import Figure, at_most
from processes import Program, free_port, own_program, running, work
from report import Report, options
from script import run
from zonegit import Repository

CATALOG = "catalog.example."
DEADLINE = 180.0


@contextmanager
def configured(place: Path, text: str) -> Iterator[tuple[int, Program]]:
    """A daemon with these lines under `[dns]` and after them; its port."""
    port = free_port()
    config = place / "zonegitd.toml"
    config.write_text(f'repo = "{place}/repo"\n[dns]\nlisten = "127.0.0.1:{port}"\n{text}')
    with running([own_program("zonegitd"), "--config", str(config)], place / "log") as program:
        yield port, program


def followed(place: Path, source: int, count: int) -> tuple[float, str]:
    """Seconds until an empty zonegit answers for every zone of the catalog, and what bounds its processes."""
    place.mkdir()
    start = time.perf_counter()
    with configured(place, f'[catalog."{CATALOG}"]\nprimaries = ["127.0.0.1:{source}"]\n') as (port, program):
        taken = small_zones.all_answered(port, count, program.check) - start
        bound = work(program.process.pid).shares(taken)
        for number in range(count):
            wait_for_serial(port, small_zones.apex_of(number), small_zones.SERIAL, program.check, DEADLINE)
    return taken, bound


def listed(place: Path, count: int, commits: int) -> tuple[float, list[float]]:
    """Seconds until zonegit lists so many zones, and then for each zone that is added."""
    place.mkdir()
    nodes.repository(place / "repo")
    small_zones.fill(place / "repo", count)
    start = time.perf_counter()
    with configured(place, f'catalog = "{CATALOG}"\n') as (port, program):
        first = wait_for_serial(port, CATALOG, 1, program.check, DEADLINE) - start
        times = []
        with Repository.open(place / "repo") as repository:
            for number in range(commits):
                repository.add_zone(f"new{number}.example.")
                began = time.perf_counter()
                times.append(wait_for_serial(port, CATALOG, 2 + number, program.check, DEADLINE, 0.001) - began)
    return first, times


def bench(args: Namespace, place: Path) -> Report:
    count = args.zones
    small_zones.knot_files(place / "files", count)
    ours, knots = [], []
    with small_zones.knot_primary(place / "primary", place / "files", count) as port:
        for turn in range(args.turns):
            taken, bound = followed(place / f"zonegit{turn}", port, count)
            ours.append(taken)
            start = time.perf_counter()

            with small_zones.knot_secondary(place / f"knot{turn}", port, count) as answered:
                knots.append(answered - start)
    first, each = listed(place / "lists", count, args.commits)
    what = f"{count:,} zones of {small_zones.RECORDS} records"
    seconds = median(ours)
    return Report(
        "catalog",
        [
            Figure(
                f"a catalog of {what} is followed",
                seconds,
                "s",
                at_most(5),
                {"Knot": seconds / median(knots)},
                bound,
            ),
            Figure(f"a catalog of {what} is made", first, "s", None),
            Figure("a new zone is listed in it", 1000 * median(each), "ms", at_most(200)),
        ],
    )


if __name__ == "__main__":
    parser = options("catalog", "a catalog of many zones is followed, and made")
    parser.add_argument("--zones", type=int, default=10_000, help="zones (10,000)")
    parser.add_argument("--turns", type=int, default=3, help="times that it is followed (3)")
    parser.add_argument("--commits", type=int, default=20, help="zones that are added (20)")
    run(bench, parser)
