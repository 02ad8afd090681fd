"""The sweep of node sizes: what each size costs per one-record commit, and what it gives to reading.

For each target the smallest and largest size stand in the proportion of the shipped ones. Each runs on a store of
its own on disk, with a flat zone: so the figures hold the served view, the reflog and LMDB's own pages too.
`--markdown` prints the table as `docs/decisions/0002-node-size.md` has it.
"""

import time
from argparse import Namespace
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Final

from figures import Figure, number_text
from material import FLAT_APEX, flat_address, flat_name, flat_rrsets
from processes import MeasuringFailed
from report import Report, Table, options
from script import run
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import join
from zonegit.model.rdata import A
from zonegit.model.refs import head
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import SALT_SIZE, Shape, Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.tree import walk
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.source import Nodes

TARGETS: Final = (512, 768, 1024, 1280, 1536, 2048, 3072, 4096, 6144, 8192)
_SHIPPED: Final = Shape(b"s" * SALT_SIZE)
_HEAD: Final = head(FLAT_APEX, "main")
_WHO: Final = Stamp("bench <bench@example.org>", 1767225600, 0)
_SEED: Final = 7
_MANY: Final = 1000
"""Changes of the larger diff."""
_DIFF_GENERATION: Final = 500
"""Addresses that no commit of the sweep sets."""


