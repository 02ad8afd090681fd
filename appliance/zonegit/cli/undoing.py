"""`import --replace`: report the commits that a file would undo, and ask for confirmation."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import render, shapes
from zonegit.cli.output import Output
from zonegit.cli.progress import Progress
from zonegit.errors import Refused
from zonegit.model.foreign import printable
from zonegit.model.ids import short

if TYPE_CHECKING:
    from zonegit.repo import Revision
    from zonegit.repo.import_losses import Undone

_LISTED: Final = 10
_IN_AN_ERROR: Final = 3
"""How many commits the one line of a refusal names."""


class Undoing:
    """An import calls it to ask whether these commits may be undone; it prints and remembers them."""

    def __init__(self, args: Namespace, out: Output, bar: Progress, what: str = "the file") -> None:
        """`bar` is cleared before anything is printed. `what` is imported."""
        self._what = what
        self._args = args
        self._out = out
        self._bar = bar
        self._undone: Undone | None = None

    def __call__(self, undone: Undone) -> bool:
        """`Refused` without `--replace`, or if the user was asked and didn't confirm."""
        args, out = self._args, self._out
        self._bar.clear()
        lines = [_line(revision) for revision in undone.commits]
        since = "" if undone.shared else " made since the last import"
        count = f"{render.counted(undone.total, 'commit')}{since}"
        if not args.replace:
            message = "; ".join(_and_more(lines[:_IN_AN_ERROR], undone.total))
            zone = undone.commits[0].commit.zone
            raise Refused(
                f"{zone} has {count} that {self._what} would undo: {message}; {printable(undone.not_merged)}"
                "--replace undoes them"
            )
        self._undone = undone
        out.warn(f"{self._what} {'would undo' if args.dry_run else 'undoes'} {count}:")
        for line in _and_more(lines[:_LISTED], undone.total):
            out.note(f"  {line}")
        asked = not (args.yes or args.dry_run or args.file == "-") and sys.stdin.isatty()
        if asked and not out.ask("Undo them?", sys.stdin):
            raise Refused("the import was not confirmed; nothing was written")
        return True

    def json(self) -> shapes.JsonObject:
        """The listed commits, and the number of all."""
        commits = self._undone.commits if self._undone else []
        return {
            "undoes": [shapes.commit(revision) for revision in commits],
            "undoes_count": self._undone.total if self._undone else 0,
        }

    @property
    def happened(self) -> bool:
        """Whether the import undid anything."""
        return self._undone is not None


def _line(revision: Revision) -> str:
    commit = revision.commit
    when, who = render.short_date(commit.committer), printable(commit.author.name)
    return f"{short(revision.id)} {when} {who}: {printable(commit.subject)}"


def _and_more(lines: list[str], count: int) -> list[str]:
    return lines if count <= len(lines) else [*lines, f"and {count - len(lines):,} more"]
