"""The gate: which commit of a branch may be served next, and what holds the ones after it.

Two kinds of stages. Those about a commit (its time, signature and approvals) look at every commit that isn't
published yet, along all parents; one that doesn't pass holds all that build on it. Those about content (checks,
limits, the validator) compare what would be served with what is served; so a commit that mends the one before it is
enough.

The candidates are the commits on the branch's line of first parents, the newest first: the first that passes is
published. A commit with the content that is served holds nothing, so that a branch can always go back to it.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import islice
from typing import Final, NamedTuple

from zonegit.errors import AllowedSignersError, InvalidZone, ValidatorUnavailable
from zonegit.model.commit import Commit
from zonegit.model.foreign import one_line
from zonegit.model.ids import ObjectId, short
from zonegit.model.rrset import RRKey, RRset, record_count
from zonegit.model.zone import Zone
from zonegit.repo.canonical import is_canonical
from zonegit.repo.content import Content
from zonegit.repo.dates import utc
from zonegit.repo.heads import is_automatic
from zonegit.repo.judging import Edit, judge_edit, refuse
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.publishing.approvals import Approvals, approvals
from zonegit.repo.publishing.past import Past, left_before, past_of
from zonegit.repo.publishing.policy import Held, Proposed, Published, PublishPolicy, Reason, Validate
from zonegit.repo.results import Position, Revision
from zonegit.repo.signatures import AllowedSigners, signature_of
from zonegit.ssh.files import read_allowed_signers
from zonegit.ssh.verdict import UNSIGNED
from zonegit.store.port import Reader
from zonegit.tree import walk
from zonegit.tree.diff import diff
from zonegit.tree.source import Nodes
from zonegit.zonefile.check import check_entries

Reads = Callable[[], AbstractContextManager[Reader]]

REPAIR: Final = "repair the file"
"""The remedy for a file of signers or approvers that can't be read."""
_CANDIDATES: Final = 32
"""The most commits whose content is judged; before them the branch stays as it is published."""
_SMALLER: Final = "commit less at a time, revert it, or have it approved with --force"
_END: Final = "remove the zone's policy here if it isn't to be served any more"
_REASON: Final = 200
"""The most characters of a reviewer's name and message that are shown."""


class Verdict(NamedTuple):
    """What the gate found."""

    release: Revision | None
    """The commit to publish next; None if no new one passes."""
    held: Held | None
    """What holds the branch's tip; None if that passes."""


