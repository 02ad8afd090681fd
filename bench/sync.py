"""Replication between two real daemons: a cold start, then one change after another.

*Cold*: from starting a secondary on an empty repository until its DNS answers the primary's serial; beside it a
Knot that starts empty and transfers the same zone from a Knot. *Change*: from calling `Repository.set` on the
primary's repository until the secondary's DNS answers the new serial, so the commit itself is part of it.
"""

import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import nodes
import peers
from dns_client import ask_serial, wait_for_serial
from figures import Figure, at_most, percentile
from material import ZoneFile, flat_address, synthetic_zone
from processes import MeasuringFailed, ProgramMissing, work
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A
from zonegit.store.lmdb import LmdbStore

_DEADLINE: Final = 300.0
_CHANGE_DEADLINE: Final = 30.0
_POLL: Final = 0.001
_NAME: Final = "www"
_SEED: Final = 7


@dataclass(frozen=True, slots=True)
class Cold:
    """One cold start."""

    seconds: float
    """From the start of the process until DNS answers the primary's serial."""
    objects: int
    """Objects in the secondary's repository then."""
    bound: str
    """What bound its processes; there are several, which may work at once."""


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds until a change is answered, each."""

    from_call: list[float]
    from_commit: list[float]
    """Without the commit itself."""


def cold_start(source: nodes.Primary, keys: Path, zone: ZoneFile, directory: Path) -> Cold:
    """Start a secondary on an empty repository, wait for its answer, and end it."""
    repo = nodes.repository(directory)
    start = time.perf_counter()
    with nodes.secondary(repo, keys, source) as mirror:
        port = mirror.dns.port
        seconds = wait_for_serial(port, zone.apex, zone.serial, mirror.program.check, _DEADLINE, 0.005) - start
        bound = work(mirror.dns.pid).shares(seconds)
    store = LmdbStore.open(repo, readonly=True)
    try:
        return Cold(seconds, sum(store.stat().objects.values()), bound)
    finally:
        store.close()


def changes(primary_repo: Path, mirror: nodes.Secondary, zone: ZoneFile, count: int) -> Delays:
    """Commit on the primary, at moments that follow no beat, and watch the secondary."""
    rng = Random(_SEED)
    delays = Delays([], [])
    with Repository.open(primary_repo) as repository:
        for turn in range(count):
            time.sleep(rng.uniform(0.05, 0.25))
            called = time.perf_counter()
            done = repository.set(_NAME, A, 300, [flat_address(turn, turn + 1)])
            committed = time.perf_counter()
            port, check = mirror.dns.port, mirror.program.check
            answered = wait_for_serial(port, zone.apex, done.serial, check, _CHANGE_DEADLINE, _POLL)
            delays.from_call.append((answered - called) * 1000)
            delays.from_commit.append((answered - committed) * 1000)
    return delays


def knot_cold(zone: ZoneFile, place: Path) -> float:
    """Seconds of an empty Knot's start until it answers what it transferred from a Knot."""
    with peers.KNOT.serving(zone, place / "knot") as primary:
        start = time.perf_counter()
        with peers.knot_secondary(primary, zone, place / "knot-secondary", _DEADLINE) as answered:
            return answered - start


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    repo = nodes.imported(zone, place / "primary")
    keys = nodes.new_keys(place / "keys")
    notes: list[str] = []
    cold: list[Cold] = []
    knot: list[float] = []
    with nodes.primary(repo, keys, zone) as source:
        for turn in range(args.starts):
            cold.append(cold_start(source, keys, zone, place / f"cold-{turn}"))
            try:
                (place / f"knot-{turn}").mkdir()
                knot.append(knot_cold(zone, place / f"knot-{turn}"))
            except ProgramMissing as missing:
                notes = [f"Knot left out: {missing}"]
        mirror_repo = nodes.repository(place / "mirror")
        with nodes.secondary(mirror_repo, keys, source) as mirror:
            wait_for_serial(mirror.dns.port, zone.apex, zone.serial, mirror.program.check, _DEADLINE)
            delays = changes(repo, mirror, zone, args.changes)
            if ask_serial(source.dns.port, zone.apex) != ask_serial(mirror.dns.port, zone.apex):
                raise MeasuringFailed("primary and secondary end with different serials")
    tables = [_cold_table(cold, knot), _delay_table(delays)]
    return Report("sync", _figures(zone, cold, knot, delays), tables, notes)


def _figures(zone: ZoneFile, cold: list[Cold], knot: list[float], delays: Delays) -> list[Figure]:
    seconds = median(start.seconds for start in cold)
    ratios = {"Knot from Knot": seconds / median(knot)} if knot else {}
    rate = median(start.objects / start.seconds for start in cold)
    change = "change on the primary → answered by the secondary"
    return [
        Figure(f"cold sync of {zone.records:,} records, process start to answer", seconds, "s", at_most(4), ratios),
        Figure("the same: objects verified and stored", rate, "objects/s"),
        Figure(f"{change}, p50", median(delays.from_call), "ms", at_most(250)),
        Figure(f"{change}, p95", percentile(delays.from_call, 95), "ms"),
    ]


def _cold_table(cold: list[Cold], knot: list[float]) -> Table:
    rows: list[list[Cell]] = [
        [f"{nodes.NAME} {turn + 1}", start.seconds, start.objects, start.objects / start.seconds]
        for turn, start in enumerate(cold)
    ]
    rows += [[f"Knot from Knot {turn + 1}", seconds, "", ""] for turn, seconds in enumerate(knot)]
    return Table("Cold starts", ("start", "s", "objects", "objects/s"), rows)


def _delay_table(delays: Delays) -> Table:
    rows: list[list[Cell]] = [
        [name, median(times), percentile(times, 95), max(times)]
        for name, times in (("from the call", delays.from_call), ("from the commit", delays.from_commit))
    ]
    return Table(f"{len(delays.from_call)} changes until answered", ("ms", "p50", "p95", "most"), rows)


if __name__ == "__main__":
    parser = options("sync", "replication from a primary to a secondary")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--starts", type=int, default=3, help="cold starts (3)")
    parser.add_argument("--changes", type=int, default=50, help="changes to follow (50)")
    run(bench, parser)
