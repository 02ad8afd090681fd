"""`propose` and `land`: ask for a branch to be merged, and merge it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import conflicts, options, proposals
from zonegit.cli.checks import check_options, strict
from zonegit.cli.committed import tell
from zonegit.cli.output import Output
from zonegit.cli.publishing import hold_of, policy_of
from zonegit.cli.verbs import Verb
from zonegit.errors import MergeConflict, UsageError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.repo.publishing.policy import Reason

if TYPE_CHECKING:
    from zonegit.repo import Committed, Repository
    from zonegit.repo.proposals.propose import Proposed
    from zonegit.repo.proposals.reading import Proposal
    from zonegit.repo.publishing.policy import PublishPolicy
    from zonegit.repo.writing import CommitOptions


def _propose(args: Namespace, out: Output) -> int:
    if args.withdraw is not None and (args.source or args.into):
        raise UsageError("propose: --withdraw names a proposal; leave out --from and --into")
    how = {"who": args.author, "message": args.message, "sign": args.sign, "dry_run": args.dry_run}
    with options.open_repository(args, out) as repo:
        if args.withdraw is not None:
            made = repo.withdraw(args.withdraw, zone=args.zone, **how)
        else:
            made = repo.propose(zone=args.zone, branch=args.source, into=args.into, **how)
    if made.before is None or made.before.id != made.proposal.id:
        out.made("but the proposal was stored")
    if args.json:
        out.json({**proposals.shape(made.proposal), "before": made.before and made.before.id.hex()})
    else:
        out.note(_done(made, args))
    return 0


def _done(made: Proposed, args: Namespace) -> str:
    """What `propose` did, in a line."""
    proposal, before = made
    what = proposals.line(proposal)
    if before and before.id == proposal.id:
        return f"{what}: proposed already"
    if args.withdraw is not None:
        verb = "withdrawn"
    else:
        verb = f"updated, was {short(before.tip)}" if before else "proposed"
    return f"dry run, nothing written: {what}: would be {verb}" if args.dry_run else f"{what}: {verb}"


def _land(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        zone = repo.target(args.zone, args.number).zone  # `Refused` if HEAD's is gone: no other zone is meant
        proposal = repo.proposal(args.number, zone=zone)
        policy = policy_of(args, proposal.target)
        try:
            done = repo.land(proposal, policy, ff=args.ff, **_how(args, proposal))
        except MergeConflict as conflict:
            conflicts.tell(args, out, "land", proposal.zone, conflict)
            raise _with_way(conflict, proposal) from None
        _tell(repo, done, proposal, policy, args, out)
    return 0


def _how(args: Namespace, proposal: Proposal) -> CommitOptions:
    from zonegit.repo.merges import ACCEPTED

    return {
        "who": args.author,
        "message": args.message,
        "dry_run": args.dry_run,
        "strict": ACCEPTED if args.strict == [*ACCEPTED] else strict(args, proposal.zone),
        "sign": args.sign,
        "not_before": args.at,
    }


def _tell(
    repo: Repository,
    done: Committed,
    proposal: Proposal,
    policy: PublishPolicy | None,
    args: Namespace,
    out: Output,
) -> None:
    """Report what landed, and what holds it."""
    if done.old == done.new:
        if args.json:
            tell(repo, done, args, out)
        else:
            out.note(f"{proposals.line(proposal)}: has landed already")
        return
    tell(repo, done, args, out)
    if args.message and done.new == proposal.tip:
        out.note("a fast-forward makes no commit, so the message was not used; --no-ff makes one")
    if policy is None:
        return
    if args.dry_run:
        for line in proposals.gate_lines(repo.outlook(proposal, policy), proposal, policy):
            out.warn(line)
        return
    held = hold_of(repo, args, done.zone, done.branch)
    if held is not None and held.reason is Reason.APPROVALS and done.new not in (None, proposal.tip, held.commit):
        out.note(f"'zonegit approve {short(done.new)}' approves of the merge, and of all that it builds on")


def _with_way(conflict: MergeConflict, proposal: Proposal) -> MergeConflict:
    """The error, with how to resolve the conflicts."""
    target, branch = proposal.target.branch, printable(proposal.branch)
    accept = "" if conflict.conflicts else "add '--strict none' to accept warnings, or "
    way = (
        f"nothing moved: {accept}merge {target} into {branch} and resolve them there ('zonegit checkout {branch}', "
        f"'zonegit merge {target}'), then 'zonegit propose' again"
    )
    return MergeConflict(f"{conflict}; {way}", conflict.conflicts, conflict.together)


def _propose_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("-m", "--message", metavar="TEXT", help="why (default: the subject of the tip)")
    parser.add_argument(
        "--from", dest="source", metavar="BRANCH", help="the branch to propose (default: HEAD's branch)"
    )
    parser.add_argument(
        "--into", metavar="BRANCH", help="where it is to be merged (default: the zone's default branch)"
    )
    parser.add_argument("--withdraw", metavar="N", help="take back the proposal with this number")
    options.author_option(parser)
    options.sign_option(parser, "proposal")
    options.dry_run_option(parser)
    options.json_option(parser)


def _land_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("number", metavar="N", help="the proposal's number")
    parser.add_argument("-m", "--message", metavar="TEXT", help="the message of the merge commit")
    options.fast_forward_options(parser, "land only exactly the proposed commit")
    options.author_option(parser)
    options.at_option(parser)
    check_options(parser)
    options.sign_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


_PROPOSE_DETAILS: Final = """\
The proposal names the branch's tip as it is now. If the branch moves on, propose it again: your open proposal of
the same branches gets the new tip, and keeps its number. What was approved was the old tip: the new one needs
approvals of its own. `zonegit review` lists the open proposals."""
_LAND_DETAILS: Final = """\
Merges the proposed commit into the branch that it was proposed for, wherever HEAD is. If that branch hasn't moved
on, it is a fast-forward, and exactly the proposed commit is served. Otherwise a merge commit is made, which needs
approvals of its own under a policy that asks for them; `zonegit review N` says so beforehand."""

VERBS: Final = {
    "propose": Verb(_propose_arguments, _propose, _PROPOSE_DETAILS),
    "land": Verb(_land_arguments, _land, _LAND_DETAILS),
}
