"""Memory of a daemon with a large zone, at rest and after queries that fill its caches, beside Knot.

What counts is what no other process has: the sum of Private_Clean and Private_Dirty (proc(5), smaps_rollup) of all
processes of the server. Pages of the repository are mapped from its file, which workers share and the kernel may
take back; they count where only one process has them mapped, since the kernel calls such pages private.
"""

from argparse import Namespace
from pathlib import Path
from typing import Final

import nodes
import peers
import udp
from figures import Figure, at_most
from material import ALL_DIFFERENT, sliced, synthetic_queries, synthetic_zone
from processes import family, split_cores
from report import Cell, Report, Table, options
from script import run

_MB: Final = 1e6
_MIB: Final = 1 << 20
_SECONDS: Final = 5
"""Of queries."""
_SLICE: Final = 600_000


def private(pid: int) -> tuple[int, int]:
    """Bytes of a process that no other one has: all, and those without the pages that are a file's."""
    sizes = {"Private_Clean": 0, "Private_Dirty": 0, "Anonymous": 0}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name in sizes:
            sizes[name] += int(rest.split()[0]) << 10
    return sizes["Private_Clean"] + sizes["Private_Dirty"], sizes["Anonymous"]


def of_server(pid: int) -> tuple[int, int]:
    """The same of a server with all its processes."""
    found = [private(each) for each in family(pid)]
    return sum(one for one, _ in found), sum(other for _, other in found)


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    zone = synthetic_zone(args.names, place)
    made = synthetic_queries(args.names, place)
    queries = sliced(made["wide" if args.names >= ALL_DIFFERENT else "zipf"], _SLICE)[0]
    repo = nodes.imported(zone, place / "repo")
    rows: list[list[Cell]] = []

    def note(server: peers.Server, name: str, when: str) -> float:
        whole, anonymous = of_server(server.pid)
        rows.append([name, when, whole / _MB, anonymous / _MB, len(list(family(server.pid)))])
        return whole

    with nodes.serving(repo, zone) as server:
        resting = note(server, "zonegit, 1 worker", "at rest")
    with nodes.serving(repo, zone, workers=2) as server:
        note(server, "zonegit, 2 workers", "at rest")
        udp.take_sample(server, queries, cores, _SECONDS, sockets_per_core=50)
        ours = note(server, "zonegit, 2 workers", "after queries")
    ratios: dict[str, float] = {}
    notes: list[str] = []
    if peers.KNOT.installed():
        with peers.KNOT.serving(zone, place / "knot") as knot:
            note(knot, knot.name, "at rest")
            udp.take_sample(knot, queries, cores, _SECONDS)
            ratios[knot.name] = ours / note(knot, knot.name, "after queries")
    else:
        notes.append("Knot left out: knotd is not installed")
    figures = [
        Figure(
            f"private memory, {args.names:,} names, 2 workers, after queries",
            ours / _MB,
            "MB",
            at_most(370),
            ratios,
        ),
        Figure(f"private memory, {args.names:,} names, 1 worker at rest", resting / _MIB, "MiB", at_most(150)),
    ]
    columns = ("server", "when", "private MB", "anonymous MB", "processes")
    return Report("memory", figures, [Table("Memory", columns, rows)], notes)


if __name__ == "__main__":
    parser = options("memory", "private memory of a daemon with a large zone, beside Knot")
    parser.add_argument("--names", type=int, default=ALL_DIFFERENT, help="names in the zone (1,000,000)")
    run(bench, parser)
