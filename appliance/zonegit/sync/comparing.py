"""Compares the branches, tags, reviews and proposals here with a peer's."""

from typing import Literal, NamedTuple

from zonegit.errors import InvalidObject
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, parse
from zonegit.repo.ancestry import Objects, is_ancestor
from zonegit.repo.review_refs import kept
from zonegit.repo.tombstones import is_tombstone
from zonegit.store.port import Reader
from zonegit.sync.arrival import OFFERED, Offer
from zonegit.sync.reviews import still_wanted
from zonegit.sync.selection import Selection
from zonegit.sync.wire import PeerRefs

Standing = Literal["equal", "ahead", "behind", "diverged", "unknown"]


class Compared(NamedTuple):
    """One branch, tag, review or proposal."""

    ref: Ref
    ours: ObjectId | None
    theirs: ObjectId | None
    standing: Standing
    """How this side compares with the peer: `ahead` also if only this side has the ref, `behind` also if only the
    peer has it. `unknown` if the peer has a commit that isn't here: the peer is ahead, or both have moved. Two tags
    are `equal` or `diverged`; of two reviews or proposals the newer is ahead."""
    removed_here: bool = False
    removed_there: bool = False
    """Whether the branch was removed, so that it is at a tombstone; known only if that commit is here. Not checked
    if both sides are equal."""


def compare(reader: Reader, refs: PeerRefs, selection: Selection) -> list[Compared]:
    """The selected refs, by zone and name, branches first. The peer's list must be complete."""
    compared = ((kind, tip) for kind, tip in still_wanted(reader, refs.lists).tips if kind in OFFERED)
    theirs = {Ref(kind, tip.zone, tip.name): tip.oid for kind, tip in compared}
    ours = {parse(name): oid for kind in OFFERED for name, oid in reader.refs(f"refs/{kind}/")}
    chosen = [ref for ref in {**theirs, **ours} if selection.takes_ref(ref.kind, ref.zone, ref.name)]
    chosen.sort(key=lambda ref: (ref.zone, ref.kind, ref.name))
    return [_compared(reader, ref, ours.get(ref), theirs.get(ref)) for ref in chosen]


def again(objects: Objects, compared: list[Compared]) -> list[Compared]:
    """The same, computed again after commits that were unknown have been fetched."""
    return [_compared(objects, each.ref, each.ours, each.theirs) for each in compared]


def offers(compared: list[Compared]) -> list[Offer]:
    """What a push offers to a peer: all that it may lack."""
    return [
        Offer(each.ref, each.ours, each.theirs)
        for each in compared
        if each.ours is not None and each.standing in ("ahead", "diverged", "unknown")
    ]


def _compared(objects: Objects, ref: Ref, ours: ObjectId | None, theirs: ObjectId | None) -> Compared:
    found = Compared(ref, ours, theirs, _standing(objects, ref, ours, theirs))
    if found.standing == "equal" or ref.kind is not RefKind.HEAD:
        return found
    return found._replace(removed_here=_is_removed(objects, ours), removed_there=_is_removed(objects, theirs))


def _is_removed(objects: Objects, oid: ObjectId | None) -> bool:
    return oid is not None and objects.has(oid) and is_tombstone(objects, oid)


def _standing(reader: Objects, ref: Ref, ours: ObjectId | None, theirs: ObjectId | None) -> Standing:
    if ours == theirs:
        return "equal"
    if theirs is None:
        return "ahead"
    if ours is None:
        return "behind"
    if ref.kind is RefKind.TAG:
        return "diverged"
    if not reader.has(theirs):
        return "unknown"
    if ref.kind.is_review:
        return "behind" if _is_newer(reader, theirs, ours) else "ahead"
    if is_ancestor(reader, theirs, ours):
        return "ahead"
    return "behind" if is_ancestor(reader, ours, theirs) else "diverged"


def _is_newer(objects: Objects, theirs: ObjectId, ours: ObjectId) -> bool:
    """Whether a peer's review or proposal would replace ours."""
    try:
        return kept(objects, theirs).replaces(kept(objects, ours))
    except InvalidObject:
        return False