def shape_of(target: int) -> Shape:
    """The shape with this target, in the proportion of the shipped one."""
    smallest = _SHIPPED.smallest * target // _SHIPPED.target
    return Shape(_SHIPPED.salt, smallest, target, _SHIPPED.largest * target // _SHIPPED.target)


@dataclass(frozen=True, slots=True)
class Row:
    """One node size. Columns of the table, in order."""

    sizes: str
    nodes: int
    zone_mb: float
    """Bytes of the whole tree's objects, millions."""
    file_mb: float
    """The store's file after the first commit, millions of bytes."""
    objects: float
    """New objects per one-record commit, the zone object and the commit among them."""
    size: float
    """Their bytes."""
    growth: float
    """Growth of the file per commit, bytes."""
    edit_ms: float
    """Tree edit alone, median."""
    commit_ms: float
    """Edit, verified insert, ref, view, reflog and fdatasync; median."""
    scan: float
    """Thousand RRsets per second, decoded, from the store."""
    runs: float
    """Million records per second as whole leaves, as a transfer takes them."""
    diff_one_ms: float
    diff_many_ms: float


COLUMNS: Final = (
    "smallest/target/largest",
    "nodes",
    "tree MB",
    "file MB",
    "objects/commit",
    "bytes/commit",
    "growth/commit",
    "edit ms",
    "commit ms",
    "scan k RRsets/s",
    "runs M records/s",
    "diff 1 ms",
    f"diff {_MANY:,} ms",
)


@dataclass(frozen=True, slots=True)
class Cost:
    """One commit: its new objects, their bytes, and milliseconds of the edit alone and of all."""

    objects: int
    size: int
    edit_ms: float
    whole_ms: float


class Sweep:
    """A store with one flat zone of one shape, and what is done to it."""

    def __init__(self, directory: Path, shape: Shape, names: int) -> None:
        self._store = LmdbStore.create(directory)
        self.shape = shape
        self.commits: list[Cost] = []
        self._names = names
        self._tip: ObjectId | None = None
        self._seq = 0
        entries = ((rrset.key, rrset.encode()) for rrset in flat_rrsets(names))
        self.built = build(shape, entries)
        self.root = self.built.root
        self._store_version(self.built)
        self.first_size = self.used()

    def close(self) -> None:
        self._store.close()

    def used(self) -> int:
        """Bytes of the file in use."""
        return self._store.stat().map_used

    def edited(self, root: ObjectId, numbers: Iterable[int], generation: int) -> Built:
        """The tree with these names' addresses changed."""
        changes = [_change(number, generation) for number in numbers]
        with self._store.read() as reader:
            return edit(Nodes(reader), root, self.shape, changes)

    def commit(self, number: int, generation: int) -> None:
        """Change one address durably, and keep what it cost."""
        start = time.perf_counter()
        built = self.edited(self.root, [number], generation)
        edited = time.perf_counter()
        objects = self._store_version(built)
        done = time.perf_counter()
        size = sum(map(len, objects))
        self.commits.append(Cost(len(objects), size, (edited - start) * 1000, (done - start) * 1000))

    def _store_version(self, built: Built) -> list[bytes]:
        self._seq += 1
        zone = Zone(built.root, self.shape, built.records).encode()
        parents = (self._tip,) if self._tip else ()
        commit = Commit(object_id(zone), parents, FLAT_APEX, self._seq, self._seq, _WHO, _WHO, "change\n").encode()
        objects = [*built.objects, zone, commit]
        with self._store.write() as writer:
            writer.insert(objects)
            writer.move_refs([RefUpdate(_HEAD, self._tip, object_id(commit))], _WHO, "commit: change")
        self._tip = object_id(commit)
        self.root = built.root
        return objects

    def scan_rate(self) -> float:
        """RRsets per second in canonical order, decoded."""
        start = time.perf_counter()
        with self._store.read() as reader:
            count = sum(1 for _ in walk.entries(Nodes(reader), self.root))
        return count / (time.perf_counter() - start)

    def run_rate(self) -> float:
        """Records per second as leaves lie."""
        start = time.perf_counter()
        with self._store.read() as reader:
            count = sum(records for records, _ in walk.runs(Nodes(reader), self.root))
        return count / (time.perf_counter() - start)

    def diff_time(self, count: int) -> float:
        """Milliseconds to list this many changes spread over the zone, with nothing decoded before."""
        step = self._names // count
        old = self.root
        built = self.edited(old, range(0, step * count, step), _DIFF_GENERATION + count)
        self._store_version(built)
        start = time.perf_counter()
        with self._store.read() as reader:
            found = sum(1 for _ in diff(Nodes(reader), old, built.root))
        seconds = time.perf_counter() - start
        if found != count:
            raise MeasuringFailed(f"a diff of {count} changes lists {found}")
        return seconds * 1000


def _change(number: int, generation: int) -> tuple[RRKey, bytes]:
    owner = join([flat_name(number).encode()])
    rrset = RRset.of(owner, A, 300, [flat_address(number, generation)])
    return rrset.key, rrset.encode()


def commit_in_turn(sweeps: Sequence[Sweep], names: int, turns: int) -> None:
    """One commit in each store, then the next in each: a slow moment of the disk falls on all alike."""
    rng = Random(_SEED)
    for turn in range(turns):
        number = rng.randrange(names)
        for sweep in sweeps:
            sweep.commit(number, turn + 1)


def row_of(sweep: Sweep, names: int) -> Row:
    """All figures of one shape, after its commits."""
    shape, first, commits = sweep.shape, sweep.built, sweep.commits
    growth = (sweep.used() - sweep.first_size) / len(commits)
    return Row(
        sizes=f"{shape.smallest}/{shape.target}/{shape.largest}",
        nodes=len(first.objects),
        zone_mb=sum(map(len, first.objects)) / 1e6,
        file_mb=sweep.first_size / 1e6,
        objects=mean(commit.objects for commit in commits),
        size=mean(commit.size for commit in commits),
        growth=growth,
        edit_ms=median(commit.edit_ms for commit in commits),
        commit_ms=median(commit.whole_ms for commit in commits),
        scan=max(sweep.scan_rate() for _ in range(2)) / 1e3,
        runs=max(sweep.run_rate() for _ in range(2)) / 1e6,
        diff_one_ms=sweep.diff_time(1),
        diff_many_ms=sweep.diff_time(min(_MANY, names)),
    )


def markdown(rows: Sequence[Row]) -> str:
    """The table for the decision's page."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|---{'|--:' * (len(COLUMNS) - 1)}|"]
    lines += [f"| {' | '.join(_text(cell) for cell in astuple(row))} |" for row in rows]
    return "\n".join(lines)


def _text(cell: str | float) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if isinstance(cell, int) else number_text(cell)


def bench(args: Namespace, place: Path) -> Report:
    with ExitStack() as stack:
        sweeps = []
        for target in args.targets:
            sweeps.append(Sweep(place / str(target), shape_of(target), args.names))
            stack.callback(sweeps[-1].close)
        commit_in_turn(sweeps, args.names, args.commits)
        rows = [row_of(sweep, args.names) for sweep in sweeps]
    if args.markdown:
        print(markdown(rows))
    shipped = next((row for row in rows if f"/{_SHIPPED.target}/" in row.sizes), None)
    figures = []
    if shipped:
        what = f"nodes of {shipped.sizes} bytes, {args.names:,} names"
        figures = [
            Figure(f"{what}: new objects of a one-record commit", shipped.size / 1000, "KB"),
            Figure(f"{what}: scan", shipped.scan, "k RRsets/s"),
        ]
    return Report("node_size", figures, [Table("Node sizes", COLUMNS, [astuple(row) for row in rows])])


if __name__ == "__main__":
    parser = options("node_size", "the sweep of node sizes")
    parser.add_argument("--names", type=int, default=100_000, help="flat names (100,000)")
    parser.add_argument("--commits", type=int, default=200, help="commits per size (200)")
    parser.add_argument("--targets", type=int, nargs="+", default=list(TARGETS), help="target sizes in bytes")
    parser.add_argument("--markdown", action="store_true", help="print the table as Markdown too")
    run(bench, parser)
