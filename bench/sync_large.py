"""A cold secondary of a large zone, from the start of its process until its DNS answers the primary's serial.

Beside it a Knot that starts empty and transfers the same zone from a Knot by AXFR, and `git clone` of the same
objects.
"""

from argparse import Namespace
from pathlib import Path
from statistics import median

import git_peer
import nodes
import sync
from figures import Figure, at_most
from material import synthetic_zone
from processes import ProgramMissing
from report import Cell, Report, Table, options
from script import run


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    repo = nodes.imported(zone, place / "primary")
    keys = nodes.new_keys(place / "keys")
    rows: list[list[Cell]] = []
    taken: dict[str, list[float]] = {}
    notes = [git_peer.NOTE]
    bound = ""

    def note(name: str, seconds: float, objects: int = 0) -> None:
        taken.setdefault(name, []).append(seconds)
        rows.append([name, seconds, objects or "", objects / seconds if objects else ""])

    with nodes.primary(repo, keys, zone) as source:
        for turn in range(args.starts):
            cold = sync.cold_start(source, keys, zone, place / f"cold-{turn}")
            note(nodes.NAME, cold.seconds, cold.objects)
            bound = f"secondary: {cold.bound}"
            try:
                (place / f"knot-{turn}").mkdir()
                note("Knot from Knot", sync.knot_cold(zone, place / f"knot-{turn}"))
            except ProgramMissing as missing:
                notes.append(f"Knot left out: {missing}")
    try:
        store = git_peer.GitStore(place / "git")
        objects = git_peer.objects_of(repo)
        store.commit([objects])
        for turn in range(args.starts):
            note("git clone", store.clone(place / f"clone-{turn}"), len(objects))
    except ProgramMissing as missing:
        notes.append(f"git left out: {missing}")
    ours = median(taken.pop(nodes.NAME))
    ratios = {name: ours / median(times) for name, times in taken.items()}
    figures = [Figure(f"cold sync of {zone.records:,} records", ours, "s", at_most(8), ratios, bound)]
    if "Knot from Knot" in ratios:
        figures.append(Figure("the same beside Knot from Knot", ratios["Knot from Knot"], "×", at_most(1.2)))
    table = Table("Cold starts", ("what", "s", "objects", "objects/s"), rows)
    return Report("sync_large", figures, [table], notes)


if __name__ == "__main__":
    parser = options("sync_large", "a cold secondary of a large zone")
    parser.add_argument("--names", type=int, default=1_000_000, help="names in the zone (1,000,000)")
    parser.add_argument("--starts", type=int, default=2, help="cold starts (2)")
    run(bench, parser)
