"""What grows with the number of zones: a commit's way to a secondary, starting, memory, `status` and `/metrics`.

*Lag* is from the durable commit at the primary until the secondary answers with it, both on this machine. *CPU* is
what each process of primary and secondary took for a commit, by `/proc`. Memory is what a process doesn't share.
"""

import os
import re
import shutil
import signal
import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final
from urllib.request import urlopen

import nodes
import small_zones
from dns_client import wait_for_serial
from figures import Figure, at_most
from processes import Program, finished, free_port, own_program, running
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A

_DEADLINE: Final = 300.0
_PAUSE: Final = 0.002
_PID: Final = re.compile(r"\]: state process=(\S+) pid=(\d+)")


@dataclass(frozen=True, slots=True)
class Node:
    """A daemon that runs."""

    name: str
    dns: int
    metrics: int
    replication: int
    program: Program

    def pids(self) -> Mapping[str, int]:
        """Of its processes, by their names: as it tells them when it is asked."""
        self.program.process.send_signal(signal.SIGUSR1)
        found: dict[str, int] = {}
        end = time.monotonic() + _DEADLINE
        while not found and time.monotonic() < end:
            time.sleep(0.1)
            found = {name: int(pid) for name, pid in _PID.findall(self.program.log.read_text())}
        return found | {"supervisor": self.program.process.pid}


@contextmanager
def node(repo: Path, name: str, keys: Path, source: Node | None = None) -> Iterator[Node]:
    dns, metrics, replication = free_port(), free_port(), free_port()
    argv = [own_program("zonegitd"), "--repo", str(repo), "--keys", str(keys), "--listen", f"127.0.0.1:{dns}"]
    argv += ["--metrics-listen", f"127.0.0.1:{metrics}"]
    if source is None:
        argv += ["--replicate-listen", f"127.0.0.1:{replication}", "--replicate-name", nodes.AUDIENCE]
    else:
        argv += ["--primary", f"http://127.0.0.1:{source.replication}", "--primary-name", nodes.AUDIENCE]
        argv += ["--key", nodes.KEY]
    with running(argv, repo.with_name(f"{repo.name}.log")) as program:
        yield Node(name, dns, metrics, replication, program)


def private_memory(pid: int) -> int:
    """Bytes that a process shares with no other and no file (proc(5), smaps_rollup)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(next(line.split()[1] for line in text.splitlines() if line.startswith("Private_Dirty:")))


def own_work(pid: int) -> float:
    """Seconds of a processor that a process had, without what stems from it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured with one number of zones."""

    zones: int
    lags: list[float]
    work: Mapping[str, float]
    """Seconds a commit, by node and process."""
    starts: Mapping[str, float]
    memory: int
    status: float
    page: float
    page_size: int


def measure(zones: int, commits: int, place: Path) -> Found:
    place.mkdir()
    keys = nodes.new_keys(place / "keys")
    primary, mirror = nodes.repository(place / "primary"), place / "mirror"
    small_zones.fill_alike(primary, zones)
    shutil.copytree(primary, mirror)
    small_zones.fill_alike(mirror, zones, nodes.AUDIENCE)
    starts: dict[str, float] = {}
    with node(primary, "primary", keys) as source:
        starts["primary"] = _until_answered(source, zones // 2)
        with node(mirror, "secondary", keys, source) as follower:
            starts["secondary"] = _until_answered(follower, zones // 2)
            lags, work = _follow(primary, source, follower, zones, commits)
            memory = private_memory(follower.pids()["dns-0"])
            began = time.perf_counter()
            with urlopen(f"http://127.0.0.1:{source.metrics}/metrics", timeout=_DEADLINE) as answer:
                page = answer.read()
            took = time.perf_counter() - began
    began = time.perf_counter()
    finished([own_program("zonegit"), "-C", str(primary), "status"])
    return Found(zones, lags, work, starts, memory, time.perf_counter() - began, took, len(page))


def _until_answered(server: Node, number: int) -> float:
    """Seconds from its start, which was just now, to the first answer for one of its zones."""
    began = time.perf_counter()
    apex = small_zones.apex_of(number)
    return wait_for_serial(server.dns, apex, small_zones.SERIAL, server.program.check, _DEADLINE, 0.005) - began


def _follow(
    repo: Path, source: Node, follower: Node, zones: int, commits: int
) -> tuple[list[float], Mapping[str, float]]:
    """Commit to zones in turn, a moment apart, and wait for each at the secondary."""
    lags: list[float] = []
    numbers = [at * 7919 % zones for at in range(commits + 3)]
    serials = dict.fromkeys(numbers, small_zones.SERIAL)
    pids = {f"{each.name} {name}": pid for each in (source, follower) for name, pid in each.pids().items()}
    before: dict[str, float] = {}
    with Repository.open(repo) as repository:
        for at, number in enumerate(numbers):
            if at == len(numbers) - commits:  # the first ones make caches of all that is there
                before = {name: own_work(pid) for name, pid in pids.items()}
            apex = small_zones.apex_of(number)
            repository.set("h01", A, 60, [bytes((192, 0, 2, 1 + at % 250))], zone=apex)
            began = time.perf_counter()
            serials[number] += 1
            done = wait_for_serial(follower.dns, apex, serials[number], follower.program.check, _DEADLINE, _PAUSE)
            if before:
                lags.append(done - began)
            time.sleep(0.05)
        after = {name: own_work(pid) for name, pid in pids.items()}
    return lags, {name: (after[name] - before[name]) / commits for name in pids}


def bench(args: Namespace, place: Path) -> Report:
    found = [measure(count, args.commits, place / str(count)) for count in args.zones]
    figures: list[Figure] = []
    for each in found:
        what = f"{each.zones:,} zones"
        secondary = sum(seconds for name, seconds in each.work.items() if name.startswith("secondary"))
        figures += [
            Figure(f"{what}: commit to the secondary's answer, p50", 1000 * median(each.lags), "ms", at_most(30)),
            Figure(f"{what}: CPU of the secondary for a commit", 1000 * secondary, "ms"),
            Figure(f"{what}: primary's start to its first answer", each.starts["primary"], "s", at_most(2)),
            Figure(f"{what}: secondary's start to its first answer", each.starts["secondary"], "s", at_most(2)),
            Figure(f"{what}: memory of a DNS worker", each.memory / 1e6, "MB", at_most(100)),
            Figure(f"{what}: zonegit status", each.status, "s", at_most(0.3)),
            Figure(f"{what}: /metrics", each.page_size / 1000, "KB", at_most(1000)),
            Figure(f"{what}: time of /metrics", each.page, "s", at_most(1)),
        ]
    names = sorted({name for each in found for name in each.work})
    rows: list[list[Cell]] = [[name, *(1000 * each.work.get(name, 0.0) for each in found)] for name in names]
    header = ("process", *(f"{each.zones:,} zones" for each in found))
    return Report("zone_count", figures, [Table("CPU for a commit, ms", header, rows)])


if __name__ == "__main__":
    parser = options("zone_count", "what grows with the number of zones")
    parser.add_argument("--zones", type=int, nargs="+", default=[1, 5_000, 50_000], help="(1 5,000 50,000)")
    parser.add_argument("--commits", type=int, default=40, help="commits that are timed (40)")
    run(bench, parser)
