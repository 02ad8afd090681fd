"""The verbs that bring back what was before: `undo`, `redo`, and `restore` of records (a verb of `cli.backups`)."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, render, shapes
from zonegit.cli.committed import tell
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.model.foreign import printable
from zonegit.model.ids import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zonegit.repo import Repository, TakenBack
    from zonegit.repo.results import Alongside
    from zonegit.repo.writing import CommitOptions

_SHOWN: Final = 10
"""Zones that are listed."""


def _undo(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        return _tell(repo, repo.undo(**_how(args, repo)), "undone", args, out)


def _redo(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        return _tell(repo, repo.redo(**_how(args, repo)), "redone", args, out)


def restore_records(args: Namespace, out: Output) -> int:
    """`restore NAME [TYPE] --from REV`."""
    from zonegit.cli import typed

    rtype = typed.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed.zone_of(args, args.source, repo, out, rtype)
        done = repo.restore_records(
            args.source, rtype, source=args.revision, below=args.below, **options.commit_how(args, zone)
        )
        return tell(repo, done, args, out)


def _how(args: Namespace, repo: Repository) -> CommitOptions:
    return {
        "zone": repo.target(args.zone, args.branch).zone,
        "branch": args.branch,
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "signatures": args.signatures,
    }


def _tell(repo: Repository, done: TakenBack, word: str, args: Namespace, out: Output) -> int:
    """Report the commit, and which operation was undone or redone."""
    more: dict[str, object] = {word: shapes.reflog_entry(done.operation)}
    if word == "undone":
        more["alongside"] = [shapes.alongside(each) for each in done.alongside]
    code = tell(repo, done.committed, args, out, more=more)
    who = printable(done.operation.who.name).partition(" <")[0]
    what = f"{printable(done.operation.reason)} ({who}, {render.short_date(done.operation.who)[:10]})"
    out.note(f"would be {word}: {what}" if args.dry_run else f"{word}: {what}")
    _tell_alongside(done.alongside, out)
    return code


def _tell_alongside(others: Sequence[Alongside], out: Output) -> None:
    """Say which other zones the operation changed, and what undoes it there."""
    if not others:
        return
    out.note(f"the same operation changed {render.counted(len(others), 'other zone')}; this undoes it there:")
    for each in others[:_SHOWN]:
        verb = "undo" if each.last else f"revert {short(each.commit)}"
        out.note(f"  zonegit {verb} --zone {each.zone} --branch {each.branch}")
    if len(others) > _SHOWN:
        out.note(f"  and so on for {render.counted(len(others) - _SHOWN, 'more zone')}; --json lists all")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="the commit's message (default: made from the operation)"
    )
    parser.add_argument("--branch", metavar="BRANCH", help="the branch it is about (default: HEAD's branch)")
    options.signature_options(parser)
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


_UNDO_DETAILS: Final = """\
The last operation on the branch (a commit, an import, a merge, a reset; `reflog` lists them) is taken back by a new
commit with the content from before it. Another `undo` takes back the operation before that one, `redo` the undo
itself. To take back an earlier operation alone see `revert`."""
_REDO_DETAILS: Final = """\
Any other operation after the `undo` ends what can be redone."""

VERBS: Final = {
    "undo": Verb(_arguments, _undo, _UNDO_DETAILS),
    "redo": Verb(_arguments, _redo, _REDO_DETAILS),
}
