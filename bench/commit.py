"""What a change of one record costs, from an empty zone to a large one.

`Repository.set` in a running program, with its fdatasync: milliseconds, new objects, growth of the file. Beside it
stand the disk's own time for one durable 4 KiB write, and `zonegit set` and `git commit` as whole processes.
"""

import os
import shutil
import time
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

from figures import Figure, at_most, median_ratio, percentile
from material import FLAT_APEX, flat_address, flat_name, flat_rrsets, flat_zone
from processes import find_program, finished, own_program, own_work
from report import Cell, Report, Table, options
from script import run
from zonegit import Repository
from zonegit.model.rdata import A
from zonegit.store.lmdb import LmdbStore

_TTL: Final = 300
_SEED: Final = 7
_PAGE: Final = 4096


@dataclass(frozen=True, slots=True)
class Cost:
    """What one-record commits took on average, or by the median where it says so."""

    names: int
    times: list[float]
    """Milliseconds of each."""
    objects: float
    """New objects."""
    size: float
    """Bytes of new objects."""
    growth: float
    """Bytes that the store's file grew by."""
    bound: str
    """What bounds them."""


def commits(names: int, count: int, directory: Path) -> Cost:
    """Make a flat zone, then change one address after another."""
    rng = Random(_SEED)
    times: list[float] = []
    with Repository.init(directory) as repository:
        repository.import_zone(flat_zone(names), source="flat")
        _change(repository, rng.randrange(names), 1)
        before, worked = repository.stat(), own_work()
        for turn in range(count):
            start = time.perf_counter()
            _change(repository, rng.randrange(names), turn + 2)
            times.append((time.perf_counter() - start) * 1000)
        bound = own_work().since(worked).shares(sum(times) / 1000)
        after = repository.stat()
    old, new = (sum(stat.objects.values()) for stat in (before, after))
    growth = (after.map_used - before.map_used) / count
    return Cost(names, times, (new - old) / count, _size_from(directory, old) / count, growth, bound)


def _change(repository: Repository, number: int, generation: int) -> None:
    repository.set(flat_name(number), A, _TTL, [flat_address(number, generation)])


def _size_from(directory: Path, skip: int) -> int:
    """Bytes of the objects that were inserted behind the first so many."""
    store = LmdbStore.open(directory, readonly=True)
    try:
        with store.read() as reader:
            ids = reader.object_ids()
            return sum(len(reader.get(oid)) for at, oid in enumerate(ids) if at >= skip)
    finally:
        store.close()


def disk_times(directory: Path, count: int) -> list[float]:
    """Milliseconds of overwriting 4 KiB of a file durably, each."""
    times: list[float] = []
    file = os.open(directory / "disk", os.O_CREAT | os.O_WRONLY)
    try:
        os.write(file, bytes(_PAGE * count))
        os.fsync(file)
        for at in range(count):
            start = time.perf_counter()
            os.pwrite(file, bytes((1,)) * _PAGE, at * _PAGE)
            os.fdatasync(file)
            times.append((time.perf_counter() - start) * 1000)
    finally:
        os.close(file)
    return times


def processes(names: int, count: int, directory: Path) -> dict[str, list[float]]:
    """Milliseconds of `zonegit set`, and of `git commit` of the same change in a zone file, in turn."""
    with Repository.init(directory / "zonegit") as repository:
        repository.import_zone(flat_zone(names), source="flat")
    zonegit = [own_program("zonegit"), "-C", str(directory / "zonegit"), "set"]
    git = _GitZone(names, directory / "git") if shutil.which("git") else None
    times: dict[str, list[float]] = {"zonegit set": []}
    if git:
        times["git commit"] = []
    for turn in range(count):
        address = ".".join(map(str, flat_address(turn, turn + 1)))
        start = time.perf_counter()
        finished([*zonegit, flat_name(turn % names), "A", str(_TTL), address])
        times["zonegit set"].append((time.perf_counter() - start) * 1000)
        if git:
            git.edit(turn % names, address)
            start = time.perf_counter()
            git.commit()
            times["git commit"].append((time.perf_counter() - start) * 1000)
    return times


class _GitZone:
    """The flat zone as a text file under git."""

    def __init__(self, names: int, directory: Path) -> None:
        directory.mkdir()
        self._file = directory / "flat.zone"
        self._git = [find_program("git"), "-C", str(directory)]
        self._git += ["-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "core.fsync=all"]
        self._lines = [f"; {FLAT_APEX}\n"]
        for rrset in flat_rrsets(names):
            if rrset.owner.startswith(b"\x08h"):
                self._lines.append(f"{rrset.owner[1:].decode()} {_TTL} A {'.'.join(map(str, rrset.rdatas[0]))}\n")
        self._write()
        finished([*self._git, "init", "-q"])
        finished([*self._git, "add", "flat.zone"])
        self.commit()

    def edit(self, number: int, address: str) -> None:
        self._lines[number + 1] = f"{flat_name(number)} {_TTL} A {address}\n"
        self._write()

    def commit(self) -> None:
        finished([*self._git, "commit", "-q", "-a", "-m", "change"])

    def _write(self) -> None:
        self._file.write_text("".join(self._lines))


def bench(args: Namespace, place: Path) -> Report:
    disk = disk_times(place, args.commits)
    figures: list[Figure] = []
    rows: list[list[Cell]] = []
    for names in args.names:
        cost = commits(names, args.commits, place / f"repo-{names}")
        shutil.rmtree(place / f"repo-{names}")
        what = f"commit of one record in {names:,} names"
        figures.append(
            Figure(f"{what}: `Repository.set`, median", median(cost.times), "ms", at_most(2), bound=cost.bound)
        )
        figures.append(Figure(f"{what}: new objects", cost.size / 1000, "KB", at_most(8)))
        p95 = percentile(cost.times, 95)
        rows.append([f"{names:,}", median(cost.times), p95, cost.objects, cost.size, cost.growth])
    rows.append(["(one durable overwrite of 4 KiB)", median(disk), percentile(disk, 95), "", "", ""])
    whole = processes(args.process_names, args.processes, place)
    ours = whole["zonegit set"]
    ratios = {name: median_ratio(ours, theirs) for name, theirs in whole.items() if name != "zonegit set"}
    what = f"`zonegit set` as a whole process, {args.process_names:,} names, median"
    figures.append(Figure(what, median(ours), "ms", at_most(150), ratios))
    figures += [Figure(f"the same beside {name}", ratio, "×", at_most(5)) for name, ratio in ratios.items()]
    columns = ("names", "ms (median)", "p95", "new objects", "their bytes", "file growth, bytes")
    whole_rows: list[list[Cell]] = [[name, median(times), percentile(times, 95)] for name, times in whole.items()]
    tables = [
        Table("One-record commits", columns, rows),
        Table("Whole processes", ("command", "ms (median)", "p95"), whole_rows),
    ]
    notes = [] if "git commit" in whole else ["git left out: git is not installed"]
    return Report("commit", figures, tables, notes)


if __name__ == "__main__":
    parser = options("commit", "what a change of one record costs")
    parser.add_argument("--names", type=int, nargs="+", default=[20, 10_000, 1_000_000], help="sizes of the zone")
    parser.add_argument("--commits", type=int, default=300, help="commits per size (300)")
    parser.add_argument("--process-names", type=int, default=10_000, help="names for the whole processes (10,000)")
    parser.add_argument("--processes", type=int, default=20, help="whole processes to run (20)")
    run(bench, parser)
