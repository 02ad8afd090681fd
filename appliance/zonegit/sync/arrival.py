"""Decides what happens to the branches, tags, reviews and proposals that a peer pushes, or that a pull has fetched.

    arrival = plan(store, offers, policy_of)                  # blocks no other writer
    with store.write() as writer:
        land(writer, arrival, who, "push: laptop", "laptop")  # `Conflict` where a ref moved since: plan again

A branch only moves to commits that have all of its user commits in their history. Before any ref moves, each commit
that enters a zone's history is checked (`repo.admission`), and each automatic merge among them is computed again
and compared (`repo.canonical`), so that a forged one is refused. Reviews and proposals are sets, whatever the
policy: each arrives by itself, and of two under one name the newer stays (`repo.review_refs`).
"""

from collections import deque
from collections.abc import Callable, Container, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Literal, NamedTuple

from zonegit.errors import InvalidData
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, short
from zonegit.model.refs import MAX_REF, Ref, RefKind
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.canonical import Merged, NotMerged, merge_tips, reconcile
from zonegit.repo.diverged import Diverged, note_diverged, settle_diverged
from zonegit.repo.heads import is_automatic
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.review_refs import is_given_up, kept
from zonegit.store.port import Reader, RefUpdate, Store, Writer
from zonegit.sync.acceptable import forged_merge, may_not_create, new_commits, seq_falls, unacceptable
from zonegit.sync.policy import Policy
from zonegit.sync.work import Due, Work, finish, never
from zonegit.tree.source import NodeCache, Nodes

Outcome = Literal["unchanged", "updated", "merged", "held", "refused", "missing"]
Reads = Callable[[], AbstractContextManager[Reader]]
MayBegin = Callable[[str], bool]
"""Zone name -> whether the peer may create this zone, which isn't here yet."""
GOOD: Final = frozenset(("unchanged", "updated", "merged"))
"""Outcomes after which the ref here contains what was offered, or something newer that replaces it."""
OFFERED: Final = frozenset((RefKind.HEAD, RefKind.TAG, RefKind.REVIEW, RefKind.PROPOSAL))
"""The kinds of refs that nodes which all write offer to each other."""


class Offer(NamedTuple):
    """One branch, tag, review or proposal that a peer has, or pushes."""

    ref: Ref
    new: ObjectId
    old: ObjectId | None = None
    """Where the pusher believes the ref to be here. Only `Policy.FF_ONLY` uses it."""


class Result(NamedTuple):
    """The result of one offer."""

    ref: Ref
    outcome: Outcome
    tip: ObjectId | None
    """Where the ref here points afterwards; None if there is none."""
    reason: str = ""
    """A code, where it didn't move as offered: `behind`, `not-fast-forward`, `moved`, `conflict`, `signed`,
    `too-many-heads`, `too-many-changes`, `mirrored`, `unfit`, `unfit-review`, `seq`, `forged-merge`, `new-zone`,
    `tag-differs`, `wrong-object`, `name`, `atomic`."""
    message: str = ""
    """The reason as a sentence."""
    rules: int = 0
    """The number of RRsets on which the two sides contradict each other, so that a rule decides, or would."""


class Arrival(NamedTuple):
    """The decisions about all offers, to be carried out in one transaction."""

    results: tuple[Result, ...] = ()
    """In the order of the offers."""
    updates: tuple[RefUpdate, ...] = ()
    objects: tuple[bytes, ...] = ()
    """The new objects of automatic merges, children before parents."""
    diverged: tuple[tuple[Result, ObjectId], ...] = ()
    """The branches that moved on both sides and weren't merged, with the peer's tips."""


def anybody(zone: str) -> bool:
    """Any peer may create zones."""
    return True


def plan(
    store: Store, offers: Sequence[Offer], policy_of: Callable[[str], Policy], now: float, *, atomic: bool = False
) -> Arrival:
    """Decide about each offer, by its zone's policy. `atomic`: all refs move, or none. `now`: Unix seconds.

    `InvalidData` for an offer of any other kind of ref, and for two offers of one ref.
    """
    return finish(planning(store, offers, policy_of, now, atomic=atomic))


def planning(
    store: Store,
    offers: Sequence[Offer],
    policy_of: Callable[[str], Policy],
    now: float,
    *,
    atomic: bool = False,
    hidden: Container[ObjectId] = (),
    may_begin: MayBegin = anybody,
    due: Due = never,
) -> Work[Arrival]:
    """`plan` in slices. Objects that are `hidden` count as absent."""
    criteria = _Criteria(policy_of, may_begin, hidden, now, due)
    return (yield from _planning(store.read, store.nodes, offers, criteria, atomic))


def plan_within(
    writer: Writer,
    cache: NodeCache,
    offers: Sequence[Offer],
    policy_of: Callable[[str], Policy],
    now: float,
    *,
    atomic: bool = False,
    may_begin: MayBegin = anybody,
) -> Arrival:
    """`plan` within a write transaction, so that no ref can move before `land`."""
    criteria = _Criteria(policy_of, may_begin, (), now, never)
    return finish(_planning(lambda: nullcontext(writer), cache, offers, criteria, atomic))