class Gate:
    """Judges the commits of one branch by a policy. Use it for a moment only: it reads the allowed signers once."""

    def __init__(
        self, reads: Reads, nodes: Nodes, place: Position, policy: PublishPolicy, validate: Validate, now: int
    ) -> None:
        """`reads` and `nodes` read the same repository; `now`: Unix seconds."""
        self._reads = reads
        self._nodes = nodes
        self._place = place
        self._policy = policy
        self._validate = validate
        self._now = now

    def judge(self, published: Published, tip: Revision) -> Verdict:
        """Find the newest commit that passes. `CorruptStore`, `NotFound` if history can't be read."""
        if published.of == tip.id:
            return Verdict(None, None)
        with self._reads() as reader:
            past = past_of(reader, self._place, published, tip)
        try:
            reviewed = self._reviewed(tip.commit.zone, past.new)
        except AllowedSignersError as error:
            return Verdict(None, Held(tip.id, Reason.APPROVALS, str(error), REPAIR))
        back = self._way_back(published)
        blocked = self._blocked(published, past.new, reviewed)
        first: Held | None = None
        for candidate in islice(past.line(tip), _CANDIDATES):
            held = blocked.get(candidate.id, self._early(back, *candidate)) or self._replayed(past, candidate)
            if candidate.commit.zone_root == published.content.commit.zone_root:
                # Were one noted as published that doesn't pass, older commits than the last one would count again.
                unfit = held if self._policy.require_signed else self._replayed(past, candidate)
                return Verdict(None if unfit or self._unsigned(*candidate, back) else candidate, first)
            held = held or self._unseen(candidate, past.new, reviewed)
            held = held or self._content(published, candidate, forced=candidate.id in reviewed.forced)
            if held is None:
                return Verdict(candidate, first)
            first = first or held
        return Verdict(None, first)

    def foresee(self, published: Published, merge: Revision) -> Held | None:
        """What would hold a merge that isn't made yet, if its maker signed it and others approved of it."""
        with self._reads() as reader:
            past = past_of(reader, self._place, published, merge)
        reviewed = self._reviewed(merge.commit.zone, past.new)
        behind = {oid: commit for oid, commit in past.new.items() if oid != merge.id}
        policy = self._policy._replace(approvals=0)
        parts = Gate(self._reads, self._nodes, self._place, policy, self._validate, self._now)
        blocked = parts._blocked(published, behind, reviewed)
        held = next(filter(None, map(blocked.get, merge.commit.parents)), None) or self._replayed(past, merge)
        if held or merge.commit.zone_root == published.content.commit.zone_root:
            return held
        return self._content(published, merge, forced=False)

    def judge_end(self, published: Published) -> Held | None:
        """What holds the end of a branch that is gone at the peer that it came from, and left no tombstone."""
        policy, of = self._policy, published.of
        if policy.require_signed or policy.approvals:
            reason = Reason.UNSIGNED if policy.require_signed else Reason.APPROVALS
            done = "signed" if policy.require_signed else "approved"
            return Held(of, reason, f"the branch is gone at the peer without a tombstone that is {done}", _END)
        served = Zone.decode(self._nodes.source.get(published.content.commit.zone_root)).records
        return _over_limits(policy, of, _Count(served, served), served, _END)

    def _replayed(self, past: Past, candidate: Revision) -> Held | None:
        """What holds a commit that doesn't build on what is served: whoever moves a branch may replay what was
        signed once. A signed commit with a higher number was made later, as by `zonegit reset -S`.
        """
        if past.left is None or not (self._policy.require_signed or self._policy.approvals):
            return None
        if candidate.commit.seq > past.left.commit.seq and not is_automatic(candidate.commit):
            return None
        detail = f"the branch was moved to {short(candidate.id)}, which doesn't build on the commit that is served"
        return Held(candidate.id, Reason.REWOUND, detail, "commit that content again")

    def _unseen(self, candidate: Revision, new: Mapping[ObjectId, Commit], reviewed: Approvals) -> Held | None:
        """What holds a commit that only counts as approved because a later one is: nobody approved of its content.

        An automatic merge has the content that its parents make, so each of these has to be approved itself.
        """
        if not self._policy.approvals or candidate.id in reviewed.seen:
            return None
        if is_automatic(candidate.commit):
            parents = (Revision(each, new[each]) for each in candidate.commit.parents if each in new)
            return next(filter(None, (self._unseen(parent, new, reviewed) for parent in parents)), None)
        shown = short(candidate.id)
        detail = f"commit {shown} has no approval of its own"
        return Held(candidate.id, Reason.APPROVALS, detail, f"have it approved: 'zonegit approve {shown}'")

    def _reviewed(self, zone: str, new: Mapping[ObjectId, Commit]) -> Approvals:
        """The reviews that count. `AllowedSignersError` if it isn't known whose do."""
        path = self._policy.allowed_approvers
        if path is None:
            return Approvals()
        allowed = read_allowed_signers(path)
        with self._reads() as reader:
            return approvals(reader, zone, new, allowed)

    def _blocked(
        self, published: Published, new: Mapping[ObjectId, Commit], reviewed: Approvals
    ) -> Mapping[ObjectId, Held | None]:
        """What holds each new commit: it itself, or one that it builds on."""
        found: dict[ObjectId, Held | None] = {}
        brought = self._brought_back(new)
        for oid, commit in new.items():
            if commit.zone_root == published.content.commit.zone_root:
                found[oid] = None
                continue
            behind = (found[parent] for parent in commit.parents if parent in found)
            held = next(filter(None, behind), None) or brought.get(oid)
            found[oid] = held or self._commit(published, oid, commit, reviewed)
        return found

    def _brought_back(self, new: Mapping[ObjectId, Commit]) -> Mapping[ObjectId, Held]:
        """What holds automatic merges of commits that the branch was moved away from: anybody can make them.

        Who commits on top of such a commit, or merges it by hand, means it.
        """
        strict = self._policy.require_signed or self._policy.approvals
        if not strict or not any(map(is_automatic, new.values())):
            return {}
        with self._reads() as reader:
            returned = set(left_before(reader, self._place, new))
        found: dict[ObjectId, Held] = {}
        for oid, commit in new.items():
            back = next((parent for parent in commit.parents if parent in returned), None)
            if back is not None and is_automatic(commit):
                returned.add(oid)
                detail = f"the automatic merge {short(oid)} brings back {short(back)}, which the branch had left"
                found[oid] = Held(
                    oid, Reason.REWOUND, detail, "reset the branch to a commit before it, or merge by hand"
                )
        return found

    def _commit(self, published: Published, oid: ObjectId, commit: Commit, reviewed: Approvals) -> Held | None:
        """What holds a commit, whatever its content is. What builds on it waits with it."""
        back = self._way_back(published)
        early = self._early(back, oid, commit)
        early = early or self._rejected(oid, reviewed, back)
        if is_automatic(commit):
            return early or self._forged(oid, commit)
        return early or self._unsigned(oid, commit, back) or self._unapproved(oid, commit, reviewed)

    def _early(self, back: str, oid: ObjectId, commit: Commit) -> Held | None:
        """What holds a commit because of its time."""
        start = commit.not_before
        if start is None or start <= self._now:
            return None
        detail = f"commit {short(oid)} is to be published at {utc(start)}"
        return Held(oid, Reason.NOT_BEFORE, detail, f"wait, or go back with '{back}'" if back else "wait", start)

    def _way_back(self, published: Published) -> str:
        """The command that takes a branch back to what is served; empty if nothing is."""
        sign = " -S" if self._policy.require_signed else ""
        return f"zonegit reset{sign} --hard {short(published.of)}" if any(published.of) else ""

    def _forged(self, oid: ObjectId, commit: Commit) -> Held | None:
        """What holds an automatic merge, which nobody signs or approves: it is computed again."""
        if not (self._policy.require_signed or self._policy.approvals):
            return None
        if is_canonical(self._history, oid, commit):
            return None
        detail = f"commit {short(oid)} is not the canonical merge of its parents"
        return Held(oid, Reason.UNSIGNED, detail, "reset the branch to a commit before it")

    def _rejected(self, oid: ObjectId, reviewed: Approvals, back: str) -> Held | None:
        """What holds a commit because somebody rejected it."""
        rejection = reviewed.rejections.get(oid)
        if rejection is None:
            return None
        why = one_line(rejection.tag.message.strip(), _REASON)
        detail = f"{one_line(rejection.reviewer, _REASON)} rejected commit {short(oid)}: {why}"
        remedy = "have it approved by the same reviewer"
        return Held(oid, Reason.REJECTED, detail, f"{remedy}, or go back with '{back}'" if back else remedy)

    def _unapproved(self, oid: ObjectId, commit: Commit, reviewed: Approvals) -> Held | None:
        """What holds a commit because too few approved of it."""
        needed = self._policy.approvals
        count = reviewed.how_many(oid, commit)
        if count >= needed:
            return None
        detail = f"commit {short(oid)} has {count} of {needed} approvals"
        return Held(oid, Reason.APPROVALS, detail, f"have it approved: 'zonegit approve {short(oid)}'")

    def _unsigned(self, oid: ObjectId, commit: Commit, back: str) -> Held | None:
        """What holds a commit because of its signature. `back`: the command that leaves it."""
        if not self._policy.require_signed:
            return None
        try:
            signature = signature_of(commit, self._signers)
        except AllowedSignersError as error:
            return Held(oid, Reason.UNSIGNED, str(error), REPAIR)
        if signature.is_good:
            return None
        detail = f"the signature of commit {short(oid)} is {signature}"
        if signature == UNSIGNED:
            detail = f"commit {short(oid)} isn't signed"
        remedy = f"go back with '{back}', and commit again with -S"
        if not back:
            remedy = "publish the zone once without require_signed, if its history isn't signed"
        return Held(oid, Reason.UNSIGNED, detail, remedy)

    @cached_property
    def _signers(self) -> AllowedSigners:
        """Who may sign. `AllowedSignersError`."""
        path = self._policy.allowed_signers
        return read_allowed_signers(path) if path else AllowedSigners([])

    @cached_property
    def _history(self) -> MergeHistory:
        """What automatic merges are computed from."""
        return MergeHistory(self._nodes)

    def _content(self, published: Published, candidate: Revision, *, forced: bool) -> Held | None:
        """What holds a version because of its content, compared with what is served. `forced` lifts the limits."""
        new = Content.of(self._nodes, candidate)
        old = Content.of(self._nodes, published.content)
        if old.tree.root == new.tree.root:
            return None
        if not old.zone.records:  # nothing is served yet
            return self._checked(candidate.id, None, new) or self._validated(candidate.id, None, new)
        before, after, count = _changed(old, new)
        held = None if forced else _over_limits(self._policy, candidate.id, count, old.zone.records, _SMALLER)
        if held is not None or candidate.commit.is_tombstone:
            return held
        edit = Edit(old, before, after, new.tree, new.zone.records)
        return self._checked(candidate.id, edit, new) or self._validated(candidate.id, old, new)

    def _checked(self, oid: ObjectId, edit: Edit | None, new: Content) -> Held | None:
        """What `zonegit check` calls an error, where the content differs from what is served."""
        try:
            if edit is not None:
                judge_edit(edit, ())
            else:
                entries = list(walk.entries(new.tree.nodes, new.tree.root))
                refuse(new.revision.commit.zone, check_entries(new.apex, entries), ())
        except InvalidZone as error:
            return Held(oid, Reason.CHECKS, str(error), "commit a correction, or revert it")
        return None

    def _validated(self, oid: ObjectId, old: Content | None, new: Content) -> Held | None:
        if not self._policy.validator:
            return None
        try:
            complaint = self._validate(self._policy, Proposed(old, new))
        except ValidatorUnavailable as error:
            return Held(oid, Reason.VALIDATOR, str(error), "repair that, then run 'zonegit publish'")
        if complaint is None:
            return None
        return Held(oid, Reason.VALIDATOR, complaint, "commit a correction, or revert it")


