"""Zones like those of the field: import, queries of all different names, AXFR and a cold secondary of each kind.

The mixed zone of the other scripts has an address for nearly each name. A top-level domain has NS and DS records, a
signed zone some three records of denial and signatures for each of its own, a reverse zone names in blocks.
(`many_zones.py` and `sync_zones.py` have ten thousand small zones.)
"""

from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import axfr
import import_zone
import nodes
import peers
import sync
import udp
from field_zones import KINDS, FieldZone
from figures import Figure
from processes import Cores, MeasuringFailed, ProgramMissing, find_program, split_cores
from report import Cell, Report, Table, options
from script import run


def imports(field: FieldZone, place: Path, turns: int) -> Figure:
    taken = import_zone.measure(field.zone, place, turns, [])
    ours, ratios = import_zone.beside(taken)
    return Figure(f"{_of(field)}: import", ours.wall, "s", None, ratios, ours.work.shares(ours.wall))


def answers(field: FieldZone, servers: list[peers.Server], cores: Cores, turns: int) -> tuple[Figure, list[str]]:
    """Queries per second when no name comes twice; notes on servers that answered otherwise."""
    samples = udp.measure(servers, field.queries, cores, turns)
    figure = udp.ratio_figure(f"{_of(field)}: UDP, every name different, one worker on one core", samples)
    return figure, udp.disagreements(field.kind, samples)


def transfers(field: FieldZone, servers: list[peers.Server], turns: int) -> Figure:
    rate, ratios = axfr.beside(axfr.take(servers, field.zone, turns))
    return Figure(f"{_of(field)}: AXFR", rate, "M records/s", None, ratios)


def cold(field: FieldZone, repo: Path, place: Path, turns: int) -> Figure:
    keys = nodes.new_keys(place / "keys")
    ours, knot = [], []
    with nodes.primary(repo, keys, field.zone) as source:
        for turn in range(turns):
            ours.append(sync.cold_start(source, keys, field.zone, place / f"cold-{turn}").seconds)
            (place / f"knot-{turn}").mkdir()
            knot.append(sync.knot_cold(field.zone, place / f"knot-{turn}"))
    return Figure(
        f"{_of(field)}: cold sync", median(ours), "s", None, {"Knot from Knot": median(ours) / median(knot)}
    )


def _of(field: FieldZone) -> str:
    return f"{field.kind}, {field.zone.records:,} records"


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    here, notes = peers.present()
    figures: list[Figure] = []
    rows: list[list[Cell]] = []
    for kind in KINDS:
        if kind.name not in args.kinds:
            continue
        directory = place / kind.name
        directory.mkdir()
        try:
            field = kind.make(args.names, directory)
        except MeasuringFailed as missing:
            notes.append(f"{kind.name} left out: {missing}")
            continue
        rows.append([kind.name, kind.about, field.zone.records, field.zone.path.stat().st_size])
        figures.append(imports(field, directory, args.turns))
        repo = nodes.imported(field.zone, directory / "repo")
        with ExitStack() as stack:
            servers = [stack.enter_context(nodes.serving(repo, field.zone, cores.server))]
            servers += [
                stack.enter_context(peer.serving(field.zone, directory / peer.name, cores.server)) for peer in here
            ]
            try:
                find_program("dnsperf")
                figure, told = answers(field, servers, cores, args.turns)
                figures.append(figure)
                notes += told
            except ProgramMissing as missing:
                notes.append(f"queries left out: {missing}")
            figures.append(transfers(field, servers, args.turns))
        if peers.KNOT in here:
            figures.append(cold(field, repo, directory, args.turns))
    return Report("field", figures, [Table("Zones", ("kind", "what", "records", "bytes of text"), rows)], notes)


if __name__ == "__main__":
    parser = options("field", "zones like those of the field")
    parser.add_argument("--names", type=int, default=200_000, help="names in each zone (200,000)")
    parser.add_argument("--turns", type=int, default=3, help="how often each is measured (3)")
    names = [kind.name for kind in KINDS]
    parser.add_argument("--kinds", nargs="*", choices=names, default=names, help="these kinds only")
    run(bench, parser)
