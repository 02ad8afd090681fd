"""Seconds of an incremental transfer (IXFR, RFC 1995) of 1,000 changes in a large zone, beside Knot.

Each server is given the changed zone file while it runs: zonegit by an import, Knot by a reload that fills its
journal with the difference. The first transfer is the first that is ever asked of the server; then it is repeated.
"""

import os
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

import nodes
import peers
from dns_client import query, take_transfer, wait_for_serial
from figures import Figure, at_most, median_ratio
from material import ZoneFile, synthetic_zone
from processes import MeasuringFailed, ProgramMissing, find_program, finished, own_program, split_cores
from report import Cell, Report, Table, options
from script import run

_IXFR: Final = 251
_SOA: Final = 6
_DEADLINE: Final = 180.0


def changed(zone: ZoneFile, count: int, path: Path) -> ZoneFile:
    """The zone with other addresses at so many of its names, and the next serial."""
    lines = zone.path.read_text().splitlines()
    owners = Counter(line.split()[0] for line in lines if line[:1].strip())
    left = count
    for at, line in enumerate(lines):
        words = line.split()
        if str(zone.serial) in words:
            lines[at] = line.replace(str(zone.serial), str(zone.serial + 1))
        elif left and len(words) > 2 and words[-2] == "A" and owners[words[0]] == 1 and line[:1].strip():
            lines[at] = f"{line.rsplit(maxsplit=1)[0]} 198.51.{left >> 8}.{left & 255}"
            left -= 1
    if left:
        raise MeasuringFailed(f"{zone.path.name} has fewer than {count} names with one address and nothing else")
    path.write_text("\n".join(lines) + "\n")
    return replace(zone, path=path, serial=zone.serial + 1)


def ixfr_query(apex: str, serial: int) -> bytes:
    """A question for all changes since a serial, whose SOA stands in the authority section (RFC 1995 §3)."""
    asked = bytearray(query(apex, _IXFR))
    asked[9] = 1
    rdata = b"\0\0" + serial.to_bytes(4, "big") + bytes(16)
    return bytes(asked) + b"\xc0\x0c" + _SOA.to_bytes(2, "big") + b"\0\1" + bytes(4) + b"\0\x16" + rdata


@contextmanager
def _knot(old: ZoneFile, new: ZoneFile, directory: Path, cores: str | None) -> Iterator[peers.Server]:
    """A Knot that served the old file and was told to load the new one."""
    served = directory.with_suffix(".zone")
    served.write_bytes(old.path.read_bytes())
    with peers.KNOT_DIFFERENCES.serving(replace(old, path=served), directory, cores) as server:
        new.path.replace(served)
        finished([find_program("knotc"), "-s", str(directory / "knot.sock"), "zone-reload", old.apex])
        wait_for_serial(server.port, old.apex, new.serial, lambda: None, _DEADLINE)
        yield server


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    old = synthetic_zone(args.names, place)
    new = changed(old, args.changes, place / "changed.zone")
    records = 2 * args.changes + 4
    repo = nodes.imported(old, place / "repo")
    notes: list[str] = []
    taken: dict[str, list[float]] = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(nodes.serving(repo, old, cores.server))]
        finished([own_program("zonegit"), "-C", str(repo), "import", str(new.path)])
        wait_for_serial(servers[0].port, new.apex, new.serial, lambda: None, _DEADLINE)
        try:
            servers.append(stack.enter_context(_knot(old, new, place / "knot", cores.server)))
        except ProgramMissing as missing:
            notes.append(f"Knot left out: {missing}")
        if cores.load is not None:
            os.sched_setaffinity(0, {int(core) for core in cores.load.split(",")})
        for _ in range(args.transfers + 1):
            for server in servers:
                transfer = take_transfer(server.port, ixfr_query(old.apex, old.serial), records)
                taken.setdefault(server.name, []).append(transfer.seconds)
    firsts = {name: seconds[0] for name, seconds in taken.items()}
    later = {name: seconds[1:] for name, seconds in taken.items()}
    what = f"IXFR of {args.changes:,} changes in {old.records:,} records"
    figures = [
        _figure(f"{what}, the first", {name: [seconds] for name, seconds in firsts.items()}, 2),
        _figure(f"{what}, repeated", later, 1),
    ]
    rows: list[list[Cell]] = [
        [name, firsts[name] * 1e3, median(later[name]) * 1e3, min(later[name]) * 1e3, max(later[name]) * 1e3]
        for name in taken
    ]
    columns = ("server", "first ms", "repeated ms (median)", "least", "most")
    return Report("ixfr", figures, [Table("IXFR", columns, rows)], notes)


def _figure(what: str, taken: dict[str, list[float]], most: float) -> Figure:
    ours = taken[nodes.NAME]
    ratios = {name: median_ratio(ours, theirs) for name, theirs in taken.items() if name != nodes.NAME}
    if "Knot" in ratios:
        return Figure(f"{what} ({median(ours) * 1e3:.1f} ms)", ratios["Knot"], "× Knot", at_most(most), ratios)
    return Figure(what, median(ours) * 1e3, "ms")


if __name__ == "__main__":
    parser = options("ixfr", "an incremental transfer out, beside Knot")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the zone (1,000,000)")
    parser.add_argument("--changes", type=int, default=1000, help="changed addresses (1,000)")
    parser.add_argument("--transfers", type=int, default=15, help="repeated transfers per server (15)")
    run(bench, parser)
