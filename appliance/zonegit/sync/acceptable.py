"""Decides whether a ref may point to an object that a peer offers, regardless of the ref's present value.

A refusal is a code and a message (`sync.arrival.Result`).
"""

from collections import deque
from collections.abc import Callable, Mapping

from zonegit.errors import InvalidData, InvalidName
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId, kind_of, short
from zonegit.model.refs import MAX_REF, Ref, RefKind, check_zone, parse
from zonegit.repo.admission import named_commits, unfit
from zonegit.repo.ancestry import missing_commits
from zonegit.repo.canonical import is_canonical
from zonegit.repo.heads import is_automatic
from zonegit.repo.incoming.state import transferred_from
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.mirrors import made_here, mirror_setting
from zonegit.repo.new_zones import taking_over
from zonegit.repo.results import Position
from zonegit.repo.review_refs import check_kept, kept
from zonegit.store.port import Reader
from zonegit.sync.work import Due

Refusal = tuple[str, str]


def unacceptable(reader: Reader, ref: Ref, new: ObjectId, local: ObjectId | None, now: float) -> Refusal | None:
    """Why the ref may not point to `new`; None if it may. Automatic merges are checked by `forged_merge`.

    `now`: Unix seconds.
    """
    if len(ref.full) > MAX_REF:
        return "name", f"the names of the zone and the {ref.kind.removesuffix('s')} together are too long"
    try:
        if local is None:
            check_zone(ref.zone)
    except InvalidName as error:
        return "name", str(error)
    peer = None if ref.kind.is_review else reader.setting(mirror_setting(ref.zone))
    if peer:
        return "mirrored", f"{ref.zone} is mirrored from {peer.decode()}: make the change there"
    made = None if ref.kind.is_review else made_here(reader, ref.zone)
    if made is not None:
        return "mirrored", made
    servers = transferred_from(reader, Position(ref.zone, ref.name)) if ref.kind is RefKind.HEAD else None
    if servers is not None:
        return "mirrored", f"{ref.zone} {ref.name} is transferred from {servers}: make the change there"
    if _commit_of(reader, ref, new) is None:
        what = "review or proposal" if ref.kind.is_review else "commit"
        return "wrong-object", f"{short(new)} is not a {what} of {ref.zone}"
    if ref.kind.is_review:
        try:
            check_kept(ref.full, kept(reader, new), now)
        except InvalidData as error:
            return "unfit-review", str(error)
    if found := unfit(reader, ref.zone, [new]):
        return "unfit", f"not acceptable in the history of {ref.zone}: {found}"
    return None


def may_not_create(reader: Reader, zone: str, may_begin: Callable[[str], bool]) -> Refusal | None:
    """The refusal to create a zone that doesn't exist or was removed, for a peer that may not create it.

    A new zone takes over names from the zone above it, so a scope for a single branch isn't enough, and no scope if
    that one has a policy (`repo.new_zones`).
    """
    heads = reader.live_refs(f"refs/{RefKind.HEAD}/{zone}/")
    if any(parse(name).zone == zone for name, _ in heads):
        return None
    if not may_begin(zone):
        return "new-zone", f"there is no zone {zone} here, and only the scope push:{zone} may create it"
    reason = taking_over(reader, [zone]).get(zone)
    return ("new-zone", f"there is no zone {zone} here, and {reason}") if reason else None


def new_commits(reader: Reader, ref: Ref, new: ObjectId) -> Mapping[ObjectId, Commit]:
    """The commits that `new` would bring into the zone's history, parents first."""
    commit = _commit_of(reader, ref, new)
    return missing_commits(reader, [commit] if commit else [], named_commits(reader, ref.zone))


def seq_falls(reader: Reader, entering: Mapping[ObjectId, Commit]) -> Refusal | None:
    """The refusal of a commit whose sequence number isn't above those of its parents.

    Served from a branch, its serial wouldn't be accepted by secondaries (docs/sync.md).
    """
    for oid, commit in entering.items():
        if not is_automatic(commit):
            above = [(entering.get(each) or Commit.decode(reader.get(each))).seq for each in commit.parents]
            if above and commit.seq <= max(above):
                return "seq", (
                    f"the commit {short(oid)} has the sequence number {commit.seq}, and its parent {max(above)}: "
                    "a serial would fall, and secondaries would keep the old version"
                )
    return None


def forged_merge(
    history: MergeHistory, merges: deque[ObjectId], checked: set[ObjectId], due: Due
) -> Refusal | None:
    """Compute automatic merges again until `due`; removes those that are canonical from the queue. A refusal for
    the first that isn't.
    """
    while merges:
        oid = merges[0]
        if oid not in checked and not is_canonical(history, oid, history.commits(oid)):
            return "forged-merge", (f"the automatic merge {short(oid)} isn't the canonical merge of its parents")
        checked.add(merges.popleft())
        if due():
            break
    return None


def _commit_of(reader: Reader, ref: Ref, oid: ObjectId) -> ObjectId | None:
    """The commit that a ref would name, if it belongs to the zone."""
    data = reader.get(oid)
    if not ref.kind.names_commits and kind_of(data) is Kind.TAG:
        tag = Tag.decode(data)
        return tag.target if tag.zone == ref.zone else None
    if ref.kind.is_review:
        return None
    return oid if kind_of(data) is Kind.COMMIT and Commit.decode(data).zone == ref.zone else None