class _Criteria(NamedTuple):
    """The rules by which all offers of one plan are decided."""

    policy_of: Callable[[str], Policy]
    may_begin: MayBegin
    hidden: Container[ObjectId]
    now: float
    due: Due


def _planning(
    reads: Reads, cache: NodeCache, offers: Sequence[Offer], criteria: _Criteria, atomic: bool
) -> Work[Arrival]:
    _check(offers)
    decisions: list[_Decision] = []
    checked: set[ObjectId] = set()
    for offer in offers:
        decisions.append((yield from _deciding(reads, cache, offer, criteria, checked)))
        if criteria.due():
            yield
    return _arrival(decisions, atomic=atomic)


def _check(offers: Sequence[Offer]) -> None:
    if len({offer.ref for offer in offers}) < len(offers):
        raise InvalidData("one ref can't be moved twice in one request")
    if any(offer.ref.kind not in OFFERED for offer in offers):
        raise InvalidData("only branches, tags, reviews and proposals can be offered")


def _arrival(decisions: Sequence["_Decision"], *, atomic: bool) -> Arrival:
    results = tuple(each.result for each in decisions)
    diverged = tuple((each.result, each.diverged) for each in decisions if each.diverged)
    if atomic and any(result.outcome not in GOOD for result in results):
        return Arrival(tuple(map(_not_moved, decisions)), diverged=diverged)
    moving = [each for each in decisions if each.result.tip != each.before]
    updates = (RefUpdate(each.result.ref.full, each.before, each.result.tip) for each in moving)
    objects = dict.fromkeys(data for each in moving for data in each.objects)
    return Arrival(results, tuple(updates), tuple(objects), diverged)


def land(writer: Writer, arrival: Arrival, who: Stamp, reason: str, peer: str, name: str = "") -> None:
    """Carry out the decisions. `Conflict` if a ref has moved since: abort the transaction, and plan again.

    `reason` goes into the reflog. Diverged branches are recorded for the peer (`repo.diverged`) with the time
    `who.time`; `name` is the peer's name in the configuration, if that differs from `peer`.
    """
    if arrival.updates:
        writer.insert(arrival.objects)
        writer.move_refs(arrival.updates, who, reason)
    note_diverged(
        writer,
        (
            Diverged(result.ref.zone, result.ref.name, theirs, peer, who.time, result.rules, name)
            for result, theirs in arrival.diverged
        ),
    )
    others = [result for result in arrival.results if not result.ref.kind.is_review]
    accepted = {(result.ref.zone, result.ref.name) for result in others if result.outcome in GOOD}
    settle_diverged(writer, peer, dict.fromkeys(result.ref.zone for result in others), accepted)


class _Decision(NamedTuple):
    result: Result
    before: ObjectId | None
    objects: tuple[bytes, ...] = ()
    diverged: ObjectId | None = None


def _deciding(
    reads: Reads, cache: NodeCache, offer: Offer, criteria: _Criteria, checked: set[ObjectId]
) -> Work[_Decision]:
    """Decide one offer. The order matters: only for a sound offer is a reason given that says where the ref is.

    `checked`: automatic merges that are known to be canonical.
    """
    ref, policy = offer.ref, criteria.policy_of(offer.ref.zone)
    with reads() as reader:
        local = reader.ref(ref.full) if len(ref.full) <= MAX_REF else None
        if local == offer.new:
            return _Decision(Result(ref, "unchanged", local), local)
        if ref.kind.is_review and is_given_up(reader, ref.full, offer.new):
            return _Decision(Result(ref, "unchanged", None), local)
        if offer.new in criteria.hidden or not reader.has(offer.new):
            message = f"{short(offer.new)} has not been sent"
            return _Decision(Result(ref, "missing", local, "missing", message), local)
        begins = None if ref.kind.is_review else may_not_create(reader, ref.zone, criteria.may_begin)
        refusal = begins or unacceptable(reader, ref, offer.new, local, criteria.now)
        entering = {} if refusal else new_commits(reader, ref, offer.new)
        refusal = refusal or seq_falls(reader, entering)
        merges = deque(oid for oid, each in entering.items() if is_automatic(each))
    history: MergeHistory | None = None
    while merges and not refusal:
        with reads() as reader:
            history = history.through(Nodes(reader, cache)) if history else MergeHistory(Nodes(reader, cache))
            refusal = forged_merge(history, merges, checked, criteria.due)
        yield
    if refusal is not None:
        return _Decision(Result(ref, "refused", local, *refusal), local)
    with reads() as reader:
        return _settled(Nodes(reader, cache), reader, offer, policy)


