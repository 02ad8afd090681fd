"""The second half of `zonegit pull`: updates branches and tags here to what was fetched from a peer.

A branch that is behind moves forward, by the rules of `sync.arrival`, and new ones appear. If both sides have
moved, the zone's policy decides whether they are merged automatically (`merge`, and `hold` without contradictions);
otherwise they are merged as by `zonegit merge`, or the local commits are rebased. A branch that one side removed
and the other changed is kept as the other has it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from zonegit.errors import Conflict, MergeConflict, Refused
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.results import Committed
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.port import Reader, Store
from zonegit.sync.arrival import Arrival, Offer, Outcome, Result, land, plan
from zonegit.sync.comparing import Compared
from zonegit.sync.policy import Policy

if TYPE_CHECKING:
    from zonegit.repo import Repository

TRIES: Final = 3
"""How often a plan is retried because refs have moved meanwhile; then the caller gets the `Conflict`."""
How = Literal["merge", "rebase", "policy"]
"""What happens if both sides have moved and the policy is `ff-only`: a merge as by `zonegit merge`, a rebase of the
local commits, or nothing."""


class Taken(NamedTuple):
    """The outcome for one branch or tag here."""

    ref: Ref
    old: ObjectId | None
    tip: ObjectId | None
    outcome: Outcome
    message: str = ""
    """Why it didn't move."""
    commit: Committed | None = None
    """The commit of a merge or a rebase."""
    rules: int = 0
    """The number of RRsets on which the sides contradict each other, so that a rule decides."""
    removed: bool = False
    """Whether the branch is gone here, or only its tombstone is left."""


class Pulled(NamedTuple):
    """The outcome of a pull."""

    taken: tuple[Taken, ...]
    """The branches and tags that moved, or should have."""
    conflict: MergeConflict | None = None
    """The conflict of a merge that stopped."""
    stopped: Ref | None = None
    """The branch on which it stopped."""


def take(
    repository: "Repository",
    store: Store,
    peer: str,
    compared: list[Compared],
    policy_of: Callable[[str], Policy],
    who: Stamp,
    how: How = "merge",
) -> Pulled:
    """Update branches and tags to the peer's. All automatic moves are one transaction, before any user's merge."""
    by_itself: list[Compared] = []
    removed: list[Compared] = []
    by_hand: list[Compared] = []
    taken: list[Taken] = []
    with store.read() as reader:
        for each in compared:
            incoming = each.standing in ("behind", "diverged")
            if each.ref.kind.is_review:
                by_itself += [each] if incoming else []
                continue
            if incoming and (other := reader.setting(mirror_setting(each.ref.zone))):
                taken.append(_left_to(other.decode(), each))
                continue
            if each.standing == "behind" or (each.standing == "diverged" and _is_automatic(each, policy_of, how)):
                by_itself.append(each)
            elif each.standing == "diverged":
                (removed if each.removed_here or each.removed_there else by_hand).append(each)
    results = _land(store, peer, by_itself, policy_of, who)
    results += _land(store, peer, removed, lambda _zone: Policy.MERGE, who)
    with store.read() as reader:
        taken += [
            _taken(reader, each, result) for each, result in zip([*by_itself, *removed], results, strict=True)
        ]
    conflict, stopped = None, None
    for each in by_hand:
        found, failure = _by_hand(repository, peer, each, how, who)
        taken.append(found)
        if failure and not conflict:
            conflict, stopped = failure, each.ref
    return Pulled(tuple(taken), conflict, stopped)


def _left_to(peer: str, each: Compared) -> Taken:
    """A branch or tag of a zone that is mirrored from another peer."""
    zone = each.ref.zone
    message = f"{zone} is mirrored from {peer}, and follows no other peer: `zonegit pull {peer} {zone}` updates it"
    return Taken(each.ref, each.ours, each.ours, "refused", message)


def _taken(reader: Reader, each: Compared, result: Result) -> Taken:
    gone = result.ref.kind is RefKind.HEAD and result.tip is not None and is_tombstone(reader, result.tip)
    return Taken(each.ref, each.ours, result.tip, result.outcome, result.message, rules=result.rules, removed=gone)


def _is_automatic(each: Compared, policy_of: Callable[[str], Policy], how: How) -> bool:
    return each.ref.kind is RefKind.TAG or how == "policy" or policy_of(each.ref.zone) is not Policy.FF_ONLY


def _land(
    store: Store, peer: str, compared: list[Compared], policy_of: Callable[[str], Policy], who: Stamp
) -> tuple[Result, ...]:
    offers = [Offer(each.ref, each.theirs) for each in compared if each.theirs is not None]

    def landed(arrival: Arrival) -> tuple[Result, ...]:
        if arrival.updates or arrival.diverged:
            with store.write() as writer:
                land(writer, arrival, who, f"pull: {peer}", peer)
        return arrival.results

    for _ in range(TRIES):
        try:
            return landed(plan(store, offers, policy_of, who.time))
        except Conflict:
            continue
    return landed(plan(store, offers, policy_of, who.time))


def _by_hand(
    repository: "Repository", peer: str, each: Compared, how: How, who: Stamp
) -> tuple[Taken, MergeConflict | None]:
    ref = each.ref
    name = f"{peer}/{ref.name}"
    verb = repository.rebase if how == "rebase" else repository.merge
    try:
        done = verb(name, zone=ref.zone, branch=ref.name, who=who.name)
    except MergeConflict as conflict:
        return Taken(ref, each.ours, each.ours, "held", str(conflict)), conflict
    except Refused as error:
        return Taken(ref, each.ours, each.ours, "refused", str(error)), None
    outcome: Outcome = "updated" if how == "rebase" else "merged"
    return Taken(ref, done.old, done.new, outcome, commit=done), None
