"""`review` shows proposals; `approve` and `reject` make signed reviews, which the policies of zones count."""

from __future__ import annotations

import shlex
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Final

from zonegit.cli import options, proposals, render, verdicts
from zonegit.cli.output import Output
from zonegit.cli.publishing import policies, policy_of
from zonegit.cli.verbs import Verb
from zonegit.errors import AllowedSignersError, ConfigError, NotFound, UsageError
from zonegit.model.foreign import printable
from zonegit.model.ids import short
from zonegit.repo.proposals.reading import State, is_name
from zonegit.repo.reviews import Opinion
from zonegit.ssh.files import read_allowed_signers

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.repo import Repository
    from zonegit.repo.proposals.judged import Tally
    from zonegit.repo.proposals.reading import Proposal
    from zonegit.repo.publishing.policy import PublishPolicy
    from zonegit.repo.reviews import Review
    from zonegit.ssh.allowed_signers import AllowedSigners

_DONE: Final = {Opinion.APPROVE: "approved", Opinion.REJECT: "rejected"}


def _approve(args: Namespace, out: Output) -> int:
    return _review(args, out, Opinion.APPROVE, force=args.force)


def _reject(args: Namespace, out: Output) -> int:
    return _review(args, out, Opinion.REJECT)


def _review(args: Namespace, out: Output, opinion: Opinion, *, force: bool = False) -> int:
    with options.open_repository(args, out) as repo:
        # `Refused` if HEAD's branch or zone is gone: no other one is meant.
        zone = repo.target(args.zone, None if args.revision.startswith("HEAD") else args.revision).zone
        proposal = _proposal(repo, args)
        revision = proposal.tip.hex() if proposal else args.revision
        commit = repo.resolve(revision, zone=args.zone)
        made = repo.review(
            commit, opinion, who=args.author, message=args.message, force=force, dry_run=args.dry_run
        )
    if not args.dry_run:
        out.made("but the review was stored")
        _warn_if_it_counts_nowhere(args, out, zone, made)
    if args.json:
        out.json(proposals.review_shape(made))
        return 0
    done = f"would be {_DONE[opinion]}" if args.dry_run else _DONE[opinion]
    by = printable(made.reviewer)
    limits = ", whatever the limits of the policy are" if force else ""
    of = f"proposal {proposal.name}, " if proposal else ""
    out.note(f"{of}{short(commit.id)} {printable(commit.commit.subject)}: {done} by {by}{limits}")
    return 0


def _warn_if_it_counts_nowhere(args: Namespace, out: Output, zone: str, made: Review) -> None:
    """Warn if the zone has policies here, and none of them knows the reviewer's key."""
    from zonegit.repo.reviews import verdict

    known = [_approvers(policy, out) for policy in _policies(args, zone)]
    found = [verdict(made, approvers) for approvers in known if approvers is not None]
    if found and not any(each.is_good for each in found):
        out.warn(f"the policy of {zone} doesn't count this review: its signature is {printable(str(found[0]))}")


def _policies(args: Namespace, zone: str) -> list[PublishPolicy]:
    """The policies of a zone here: one, unless its branches read different files."""
    try:
        found = policies(args)
    except ConfigError:  # zonegitd goes on with the policy that it loaded, and says what is wrong
        return []
    return list(dict.fromkeys(policy for place, policy in found.items() if place.zone == zone))


def _proposal(repo: Repository, args: Namespace) -> Proposal | None:
    """The proposal that is meant; None if a revision is."""
    if not is_name(args.revision):
        return None
    try:
        return repo.proposal(args.revision, zone=args.zone)
    except NotFound:
        return None


def _list_or_show(args: Namespace, out: Output) -> int:
    with options.open_repository(args, out) as repo:
        if args.number is None:
            _list(repo, args, out)
        elif args.all:
            raise UsageError("review: --all lists all proposals, and can't be combined with a number")
        else:
            seen = _seen(repo, args, out)
            if args.json:
                out.json(proposals.shape_of_seen(seen))
            else:
                proposals.show(args, out, seen)
    return 0