class _Count(NamedTuple):
    """Records that differ."""

    deleted: int
    changed: int
    """Deleted and added, and those that get another TTL."""


def _changed(old: Content, new: Content) -> tuple[dict[RRKey, bytes | None], dict[RRKey, bytes | None], _Count]:
    """The RRsets that differ, before and after, and how many records do."""
    before: dict[RRKey, bytes | None] = {}
    after: dict[RRKey, bytes | None] = {}
    deleted = changed = 0
    for key, was, now in diff(new.tree.nodes, old.tree.root, new.tree.root):
        before[key], after[key] = was, now
        gone, come, other = _compared(was, now)
        deleted += gone
        changed += gone + come + other
    return before, after, _Count(deleted, changed)


def _compared(was: bytes | None, now: bytes | None) -> tuple[int, int, int]:
    """How many records of an RRset are deleted, added, and kept with another TTL."""
    if was is None or now is None:
        return (record_count(was) if was else 0), (record_count(now) if now else 0), 0
    old, new = RRset.decode(was), RRset.decode(now)
    kept = len(set(old.rdatas).intersection(new.rdatas))
    return len(old.rdatas) - kept, len(new.rdatas) - kept, kept if old.ttl != new.ttl else 0


def _over_limits(policy: PublishPolicy, oid: ObjectId, count: _Count, served: int, remedy: str) -> Held | None:
    """What holds a version that differs from the served one by more than the policy permits."""
    if policy.max_deletes is not None and count.deleted > policy.max_deletes:
        detail = f"{count.deleted:,} records would be deleted; the limit is {policy.max_deletes:,}"
        return Held(oid, Reason.DELETES, detail, remedy)
    most = policy.max_change_percent
    if most is not None and count.changed * 100 > most * served:
        detail = f"{count.changed:,} records would change, of {served:,} that are served; the limit is {most} %"
        return Held(oid, Reason.CHANGE, detail, remedy)
    return None
