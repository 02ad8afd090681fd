"""Makes proposals, and takes them back. A proposer only ever replaces what is their own."""

from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from zonegit.errors import Refused, UsageError
from zonegit.model import refs
from zonegit.model.commit import Stamp, Tag
from zonegit.model.foreign import printable
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.listing import named as named_refs
from zonegit.repo.messages import checked_message
from zonegit.repo.position import default_branch
from zonegit.repo.proposals.reading import WITHDRAWN, Proposal, State, named, proposals, stored
from zonegit.repo.renamed import branch_gone
from zonegit.repo.results import Position
from zonegit.repo.review_refs import FROM, INTO, MAX_PROPOSALS, NUMBER, PROPOSE, keep, ref_of
from zonegit.repo.signatures import mail_of
from zonegit.repo.signing import encoded
from zonegit.repo.undo import UNDO
from zonegit.store.port import Reader


class Proposed(NamedTuple):
    """A proposal that was made or changed."""

    proposal: Proposal
    before: Proposal | None
    """What it was until now; None for a new one."""


def propose(
    context: Context,
    source: Position,
    into: str | None,
    *,
    who: str | None = None,
    message: str | None = None,
    sign: bool | None = False,
    dry_run: bool = False,
) -> Proposed:
    """Propose to merge the tip of a branch into another one (None: the zone's default branch).

    Where the same proposer has an open proposal of the same branches, that one gets the new tip. `Refused` if there
    is nothing to merge.
    """
    target = Position(source.zone, into or default_branch(named_refs(context, refs.RefKind.HEAD, source.zone)))
    if source == target:
        raise UsageError(
            f"{source.branch} can't be proposed into itself: name another branch with --from or --into"
        )
    stamp = context.stamp(who)
    text = None if message is None else f"{checked_message(message)}\n"
    with context.store.read() as reader:
        tip = _tip(reader, source)
        if is_ancestor(reader, tip, _tip(reader, target)):
            raise _nothing(reader, source, target)
        before = _open(reader, source, target, mail_of(stamp.name))
        number = before.number if before else _free_number(each.number for each in stored(reader, source.zone))
        subject = read_commit(reader, tip).commit.subject
    if before:
        text = text or before.tag.message
        if (tip, text) == (before.tip, before.tag.message):
            return Proposed(before, before)
    extra = ((NUMBER, str(number)), (FROM, source.branch), (INTO, target.branch))
    tag = Tag(tip, source.zone, PROPOSE, _after(stamp, before), text or f"{subject}\n", extra)
    return _kept(context, tag, before, sign=sign, dry_run=dry_run)


def withdraw(
    context: Context,
    name: str,
    zone: str,
    *,
    who: str | None = None,
    message: str | None = None,
    sign: bool | None = False,
    dry_run: bool = False,
) -> Proposed:
    """Take a proposal back. `Refused` for that of somebody else, and for one that isn't open."""
    stamp = context.stamp(who)
    with context.store.read() as reader:
        before = named(reader, zone, name)
    refuse_closed(before)
    if before.proposer != mail_of(stamp.name):
        raise Refused(
            f"proposal {before.name} is {printable(before.proposer)}'s, and only they can withdraw it; "
            f"'zonegit reject {before.name}' says that it shouldn't land"
        )
    text = before.tag.message if message is None else f"{checked_message(message)}\n"
    extra = tuple(each for each in before.tag.extra if each[0] in (NUMBER, FROM, INTO))
    tag = before.tag._replace(tagger=_after(stamp, before), message=text, extra=(*extra, WITHDRAWN))
    return _kept(context, tag, before, sign=sign, dry_run=dry_run)


def refuse_closed(proposal: Proposal) -> None:
    """`Refused` unless a proposal is open."""
    if proposal.state is State.LANDED:
        raise Refused(f"proposal {proposal.name} has landed: {proposal.target.branch} has {short(proposal.tip)}")
    if proposal.state is State.WITHDRAWN:
        raise Refused(
            f"proposal {proposal.name} was withdrawn; 'zonegit propose --from {proposal.branch}' makes a new one"
        )


def _tip(reader: Reader, place: Position) -> ObjectId:
    """The tip of a branch. `NotFound` if there is no such branch."""
    tip = reader.live(refs.head(place.zone, place.branch))
    if tip is None:
        raise branch_gone(reader, place)
    return tip


def _nothing(reader: Reader, source: Position, target: Position) -> Refused:
    """The error if there is nothing to merge. What was undone still counts as merged."""
    newest = next(reader.reflog(refs.head(target.zone, target.branch)), None)
    undone = f"; what was undone on {target.branch} still counts as merged: 'zonegit redo' redoes it"
    hint = undone if newest and newest.reason.startswith(UNDO) else ""
    return Refused(f"there is nothing to propose: {target.branch} has all commits of {source.branch}{hint}")


def _open(reader: Reader, source: Position, target: Position, proposer: str) -> Proposal | None:
    """The newest proposal of these branches by this proposer, if it is open."""
    wanted = source.branch, target, proposer
    mine = [each for each in stored(reader, source.zone) if (each.branch, each.target, each.proposer) == wanted]
    if not mine:
        return None
    same = proposals(reader, source.zone, mine[-1].number)
    return next((each for each in same if each.ref == mine[-1].ref and each.state is State.OPEN), None)


def _free_number(known: Iterable[int]) -> int:
    """The number after the greatest known one; after the last number of all, the first that is free."""
    taken = {0, *known}
    after = 1 + max(taken)
    return after if after <= MAX_PROPOSALS else next(number for number in count(1) if number not in taken)


def _after(stamp: Stamp, before: Proposal | None) -> Stamp:
    """A stamp that is later than that of the proposal before, whatever the clock says."""
    return stamp._replace(time=max(stamp.time, before.tag.tagger.time + 1)) if before else stamp


def _kept(context: Context, made: Tag, before: Proposal | None, *, sign: bool | None, dry_run: bool) -> Proposed:
    data = encoded(context, made, sign, dry_run=dry_run)
    tag = Tag.decode(data)
    ref = ref_of(tag)
    state = State.WITHDRAWN if WITHDRAWN in tag.extra else State.OPEN
    number = next(value for key, value in tag.extra if key == NUMBER)
    if not dry_run:
        keep(context, tag, f"propose: {'withdraw ' if state is State.WITHDRAWN else ''}{number}")
        with context.store.read() as reader:
            found = next(each for each in proposals(reader, tag.zone, int(number)) if each.ref == ref)
        return Proposed(found, before)
    tip = before.branch_tip if before and state is State.WITHDRAWN else tag.target
    return Proposed(Proposal(ref, object_id(data), tag, before.name if before else number, state, tip), before)
