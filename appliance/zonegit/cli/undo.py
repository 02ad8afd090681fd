"""The verbs that restore an earlier state: `undo`, `redo`, and `restore` of records (a verb of `cli.backups`)."""

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
"""How many zones are listed."""


def _undo(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        return _tell(repo, repo.undo(**_how(args, repo)), "undone", args, out)


def _redo(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        return _tell(repo, repo.redo(**_how(args, repo)), "redone", args, out)


def restore_records(args: Namespace, out: Output) -> int:
    """`restore NAME [TYPE] --from REV`."""
    from zonegit.cli import typed_names

    rtype = typed_names.type_of(args.type)
    with options.open_repository(args, out) as repo:
        zone = typed_names.zone_of(args, args.source, repo, out, rtype)
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
        "sign": args.sign,
        "not_before": args.at,
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
    """Say which other zones the operation changed, and how to undo it there."""
    if not others:
        return
    out.note(f"the same operation changed {render.counted(len(others), 'other zone')}; to undo it there:")
    for each in others[:_SHOWN]:
        verb = "undo" if each.last else f"revert {short(each.commit)}"
        out.note(f"  zonegit {verb} --zone {each.zone} --branch {each.branch}")
    if len(others) > _SHOWN:
        out.note(f"  and {render.counted(len(others) - _SHOWN, 'more zone')}; --json lists all")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-m", "--message", metavar="TEXT", help="the commit message (default: derived from the operation)"
    )
    parser.add_argument("--branch", metavar="BRANCH", help="the branch (default: HEAD's branch)")
    options.at_option(parser)
    options.signature_options(parser)
    options.author_option(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


_UNDO_DETAILS: Final = """\
Undoes the last operation on the branch (a commit, an import, a merge, a reset; `reflog` lists them) with a new
commit that has the content from before it. Another `undo` undoes the operation before that one; `redo` undoes the
undo. To undo a single earlier commit use `revert`."""
_REDO_DETAILS: Final = """\
After any other operation, an `undo` can no longer be redone."""

VERBS: Final = {
    "undo": Verb(_arguments, _undo, _UNDO_DETAILS),
    "redo": Verb(_arguments, _redo, _REDO_DETAILS),
}
