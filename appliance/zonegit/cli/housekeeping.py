"""The verbs that free space: `gc`, `compact`."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import location, options, render
from zonegit.cli.interruption import interruptible
from zonegit.cli.output import Output
from zonegit.cli.ownership import as_owner
from zonegit.cli.verbs import Verb
from zonegit.model.foreign import printable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from zonegit.model.ids import Kind

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_DIGITS: Final = 9


def _gc(args: Namespace, out: Output) -> int:
    untold = "interrupted; some unreachable objects were deleted, and nothing that a ref reaches"
    with (
        options.open_repository(args, out) as repo,
        interruptible(lambda: "interrupted; nothing was written" if args.dry_run else untold),
        out.progress("examining objects") as progress,
    ):
        report = repo.gc(grace=args.grace, dry_run=args.dry_run, patience=args.lock_timeout, progress=progress)
    if args.json:
        out.json(
            {
                "dry_run": args.dry_run,
                "kept": _by_kind(report.kept),
                "gone": _by_kind(report.gone),
                "bytes": report.size,
                "reflog_entries": report.entries,
                "refs": report.refs,
            }
        )
        return 0
    done = "dry run, nothing written: would delete" if args.dry_run else "deleted"
    gone, kept = sum(report.gone.values()), sum(report.kept.values())
    entries = f"{report.entries:,} reflog {'entry' if report.entries == 1 else 'entries'}"
    out.note(f"{done} {render.counted(gone, 'object')} of {report.size >> 10:,} KiB and {entries}; kept {kept:,}")
    if report.refs:
        verb = "would delete" if args.dry_run else "deleted"
        out.note(f"{verb} {report.refs:,} old proposals and reviews that are settled")
    if report.entries:
        reach = "would reach" if args.dry_run else "reach"
        out.note(f"undo and BRANCH@{{…}} {reach} back only as far as the grace period ({_written(args.grace)})")
    if gone:
        for kind, count in report.gone.items():
            if count:
                out.line(f"{kind.name.lower():8}{count:>12,} of {count + report.kept[kind]:,}")
    return 0


def _compact(args: Namespace, out: Output) -> int:
    from zonegit.repo import Repository

    path = as_owner(location.existing(args))
    before = _data_file(path)

    def outcome() -> str:
        done = _data_file(path) != before
        return "interrupted, but the file was replaced" if done else "interrupted; nothing was changed"

    with interruptible(outcome), out.progress("comparing items") as progress:
        done = Repository.compact(path, dry_run=args.dry_run, progress=progress)
    if args.json:
        out.json({"dry_run": args.dry_run, "before": done.before, "after": done.after, "saved": done.saved})
    else:
        what = "dry run, nothing written: would save" if args.dry_run else "saved"
        where = printable(str(path / location.DATA))
        out.note(f"{what} {done.saved:,} of the {done.before:,} bytes of {where}")
    return 0


def _data_file(path: Path) -> int:
    return (path / location.DATA).stat().st_ino


def _by_kind(counts: Mapping[Kind, int]) -> dict[str, int]:
    return {kind.name.lower(): count for kind, count in counts.items()}


def _age(text: str) -> int:
    """Seconds, from `90d`, `12h` or `0`."""
    number, unit = text[:-1], _UNITS.get(text[-1:], 0)
    if text == "0":
        return 0
    if not (unit and number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise ArgumentTypeError(
            f"invalid age {text[:40]!r}: expected 0, or at most {_DIGITS} digits and a unit, "
            "such as 90d, 12h or 30m"
        )
    return int(number) * unit


def _written(seconds: int) -> str:
    """An age in the form that `_age` reads."""
    unit, size = next(((unit, size) for unit, size in reversed(_UNITS.items()) if not seconds % size))
    return f"{seconds // size}{unit}" if seconds else "0"


def _gc_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--grace",
        metavar="AGE",
        type=_age,
        default=90 * 86_400,
        help="how long reflog entries keep what they name: 12h, 30m, 0 (default: 90d)",
    )
    options.dry_run_option(parser)
    options.json_option(parser)


def _compact_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="show what would be done, and write nothing")
    options.json_option(parser)


_GC_DETAILS: Final = """\
Everything is kept that a branch, a tag, a remote-tracking branch, a stopped merge, or a reflog entry within the
grace period reaches. Older reflog entries are deleted, except for the newest of each ref. Of published versions,
the newest 100 are kept, and up to 1,000 of the last seven days. Proposals that landed or were withdrawn, and
reviews of commits that nothing else has, go once they are older than the grace period. zonegitd and other verbs
may run meanwhile. The freed space is reused by later commits; `zonegit compact` returns it to the file system.
Interrupted transfers from a peer start again."""

_COMPACT_DETAILS: Final = """\
Makes a copy of the data file without free pages, compares the two item by item, and replaces the file. This is
refused, before anything is copied, while zonegitd or a zonegit command uses the repository. The disk needs space
for the copy."""

VERBS: Final = {
    "gc": Verb(_gc_arguments, _gc, _GC_DETAILS),
    "compact": Verb(_compact_arguments, _compact, _COMPACT_DETAILS),
}
