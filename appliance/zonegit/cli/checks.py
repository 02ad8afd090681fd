"""Findings of checks in verbs that change a zone: which are errors, and how many are printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from zonegit.cli import location
from zonegit.cli.output import Output, Style
from zonegit.errors import StoreError, UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from zonegit.model.names import WireName
    from zonegit.zonefile.findings import Finding

_SHOWN: Final = 10
"""How many warnings are printed without `--warnings all`."""
_NONE: Final = "none"


def check_options(parser: ArgumentParser) -> None:
    """`--strict` and `--warnings`."""
    parser.add_argument(
        "--strict",
        metavar="NAME[,NAME]|all|none",
        action="append",
        default=[],
        help="treat the warnings of these checks as errors; none: ignore the configured ones too",
    )
    parser.add_argument("--warnings", choices=("all",), help=f"show all warnings, not only the first {_SHOWN}")


def strict(args: Namespace, zone: str) -> frozenset[str]:
    """The checks whose warnings are errors in a zone: those of `--strict` and of the repository's configuration."""
    from pathlib import Path

    from zonegit.ops.strict import configured
    from zonegit.zonefile.strict import strict_checks

    names = [name for text in args.strict for name in text.split(",")]
    if names == [_NONE]:
        return frozenset()
    if _NONE in names:
        raise UsageError(f"--strict {_NONE} can't be combined with other names")
    given = strict_checks(names)
    try:
        repo = location.existing(args)
    except StoreError:  # `check FILE` needs none
        return given
    return given | configured(repo, Path(location.SERVICE_CONFIG), zone)


def warn(args: Namespace, out: Output, findings: Sequence[Finding], apex: WireName, *, committed: bool) -> None:
    """Print the warnings of a change."""
    from zonegit.cli import render
    from zonegit.model.names import to_text
    from zonegit.zonefile.findings import how_many

    shown = findings if getattr(args, "warnings", None) else findings[:_SHOWN]
    for finding in shown:
        out.warn(render.finding(finding, apex))
    way = _way_to_all(args, to_text(apex)) if committed else "--warnings all"
    _tell_more(out, how_many(findings[len(shown) :]), way)


def _way_to_all(args: Namespace, zone: str) -> str:
    """The command that shows all warnings of a committed change. An import's may concern only its file."""
    file: str | None = getattr(args, "file", None)
    if file is None:
        return f"zonegit --zone {zone} check --warnings all"
    if file == "-":
        return "the same import with --dry-run --warnings all"
    from shlex import join

    where = [word for directory in args.directories for word in ("-C", directory)]
    chosen = ["--zone", args.zone] if args.zone else []
    return join(["zonegit", *where, "check", file, *chosen, "--warnings", "all"])


def show(args: Namespace, out: Output, findings: Sequence[Finding], apex: WireName) -> None:
    """Print findings as the answer: all errors, and the first `_SHOWN` warnings."""
    from zonegit.cli import render

    room = len(findings) if args.warnings else _SHOWN
    left_out = 0
    for finding in findings:
        severity = finding.severity.value
        if severity == "warning":
            if not room:
                left_out += 1 + finding.more
                continue
            room -= 1
        style = Style.OLD if severity == "error" else Style.WARNING
        out.line(f"{out.paint(severity, style)}: {render.finding(finding, apex)}")
    _tell_more(out, left_out, "--warnings all")


def _tell_more(out: Output, number: int, how: str) -> None:
    if number:
        out.note(
            f"{number:,} more warning{'' if number == 1 else 's'}; {how} shows {'it' if number == 1 else 'them'}"
        )
