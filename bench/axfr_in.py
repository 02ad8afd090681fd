"""A large zone transferred in by AXFR, from the start of an empty secondary until the zone is durable and checked.

The primary is a Knot; beside zonegitd, in turn, an empty Knot with its checks of semantics transfers the same zone.
For zonegitd the zone is durable once the branch is there, which is synced to the disk with the zone; for Knot once
its zone file is, which isn't synced. The second figure is when each answered.
"""

from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter, sleep
from typing import Final, NamedTuple

import nodes
import peers
from dns_client import wait_for_serial
from figures import Figure, at_most
from material import ZoneFile, synthetic_zone
from processes import MeasuringFailed, free_port, own_program, running, work
from report import Cell, Report, Table, options
from script import run
from zonegit.model import refs
from zonegit.store.lmdb import LmdbStore

_DEADLINE: Final = 300.0
_LOOK: Final = 0.005


class Taken(NamedTuple):
    """Seconds since the start of the secondary."""

    durable: float
    answered: float
    bound: str = ""
    """What bound it until it was durable."""


def _until(holds: Callable[[], bool], check: Callable[[], None]) -> float:
    end = perf_counter() + _DEADLINE
    while not holds():
        check()
        if perf_counter() > end:
            raise MeasuringFailed(f"nothing was durable after {_DEADLINE:g} s")
        sleep(_LOOK)
    return perf_counter()


def zonegit_secondary(source: peers.Server, zone: ZoneFile, place: Path) -> Taken:
    """One transfer into an empty repository."""
    repo = nodes.repository(place / "repo")
    port = free_port()
    config = place / "zonegitd.toml"
    config.write_text(
        f"""repo = "{repo}"
[dns]
listen = "127.0.0.1:{port}"
[zone."{zone.apex}"]
primaries = ["127.0.0.1:{source.port}"]
"""
    )
    store = LmdbStore.open(repo, readonly=True)
    try:

        def is_there() -> bool:
            with store.read() as reader:
                return reader.ref(refs.head(zone.apex, refs.DEFAULT_BRANCH)) is not None

        start = perf_counter()
        with running([own_program("zonegitd"), "--config", str(config)], place / "log") as program:
            durable = _until(is_there, program.check)
            bound = work(program.process.pid).shares(durable - start)
            answered = wait_for_serial(port, zone.apex, zone.serial, program.check, _DEADLINE, _LOOK)
        return Taken(durable - start, answered - start, bound)
    finally:
        store.close()


def knot_secondary(source: peers.Server, zone: ZoneFile, place: Path) -> Taken:
    """One transfer into an empty directory."""
    home = place / "knot"
    file = home / f"{zone.apex}zone"
    start = perf_counter()
    with peers.knot_secondary(source, zone, home, _DEADLINE, "on") as answered:
        durable = _until(file.exists, lambda: None)
    return Taken(durable - start, answered - start)


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    taken: dict[str, list[Taken]] = {nodes.NAME: [], "Knot": []}
    with peers.KNOT.serving(zone, place / "primary") as source:
        for turn in range(args.turns):
            for name, secondary in ((nodes.NAME, zonegit_secondary), ("Knot", knot_secondary)):
                room = place / f"{name}-{turn}"
                room.mkdir()
                taken[name].append(secondary(source, zone, room))
    rows: list[list[Cell]] = [
        [name, each.durable, each.answered] for name, turns in taken.items() for each in turns
    ]
    ours, theirs = taken[nodes.NAME], taken["Knot"]
    ratio = median(one.durable / other.durable for one, other in zip(ours, theirs, strict=True))
    later = median(one.answered / other.answered for one, other in zip(ours, theirs, strict=True))
    what = f"AXFR in of {zone.records:,} records"
    seconds = median(each.durable for each in ours)
    figures = [
        Figure(
            f"{what}, durable and checked ({seconds:.1f} s)",
            ratio,
            "× Knot",
            at_most(2.5),
            {"Knot": ratio},
            ours[0].bound,
        ),
        Figure(f"{what}, answered", median(each.answered for each in ours), "s", None, {"Knot": later}),
    ]
    return Report("axfr_in", figures, [Table("Transfers in", ("secondary", "durable, s", "answered, s"), rows)], [])


if __name__ == "__main__":
    parser = options("axfr_in", "a large zone transferred in by AXFR")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the zone (1,000,000)")
    parser.add_argument("--turns", type=int, default=3, help="transfers to each (3)")
    run(bench, parser)
