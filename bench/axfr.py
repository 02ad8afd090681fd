"""Records per second of a whole zone's transfer (AXFR): zonegitd and each peer, each alone on one core, in turn.

The client runs on another core, counts the records by the messages' headers and looks at nothing else.
"""

import os
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import nodes
import peers
from dns_client import AXFR, Transfer, query, take_transfer
from figures import Figure, at_least, median_ratio
from material import ZoneFile, synthetic_zone
from processes import split_cores, work
from report import Cell, Report, Table, options
from script import run

_MILLION = 1e6


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    here, notes = peers.present()
    zone = synthetic_zone(args.names, place)
    repo = nodes.imported(zone, place / "repo")
    with ExitStack() as stack:
        servers = [stack.enter_context(nodes.serving(repo, zone, cores.server))]
        servers += [stack.enter_context(peer.serving(zone, place / peer.name, cores.server)) for peer in here]
        if cores.load is not None:
            os.sched_setaffinity(0, {int(core) for core in cores.load.split(",")})
        before = work(servers[0].pid)
        taken = take(servers, zone, args.transfers)
        bound = work(servers[0].pid).since(before).shares(sum(each.seconds for each in taken[nodes.NAME]))
    rate, ratios = beside(taken)
    figures = [Figure(f"AXFR of {zone.records:,} records", rate, "M records/s", at_least(2), ratios, bound)]
    if peers.KNOT.name in ratios:
        figures.append(Figure("the same beside Knot", ratios[peers.KNOT.name], "×", at_least(2)))
    return Report("axfr", figures, [_table(taken)], notes)


def take(servers: list[peers.Server], zone: ZoneFile, turns: int) -> dict[str, list[Transfer]]:
    """Transfer the zone from each server in turn; by server."""
    taken: dict[str, list[Transfer]] = {}
    for _ in range(turns):
        for server in servers:
            transfer = take_transfer(server.port, query(zone.apex, AXFR), zone.records + 1)
            taken.setdefault(server.name, []).append(transfer)
    return taken


def _rates(transfers: list[Transfer]) -> list[float]:
    """Million records per second."""
    return [transfer.records / transfer.seconds / _MILLION for transfer in transfers]


def beside(taken: dict[str, list[Transfer]]) -> tuple[float, dict[str, float]]:
    """Million records per second, and that divided by each peer's."""
    ours = _rates(taken[nodes.NAME])
    ratios = {name: median_ratio(ours, _rates(theirs)) for name, theirs in taken.items() if name != nodes.NAME}
    return median(ours), ratios


def _table(taken: dict[str, list[Transfer]]) -> Table:
    rows: list[list[Cell]] = []
    for name, transfers in taken.items():
        seconds = sorted(transfer.seconds for transfer in transfers)
        last = transfers[-1]
        row: list[Cell] = [name, median(_rates(transfers)), median(seconds), seconds[0], seconds[-1]]
        rows.append([*row, last.size / last.records, last.messages])
    columns = ("server", "M records/s", "s (median)", "least", "most", "bytes/record", "messages")
    return Table("AXFR", columns, rows)


if __name__ == "__main__":
    parser = options("axfr", "zone transfer out, beside NSD, Knot and BIND")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the zone (1,000,000)")
    parser.add_argument("--transfers", type=int, default=5, help="transfers per server (5)")
    run(bench, parser)
