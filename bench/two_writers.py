"""Two nodes that write the same zone: what one commits, until the other answers it; and what both commit at once.

*Pushed*: the node that commits calls the other, which only listens. *Pulled*: each of the two pulls from the other.
*Both*: each of them commits at the same moment, until both answer one serial that has both changes in it.
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

import nodes
from dns_client import ask_serial, wait_for_serial
from figures import Figure, at_most, percentile
from material import ZoneFile, flat_address, synthetic_zone
from processes import MeasuringFailed, Program, finished, free_port, own_program, running
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A

_DEADLINE: Final = 60.0
_POLL: Final = 0.001
_SEED: Final = 7
_NAMES: Final = ("ams", "fra")


@dataclass(frozen=True, slots=True)
class Writer:
    """A node whose daemon runs."""

    repo: Path
    dns: int
    program: Program


def new_keys(directory: Path) -> Path:
    """A key directory with the one key that both nodes have, which may read and push."""
    directory.mkdir(mode=0o700)
    scopes = ("--scope", "read:*", "--scope", "push:*")
    finished([own_program("zonegit"), "key", "new", nodes.KEY, "--keys", str(directory), *scopes])
    return directory


@contextmanager
def pair(place: Path, keys: Path, zone: ZoneFile, directions: tuple[str, str]) -> Iterator[tuple[Writer, Writer]]:
    """Two nodes, of which only the first has the zone at first. A direction is empty where a node only listens."""
    place.mkdir()
    repos = nodes.imported(zone, place / _NAMES[0]), nodes.repository(place / _NAMES[1])
    ports, dns = (free_port(), free_port()), (free_port(), free_port())
    for at, direction in enumerate(directions):
        peer = f'url = "http://127.0.0.1:{ports[1 - at]}"\ndirection = "{direction}"\n' if direction else ""
        (place / f"{_NAMES[at]}.toml").write_text(
            f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{ports[at]}"\nname = "{_NAMES[at]}"\n'
            f'[[peer]]\nname = "{_NAMES[1 - at]}"\nkey = "{nodes.KEY}"\npolicy = "merge"\n{peer}'
        )
    argv = [
        [own_program("zonegitd"), "--repo", str(repo), "--listen", f"127.0.0.1:{port}", "--config", f"{repo}.toml"]
        for repo, port in zip(repos, dns, strict=True)
    ]
    with running(argv[1], place / "fra.log") as second, running(argv[0], place / "ams.log") as first:
        found = Writer(repos[0], dns[0], first), Writer(repos[1], dns[1], second)
        for each in found:
            wait_for_serial(each.dns, zone.apex, zone.serial, each.program.check, _DEADLINE)
        yield found


def one_writes(writers: tuple[Writer, Writer], zone: ZoneFile, count: int) -> list[float]:
    """Milliseconds from each commit of the first node until the second answers it."""
    rng, other = Random(_SEED), writers[1]
    delays = []
    with Repository.open(writers[0].repo) as repository:
        for turn in range(count):
            time.sleep(rng.uniform(0.05, 0.25))
            done = repository.set("www", A, 300, [flat_address(turn, turn + 1)])
            committed = time.perf_counter()
            answered = wait_for_serial(other.dns, zone.apex, done.serial, other.program.check, _DEADLINE, _POLL)
            delays.append((answered - committed) * 1000)
    return delays


def both_write(writers: tuple[Writer, Writer], zone: ZoneFile, count: int) -> list[float]:
    """Milliseconds from two commits at once until both nodes answer the serial of their merge."""
    rng = Random(_SEED)
    delays = []
    with Repository.open(writers[0].repo) as one, Repository.open(writers[1].repo) as two:
        for turn in range(count):
            time.sleep(rng.uniform(0.2, 0.4))
            done = [
                each.set(name, A, 300, [flat_address(turn, turn + 1)], zone=zone.apex)
                for each, name in ((one, "one"), (two, "two"))
            ]
            committed = time.perf_counter()
            merged = max(each.serial for each in done) + (done[0].serial == done[1].serial)
            delays.append((_until_both(writers, zone, merged) - committed) * 1000)
    return delays


def _until_both(writers: tuple[Writer, Writer], zone: ZoneFile, serial: int) -> float:
    """When both answer this serial, which is the merge's, or that of the second of two commits in a row."""
    end = time.perf_counter() + _DEADLINE
    while time.perf_counter() < end:
        if all(ask_serial(each.dns, zone.apex) == serial for each in writers):
            return time.perf_counter()
        for each in writers:
            each.program.check()
        time.sleep(_POLL)
    raise MeasuringFailed(f"the two nodes didn't come to serial {serial}")


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    keys = new_keys(place / "keys")
    with pair(place / "pushed", keys, zone, ("both", "")) as writers:
        pushed = one_writes(writers, zone, args.changes)
        both = both_write(writers, zone, args.changes)
    with pair(place / "pulled", keys, zone, ("pull", "pull")) as writers:
        pulled = one_writes(writers, zone, args.changes)
    what = "commit at one of two writers → answered by the other"
    rows: list[list[Cell]] = [
        [name, median(times), percentile(times, 95), max(times)]
        for name, times in (("pushed", pushed), ("pulled", pulled), ("both at once", both))
    ]
    figures = [
        Figure(f"{what}, pushed, p50", median(pushed), "ms", at_most(40)),
        Figure(f"{what}, pulled, p50", median(pulled), "ms", at_most(250)),
        Figure("commits at both writers at once → one serial at both, p50", median(both), "ms"),
    ]
    table = Table(f"{args.changes} changes until answered", ("ms", "p50", "p95", "most"), rows)
    return Report("two_writers", figures, [table])


if __name__ == "__main__":
    parser = options("two_writers", "two nodes that write the same zone")
    parser.add_argument("--names", type=int, default=10_000, help="names in the zone (10,000)")
    parser.add_argument("--changes", type=int, default=30, help="changes of each kind (30)")
    run(bench, parser)
