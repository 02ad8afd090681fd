"""Run every script and put the figures into the table of `bench/README.md`.

The sizes are the scripts' own; `--quick` tries all of them in about a minute, with figures that mean nothing, and
leaves the table alone. If a script fails the table stays, too, and this ends with 1; a missed budget is told and
isn't a failure.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nodes
from figures import Budget, Figure
from material import VAR
from processes import MeasuringFailed, end_on_signals
from report import FIGURE_COLUMNS, Machine, figure_row, this_machine

HERE: Final = Path(__file__).resolve().parent
BEGIN: Final = "<!-- figures: written by bench/run.py -->"
END: Final = "<!-- end of figures -->"
_QUICK: Final[dict[str, Sequence[str]]] = {
    "commit": ("--names", "20", "2000", "--commits", "20", "--process-names", "100", "--processes", "2"),
    "history": ("--names", "2000", "--commits", "50", "--zones", "50", "--turns", "2"),
    "merge_heads": ("--names", "2000", "--commits", "20", "--turns", "1"),
    "import_zone": ("--names", "5000", "--turns", "1", "--sample-lines", "1000"),
    "axfr": ("--names", "5000", "--transfers", "2"),
    "axfr_in": ("--names", "5000", "--turns", "1"),
    "udp": ("--names", "5000", "--wide-names", "0", "--signed-names", "1000", "--seconds", "1"),
    "ixfr": ("--names", "5000", "--changes", "100", "--transfers", "3"),
    "latency": ("--names", "5000", "--seconds", "1"),
    "updates": ("--names", "2000", "--seconds", "1", "--turns", "1"),
    "field": ("--names", "2000", "--turns", "1"),
    "busy": ("--names", "5000", "--commits", "5"),
    "workers": ("--names", "5000", "--seconds", "1"),
    "many_zones": ("--zones", "300", "--seconds", "1", "--starts", "1"),
    "zone_count": ("--zones", "1", "300", "--commits", "3"),
    "memory": ("--names", "5000"),
    "sync": ("--names", "2000", "--starts", "1", "--changes", "5"),
    "sync_large": ("--names", "5000", "--starts", "1"),
    "sync_zones": ("--zones", "300"),
    "sync_refs": ("--refs", "3000"),
    "catalog": ("--zones", "100", "--turns", "1", "--commits", "3"),
    "two_writers": ("--names", "2000", "--changes", "5"),
    "notify_in": ("--names", "2000", "--changes", "5"),
    "publish": ("--names", "2000", "--commits", "10"),
    "signed_zone": ("--names", "2000", "--commits", "5", "--seconds", "3"),
    "dnssec": ("--names", "2000", "--turns", "1", "--commit-names", "2000", "--commits", "10"),
    "both_ways": ("--zones", "300", "--commits", "10", "--names", "2000", "--turns", "1"),
    "catch_up": ("--names", "2000", "--commits", "20", "--turns", "1"),
    "fetch": ("--names", "2000", "--singles", "20"),
    "polling": ("--secondaries", "5", "--seconds", "3"),
    "crowd": ("--names", "2000", "--secondaries", "2"),
    "node_size": ("--names", "3000", "--commits", "10", "--targets", "512", "1280", "4096"),
}
"""Script -> arguments of a trial; the scripts in the order that they run in."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one script's JSON file says; without figures if the script failed."""

    bench: str
    figures: Sequence[Figure]
    notes: Sequence[str]
    failed: bool = False


def read_outcome(bench: str, text: str) -> Outcome:
    """Read the JSON that a script wrote."""
    told: dict[str, Any] = json.loads(text)
    figures = [
        Figure(
            figure["what"],
            figure["value"],
            figure["unit"],
            Budget(**figure["budget"]) if figure["budget"] else None,
            figure["ratios"],
            figure["bound"],
        )
        for figure in told["figures"]
    ]
    return Outcome(bench, figures, told["notes"])


def run_script(bench: str, arguments: Sequence[str], results: Path) -> Outcome:
    """Run one script; what it prints goes where this script's output goes, its JSON file into `results`."""
    result = results / f"{bench}.json"
    result.unlink(missing_ok=True)
    argv = [sys.executable, str(HERE / f"{bench}.py"), "--json", str(result), *arguments]
    with subprocess.Popen(argv) as process:
        try:
            code = process.wait()
        except BaseException:
            process.terminate()
            raise
    if code or not result.exists():
        return Outcome(bench, (), (f"{bench} failed (exit code {code})",), failed=True)
    return read_outcome(bench, result.read_text())


def section(machine: Machine, version: str, outcomes: Sequence[Outcome]) -> str:
    """What stands between the markers: the machine, the table, the notes."""
    columns = [*FIGURE_COLUMNS[:-1], "verdict"]
    lines = [
        f"{machine.date}, {version}: {machine.cores} cores of {machine.processor}, {machine.memory_gib:g} GiB, "
        f"{machine.kernel}, {machine.python}; load average before: {machine.load:g}.",
        f"Beside {', '.join(machine.versions) or 'no peers'}.",
        "",
        f"| {' | '.join(columns)} |",
        "|---|--:|--:|--:|---|---|",
    ]
    for outcome in outcomes:
        lines += [f"| {' | '.join(figure_row(figure))} |" for figure in outcome.figures]
    lines += ["", *(f"- {outcome.bench}: {note}" for outcome in outcomes for note in outcome.notes)]
    return "\n".join(lines).rstrip() + "\n"


def with_section(readme: str, fresh: str) -> str:
    """The page with what stands between its markers replaced."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MeasuringFailed(f"bench/README.md lacks the markers {BEGIN!r} and {END!r}")
    return f"{before}{begin}\n\n{fresh}\n{end}{after}"


def main() -> int:
    """Run the scripts that were named, or all."""
    parser = argparse.ArgumentParser(prog="bench/run.py", description="run every measurement")
    parser.add_argument(
        "scripts", nargs="*", metavar="SCRIPT", help=f"of {', '.join(_QUICK)}; all if none is named"
    )
    parser.add_argument("--quick", action="store_true", help="try the scripts at tiny sizes; the table stays")
    args = parser.parse_args()
    unknown = [name for name in args.scripts if name not in _QUICK]
    if unknown:
        parser.error(f"there is no script {unknown[0]!r}; choose from {', '.join(_QUICK)}")
    machine = this_machine()
    chosen = [name for name in _QUICK if not args.scripts or name in args.scripts]
    outcomes = (
        [run_script(name, _QUICK[name], VAR / "quick") for name in chosen]
        if args.quick
        else [run_script(name, (), VAR) for name in chosen]
    )
    fresh = section(machine, nodes.version(), outcomes)
    print(f"\n{fresh}")
    failed = [outcome.bench for outcome in outcomes if outcome.failed]
    if not args.quick and not args.scripts:
        readme = HERE / "README.md"
        if failed:
            print(f"{readme} stays as it is, for want of {', '.join(failed)}")
        else:
            readme.write_text(with_section(readme.read_text(), fresh))
            print(f"written to {readme}")
    return 1 if failed else 0


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except MeasuringFailed as failure:
        sys.exit(f"bench/run.py: {failure}")
    except KeyboardInterrupt:
        sys.exit(130)
