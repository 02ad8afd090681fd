"""What a script hands over: tables on stdout and one JSON file under `var/bench`."""

import json
import os
import platform
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import peers
from figures import Figure, budget_text, number_text
from material import VAR

Cell = str | float | int


@dataclass(frozen=True, slots=True)
class Table:
    """Details behind the figures, in columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one script found out."""

    bench: str
    figures: Sequence[Figure]
    tables: Sequence[Table] = ()
    notes: Sequence[str] = ()
    """What was left out, and what a reader has to know."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and when figures were measured."""

    date: str
    processor: str
    cores: int
    memory_gib: float
    kernel: str
    python: str
    load: float
    """Load average of the minute before."""
    versions: Sequence[str] = field(default_factory=tuple)
    """Of zonegit's peers."""


def this_machine() -> Machine:
    here, _ = peers.present()
    here += [peers.POWERDNS] if peers.POWERDNS.installed() else []
    return Machine(
        date=time.strftime("%Y-%m-%d"),
        processor=_processor(Path("/proc/cpuinfo").read_text()),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        load=round(os.getloadavg()[0], 2),
        versions=tuple(peer.version() for peer in here),
    )


def _processor(cpuinfo: str) -> str:
    for line in cpuinfo.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def finish(report: Report, args: Namespace) -> None:
    """Print the report and write it to the JSON file."""
    for table in report.tables:
        print(f"\n{table.title}\n")
        print(text_table(table.columns, [[_cell(cell) for cell in row] for row in table.rows]))
    print(f"\n{report.bench}: figures\n")
    print(
        text_table(FIGURE_COLUMNS, [figure_row(figure) for figure in report.figures]) if report.figures else "none"
    )
    for note in report.notes:
        print(f"note: {note}")
    options = {name: value for name, value in vars(args).items() if name != "json"}
    figures = [{**asdict(figure), "verdict": figure.verdict} for figure in report.figures]
    whole = {**asdict(report), "figures": figures, "options": options, "machine": asdict(this_machine())}
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(whole, indent=1, default=str) + "\n")


FIGURE_COLUMNS = ("what", "figure", "budget", "× peers", "bound by", "")


def figure_row(figure: Figure) -> list[str]:
    """A line of the table of figures."""
    return [
        figure.what,
        f"{number_text(figure.value)} {figure.unit}".strip(),
        budget_text(figure.budget, figure.unit).strip() if figure.budget else "",
        ratios_text(figure.ratios),
        figure.bound,
        figure.verdict,
    ]


def ratios_text(ratios: Mapping[str, float]) -> str:
    return ", ".join(f"{ratio:.2f} × {name}" for name, ratio in ratios.items())


def _cell(cell: Cell) -> str:
    return cell if isinstance(cell, str) else f"{cell:,}" if isinstance(cell, int) else number_text(cell)


def text_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Aligned columns; the first one to the left, all others to the right."""
    widths = [max(len(row[at]) for row in [columns, *rows]) for at in range(len(columns))]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in _placed(line, widths))
        for line in lines
    )


def _placed(line: Sequence[str], widths: Sequence[int]) -> Iterator[tuple[int, tuple[str, int]]]:
    return enumerate(zip(line, widths, strict=True))


def options(bench: str, about: str) -> ArgumentParser:
    """A script's parser, with what all of them take."""
    parser = ArgumentParser(prog=f"bench/{bench}.py", description=about)
    parser.add_argument("--json", type=Path, default=VAR / f"{bench}.json", help="where the results go")
    return parser


@contextmanager
def workplace() -> Iterator[Path]:
    """A directory on the checkout's disk for the length of a measurement."""
    VAR.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=VAR, prefix="tmp-") as name:
        yield Path(name)
