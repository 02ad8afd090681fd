"""`approve` and `reject`: signed reviews of commits, which the policies of zones count."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Final

from zonegit.cli import options
from zonegit.cli.output import Output
from zonegit.cli.verbs import Verb
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.repo.reviews import Opinion, Review

_DONE: Final = {Opinion.APPROVE: "approved", Opinion.REJECT: "rejected"}


def _approve(args: Namespace, out: Output) -> int:
    return _review(args, out, Opinion.APPROVE, force=args.force)


def _reject(args: Namespace, out: Output) -> int:
    return _review(args, out, Opinion.REJECT)


def _review(args: Namespace, out: Output, opinion: Opinion, *, force: bool = False) -> int:
    with options.open_repository(args, out) as repo:
        commit = repo.resolve(args.revision, zone=args.zone)
        made = repo.review(
            commit, opinion, who=args.author, message=args.message, force=force, dry_run=args.dry_run
        )
    if not args.dry_run:
        out.made("but the review was stored")
    if args.json:
        out.json(shape(made))
        return 0
    done = f"would be {_DONE[opinion]}" if args.dry_run else _DONE[opinion]
    by = printable(made.reviewer)
    limits = ", whatever the limits of the policy are" if force else ""
    out.note(f"{short(commit.id)} {printable(commit.commit.subject)}: {done} by {by}{limits}")
    return 0


def shape(made: Review) -> dict[str, object]:
    """A review as JSON."""
    tag = made.tag
    return {
        "commit": made.commit.hex(),
        "opinion": str(made.opinion),
        "force": made.force,
        "reviewer": made.reviewer,
        "time": tag.tagger.time,
        "message": tag.message,
    }


def _arguments(parser: ArgumentParser, *, needs_message: bool) -> None:
    parser.add_argument("revision", metavar="REV", nargs="?", default="HEAD", help="the commit (default: HEAD)")
    parser.add_argument("-m", "--message", metavar="TEXT", required=needs_message, help="why")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _approve_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="lift the limits of the policy for this commit")
    _arguments(parser, needs_message=False)


def _reject_arguments(parser: ArgumentParser) -> None:
    _arguments(parser, needs_message=True)


_DETAILS: Final = """\
The review is signed with the key that `zonegit config user.signingkey` names, and replaces an earlier one of the
same commit. It counts where a policy's allowed_approvers name the key. An approval is of this commit and of all
that it builds on, and never of a commit that the approver made."""

VERBS: Final = {
    "approve": Verb(_approve_arguments, _approve, _DETAILS),
    "reject": Verb(_reject_arguments, _reject, _DETAILS),
}
