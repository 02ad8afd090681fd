"""What a signed zone costs while it is served: commits to it, the renewal of its signatures, memory.

The daemon that serves the zone signs it, on a core of its own; commits are made on another one. Answers are timed
at a fixed rate before and while all signatures are renewed, which a policy forces under which each of them is due.
Memory is that of all processes of the daemon, before it signs and afterwards, without the pages of files.
"""

import signal
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final, NamedTuple

from dns_client import wait_for_serial
from figures import Figure, at_most, percentile
from latency import read_latencies
from material import flat_address, synthetic_queries, synthetic_zone
from memory import of_server
from nodes import repository
from processes import (
    Cores,
    MeasuringFailed,
    Program,
    find_program,
    finished,
    free_port,
    on_cores,
    own_program,
    pinned,
    running,
    split_cores,
)
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A

_DEADLINE: Final = 3600.0
_SEED: Final = 7
_RATE: Final = 5_000
"""Queries per second while answers are timed."""
_PAUSE: Final = 0.0005
"""Seconds between two looks, or two questions: the server's core has to sign meanwhile, too."""
_MEAN: Final = 'validity = "60d"\nrenew_before = "30d"\n'
_GREEDY: Final = 'validity = "90d"\nrenew_before = "61d"\n'
"""A policy under which all signatures are due that were made by the first one."""
_MB: Final = 1e6


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that is to sign its zone."""

    zone: str
    repo: Path
    dns: int
    program: Program
    config: Path

    def configure(self, policy: str) -> None:
        """Have the zone signed by another policy from now on."""
        keys = f'dnssec_keys = "{self.config.parent / "zone-keys"}"\n'
        table = f'[zone."{self.zone}".dnssec]\nparent = ["127.0.0.1:9"]\n{policy}'
        self.config.write_text(keys + table)
        self.program.process.send_signal(signal.SIGHUP)


@contextmanager
def serving(place: Path, names: int, cores: Cores) -> Iterator[Daemon]:
    zone = synthetic_zone(names, place)
    repo, port, file = repository(place / "repo"), free_port(), place / "zonegitd.toml"
    finished([own_program("zonegit"), "-C", str(repo), "import", str(zone.path)])
    file.write_text("")
    argv = [own_program("zonegitd"), "--repo", str(repo), "--listen", f"127.0.0.1:{port}", "--config", str(file)]
    with running(pinned(argv, cores.server), place / "zonegitd.log") as program:
        wait_for_serial(port, zone.apex, zone.serial, program.check, _DEADLINE)
        yield Daemon(zone.apex, repo, port, program, file)


def until_signed(repo: Repository, daemon: Daemon) -> float:
    """Seconds until a signed zone is served."""
    start = time.perf_counter()
    while (status := repo.dnssec_status(daemon.zone)) is None or not status.is_signed:
        daemon.program.check()
        if time.perf_counter() > start + _DEADLINE or (status and status.problems):
            raise MeasuringFailed(f"{daemon.zone} wasn't signed: {status and status.problems}")
        time.sleep(0.05)
    return time.perf_counter() - start


class Delay(NamedTuple):
    """Milliseconds from the call that commits one record."""

    published: float
    """Until the signed version is in the repository, durable."""
    answered: float
    """Until an answer has its serial."""


def delays(repo: Repository, daemon: Daemon, cores: Cores, count: int) -> list[Delay]:
    rng = Random(_SEED)
    found = []
    with on_cores(cores.load):
        for turn in range(count):
            time.sleep(rng.uniform(0.05, 0.15))
            serial = _served(repo, daemon)
            start = time.perf_counter()
            repo.set("www", A, 300, [flat_address(turn, turn + 1)], zone=daemon.zone)
            while _served(repo, daemon) == serial:
                daemon.program.check()
                if time.perf_counter() > start + _DEADLINE:
                    raise MeasuringFailed(f"a commit to {daemon.zone} wasn't published")
                time.sleep(_PAUSE)
            published = time.perf_counter()
            answered = wait_for_serial(daemon.dns, daemon.zone, serial + 1, daemon.program.check, _DEADLINE, _PAUSE)
            found.append(Delay((published - start) * 1000, (answered - start) * 1000))
    return found


def _served(repo: Repository, daemon: Daemon) -> int:
    (publication,) = repo.publications(daemon.zone)
    if publication.published is None:
        raise MeasuringFailed(f"{daemon.zone} is served from its tip")
    return publication.published.version.commit.serial


def p99(daemon: Daemon, queries: Path, cores: Cores, samples: int) -> list[float]:
    """Microseconds: the 99th percentile of each sample of a second."""
    argv = [find_program("dnsperf"), "-s", "127.0.0.1", "-p", str(daemon.dns), "-d", str(queries), "-v"]
    argv += ["-l", "1", "-Q", str(_RATE), "-T", "1", "-c", "8", "-q", "1000"]
    return [percentile(read_latencies(finished(pinned(argv, cores.load))), 99) for _ in range(samples)]


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    queries = synthetic_queries(args.names, place)["zipf"]
    with serving(place, args.names, cores) as daemon, Repository.open(daemon.repo) as repo:
        p99(daemon, queries, cores, 2)
        unsigned = of_server(daemon.program.process.pid)[1]
        daemon.configure(_MEAN)
        signing = until_signed(repo, daemon)
        found = delays(repo, daemon, cores, args.commits)
        quiet = p99(daemon, queries, cores, args.seconds + 1)[1:]
        signed = of_server(daemon.program.process.pid)[1]
        before = _served(repo, daemon)
        daemon.configure(_GREEDY)
        time.sleep(1)
        renewing = p99(daemon, queries, cores, args.seconds)
        slices = _served(repo, daemon) - before
    if not slices:
        raise MeasuringFailed("nothing was renewed while answers were timed")
    published, answered = ([delay[at] for delay in found] for at in range(2))
    ratio = median(renewing) / median(quiet)
    figures = [
        Figure("commit of one record → published, signed, p50", median(published), "ms", at_most(15)),
        Figure(
            f"p99 while signatures are renewed ({median(renewing):,.0f} µs)", ratio, "× when quiet", at_most(1.2)
        ),
        Figure("memory with the zone signed", signed / unsigned, "× unsigned", at_most(1.5)),
    ]
    rows: list[list[Cell]] = [
        ["signed after, s", signing],
        ["commit → published, p95, ms", percentile(published, 95)],
        ["commit → answered, p50, ms", median(answered)],
        ["commit → answered, p95, ms", percentile(answered, 95)],
        ["p99 when quiet, µs", median(quiet)],
        ["slices renewed in that time", slices],
        ["memory unsigned, MB", unsigned / _MB],
        ["memory signed, MB", signed / _MB],
    ]
    return Report("signed_zone", figures, [Table("A signed zone while it is served", ("", ""), rows)])


if __name__ == "__main__":
    parser = options("signed_zone", "commits, renewal and memory of a signed zone that is served")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--commits", type=int, default=50, help="commits that are timed (50)")
    parser.add_argument("--seconds", type=int, default=10, help="samples of a second (10)")
    run(bench, parser)