def _list(repo: Repository, args: Namespace, out: Output) -> None:
    zone = repo.position(args.zone).zone
    every = repo.proposals(zone)
    found = [each for each in every if args.all or each.state is State.OPEN]
    policies = {target: policy_of(args, target) for target in {each.target for each in found}}
    told: dict[ObjectId, Tally] = {}
    for target, policy in policies.items():
        approvers = _approvers(policy, out)
        if approvers is not None:
            of_target = [each for each in found if each.target == target]
            tallies = repo.tallies(zone, of_target, approvers)
            told |= {each.id: tallies[each.tip] for each in of_target}
    if args.json:
        out.json([proposals.shape_in_list(each, told.get(each.id)) for each in found])
        return
    rows = [proposals.row(each, told.get(each.id), policies[each.target], states=args.all) for each in found]
    for line in render.table(rows):
        out.line(line)
    if not found:
        others = f"; --all lists {render.counted(len(every), 'other')}" if every else ""
        out.note(f"{zone} has no open proposals{others}")


def _approvers(policy: PublishPolicy | None, out: Output) -> AllowedSigners | None:
    """Those whose reviews count under a policy; None, with a warning, if they can't be read."""
    if policy is None or policy.allowed_approvers is None:
        return None
    try:
        return read_allowed_signers(policy.allowed_approvers)
    except AllowedSignersError as error:
        out.warn(printable(str(error)))
        return None


def _seen(repo: Repository, args: Namespace, out: Output) -> proposals.Seen:
    from zonegit.ops.validator import validate

    proposal = repo.proposal(args.number, zone=args.zone)
    policy = policy_of(args, proposal.target)
    outlook = repo.outlook(proposal, policy, validate) if proposal.state is State.OPEN else None
    head = repo.head_status().head
    where = "" if head and head.zone == proposal.zone else f" --zone {shlex.quote(proposal.zone)}"
    signature = verdicts.verdicts(repo, out, policy and (policy.allowed_signers or policy.allowed_approvers))(
        proposal.tag
    )
    reviews = repo.judged(proposal, _approvers(policy, out))
    return proposals.Seen(proposal, signature, outlook, reviews, policy, where)


def _arguments(parser: ArgumentParser, *, needs_message: bool) -> None:
    parser.add_argument(
        "revision", metavar="N|REV", nargs="?", default="HEAD", help="a proposal, or a commit (default: HEAD)"
    )
    parser.add_argument("-m", "--message", metavar="TEXT", required=needs_message, help="why")
    options.author_option(parser)
    options.dry_run_option(parser)
    options.json_option(parser)


def _review_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "number", metavar="N", nargs="?", help="the proposal to show (default: list those that are open)"
    )
    parser.add_argument("--all", action="store_true", help="list also those that landed or were withdrawn")
    parser.add_argument("--warnings", choices=("all",), help="show all warnings, not only the first 10")
    options.json_option(parser)


def _approve_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--force", action="store_true", help="lift the limits of the policy for this commit")
    _arguments(parser, needs_message=False)


def _reject_arguments(parser: ArgumentParser) -> None:
    _arguments(parser, needs_message=True)


_DETAILS: Final = """\
With digits only, a proposal is meant if there is one with that number, and what is reviewed is exactly its commit.
The review is signed with the key that `zonegit config user.signingkey` names, and replaces an earlier one of the
same commit. It counts where a policy's allowed_approvers name the key. An approval is of this commit and of all
that it builds on, and never of a commit that the approver made."""

_REVIEW_DETAILS: Final = """\
With N, shows the proposal's commits, and what would change if it landed now: the merge with its target, with
conflicts and the findings of the checks; each review, and whether it counts; and whether the gate of the target's
policy would let it through. A number that several proposals have is followed by digits, as in 7/03ab."""

VERBS: Final = {
    "review": Verb(_review_arguments, _list_or_show, _REVIEW_DETAILS, pages=True),
    "approve": Verb(_approve_arguments, _approve, _DETAILS),
    "reject": Verb(_reject_arguments, _reject, _DETAILS),
}