def _settled(nodes: Nodes, reader: Reader, offer: Offer, policy: Policy) -> _Decision:
    """Decide a sound offer by where its ref is now."""
    ref, local = offer.ref, reader.ref(offer.ref.full)
    if ref.kind is RefKind.HEAD:
        return _branch(nodes, offer, local, policy)
    if local is None or (ref.kind.is_review and kept(reader, offer.new).replaces(kept(reader, local))):
        return _Decision(Result(ref, "updated", offer.new), local)
    if ref.kind.is_review:
        return _Decision(Result(ref, "unchanged", local), local)
    message = f"the tag {ref.name} of {ref.zone} names another object here, and tags don't move"
    return _Decision(Result(ref, "refused", local, "tag-differs", message), local)


def _branch(nodes: Nodes, offer: Offer, local: ObjectId | None, policy: Policy) -> _Decision:
    """Decide a sound offer for a branch."""
    ref, new = offer.ref, offer.new
    if local is None or is_ancestor(nodes.source, local, new):
        if local is None and offer.old is not None and policy is Policy.FF_ONLY:
            message = f"{ref.name} of {ref.zone} was at {short(offer.old)} and has been removed meanwhile"
            return _Decision(Result(ref, "refused", None, "moved", message), None)
        if local is not None and policy is Policy.HOLD and _is_automatic(nodes, new):
            return _forward(ref, local, merge_tips(nodes, [new]), policy)
        return _Decision(Result(ref, "updated", new), local)
    if is_ancestor(nodes.source, new, local):
        if policy is not Policy.FF_ONLY:
            return _Decision(Result(ref, "unchanged", local), local)
        message = f"{ref.name} of {ref.zone} is ahead already, at {short(local)}"
        return _Decision(Result(ref, "refused", local, "behind", message), local)
    return _both_moved(nodes, offer, local, policy)


def _both_moved(nodes: Nodes, offer: Offer, local: ObjectId, policy: Policy) -> _Decision:
    """Neither tip is in the other's history. Of two automatic merges, one may have all the other's user commits."""
    ref, new = offer.ref, offer.new
    automatic = any(_is_automatic(nodes, oid) for oid in (local, new))
    merged: Merged | None = None
    if policy is not Policy.FF_ONLY or automatic:
        try:
            merged = reconcile(nodes, local, new)
        except NotMerged as error:
            outcome: Outcome = "held" if policy is Policy.HOLD else "refused"
            return _Decision(Result(ref, outcome, local, error.reason, str(error)), local, diverged=new)
    if merged and merged.tip == local:
        return _Decision(Result(ref, "unchanged", local), local)
    if merged and merged.tip == new:
        seq, here = (Commit.decode(nodes.source.get(oid)).seq for oid in (new, local))
        if seq > here:
            return _forward(ref, local, merged, policy)
        message = f"the serial of {ref.zone} would fall: {short(new)} has the sequence number {seq}, after {here}"
        return _Decision(Result(ref, "refused", local, "seq", message), local, diverged=new)
    if merged is None or policy is Policy.FF_ONLY:
        reason = "moved" if offer.old not in (None, local) else "not-fast-forward"
        message = f"{ref.name} of {ref.zone} has moved to {short(local)} meanwhile: pull first, then push again"
        return _Decision(Result(ref, "refused", local, reason, message), local, diverged=new)
    return _merge(ref, new, local, merged, policy)


def _is_automatic(nodes: Nodes, oid: ObjectId) -> bool:
    return is_automatic(Commit.decode(nodes.source.get(oid)))


def _forward(ref: Ref, local: ObjectId, merged: Merged, policy: Policy) -> _Decision:
    """Move to a descendant. With `hold`, an automatic merge waits for a user, wherever it was made."""
    if merged.rules and policy is Policy.HOLD:
        return _merge(ref, merged.tip, local, merged, policy)
    return _Decision(Result(ref, "updated", merged.tip), local)


def _merge(ref: Ref, new: ObjectId, local: ObjectId, merged: Merged, policy: Policy) -> _Decision:
    rules = len(merged.rules)
    if rules and policy is Policy.HOLD:
        rrsets = f"{rules} RRset{'s' * (rules > 1)}"
        if merged.tip == new:
            what = f"merged by a rule where {rrsets} contradicted each other"
        elif any(rule.name == "removed" for rule in merged.rules.values()):
            what = "removed on one side and changed on the other"
        else:
            what = f"changed on both sides, with contradictions in {rrsets}"
        message = f"{ref.name} of {ref.zone} was {what}: merge it by hand"
        return _Decision(Result(ref, "held", local, "conflict", message, rules), local, diverged=new)
    message = f"{rules} RRset{'s were' if rules > 1 else ' was'} decided by a rule" if rules else ""
    return _Decision(Result(ref, "merged", merged.tip, message=message, rules=rules), local, merged.objects)


def _not_moved(each: _Decision) -> Result:
    """The result of an offer when an atomic push fails because of another one."""
    result = each.result
    if result.outcome not in GOOD or result.outcome == "unchanged":
        return result
    message = "not moved, because another ref of this atomic push can't be"
    return Result(result.ref, "refused", each.before, "atomic", message)
