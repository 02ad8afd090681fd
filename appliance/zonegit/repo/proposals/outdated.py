"""Which proposals and reviews `gc` deletes: those that are settled, and of what nobody has any more.

A proposal goes once it has landed or was withdrawn or its target is gone, a review once nothing else has its commit
in its history, and both only if they are older than the grace period. The proposal with the greatest number of a
zone stays, so that its number isn't given again. Like all refs, what is deleted leaves a reflog entry, which keeps
its objects for another grace period.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from zonegit.errors import InvalidName
from zonegit.model import refs
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefKind
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.context import Context
from zonegit.repo.history import read_commit
from zonegit.repo.listing import commit_of
from zonegit.repo.proposals.reading import Proposal, State, proposals
from zonegit.repo.review_refs import OUTDATED, ref_of
from zonegit.repo.reviews import reviews
from zonegit.store.port import Reader, RefUpdate


def delete_outdated(context: Context, since: float, *, dry_run: bool = False) -> int:
    """Delete the outdated proposals and reviews of all zones, and return how many. `since`: Unix seconds."""
    with context.store.read() as reader:
        found = [each for zone in _zones(reader) for each in _outdated(reader, zone, since)]
    if not found or dry_run:
        return len(found)
    with context.store.write() as writer:
        still = [each for each in found if writer.ref(each.update.name) == each.update.old]
        for time, same in groupby(sorted(still, key=_time), _time):
            writer.move_refs([each.update for each in same], context.stamp(None), f"{OUTDATED}{time}")
    return len(still)


class _Outdated(NamedTuple):
    """A review or a proposal to be deleted."""

    update: RefUpdate
    time: int
    """When it was made, in Unix seconds."""


def _time(each: _Outdated) -> int:
    return each.time


def _zones(reader: Reader) -> list[str]:
    """The zones that have proposals or reviews."""
    found: set[str] = set()
    for kind in (RefKind.PROPOSAL, RefKind.REVIEW):
        for name, _ in reader.refs(f"refs/{kind}/", lambda _: None):
            try:
                found.add(refs.parse(name).zone)
            except InvalidName:
                continue
    return sorted(found)


def _outdated(reader: Reader, zone: str, since: float) -> Iterator[_Outdated]:
    known = proposals(reader, zone)
    gone = [each for each in known[:-1] if each.tag.tagger.time < since and _is_settled(reader, each)]
    yield from (_Outdated(RefUpdate(each.ref, each.id, None), each.tag.tagger.time) for each in gone)
    old = [each for each in reviews(reader, zone) if each.tag.tagger.time < since]
    if not old:
        return
    kept = [each for each in known if each not in gone]
    lost = missing_commits(reader, {each.commit for each in old}, _tips(reader, zone, kept))
    for each in old:
        if each.commit in lost:
            name = ref_of(each.tag)
            yield _Outdated(RefUpdate(name, reader.ref(name), None), each.tag.tagger.time)


def _is_settled(reader: Reader, proposal: Proposal) -> bool:
    """Whether a proposal has landed or was withdrawn, or can't land any more."""
    target = proposal.target
    return proposal.state is not State.OPEN or reader.live(refs.head(target.zone, target.branch)) is None


def _tips(reader: Reader, zone: str, kept: Iterable[Proposal]) -> Iterator[ObjectId]:
    """The commits that other refs of a zone name."""
    yield from (each.tip for each in kept)
    for kind in (RefKind.HEAD, RefKind.TAG, RefKind.PUBLISHED):
        for name, oid in reader.refs(f"refs/{kind}/{zone}/", lambda _: None):
            if refs.parse(name).zone == zone:
                yield from _commits(reader, kind, oid)
    for name, oid in reader.refs(f"refs/{RefKind.REMOTE}/", lambda _: None):
        if refs.parse(name).zone == zone:
            yield oid


def _commits(reader: Reader, kind: RefKind, oid: ObjectId) -> Iterator[ObjectId]:
    """The commit that a ref is about."""
    if kind is not RefKind.PUBLISHED:
        yield commit_of(reader, oid)
        return
    shown = read_commit(reader, oid).commit.publishes
    if shown is not None and reader.has(shown):
        yield shown
