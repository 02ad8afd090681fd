"""The commits that UPDATEs make on a branch's tip, one after the other, before any of it is stored."""

from collections.abc import Sequence
from os import uname
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore, InvalidZone
from zonegit.model import refs
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import WireName, to_text
from zonegit.model.rdata import with_serial
from zonegit.model.rrset import SOA_KEY, rdatas
from zonegit.model.zone import Zone
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes, make_commit
from zonegit.repo.judging import Edit, judge_errors
from zonegit.repo.records import Changes
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.serials import next_seq
from zonegit.repo.signed import is_signed, refuse_change
from zonegit.repo.updating.semantics import Rejected, check_permissions, check_prerequisites, operate
from zonegit.repo.updating.summary import summary
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy, UpdateRcode
from zonegit.repo.updating.working import Working
from zonegit.store.port import RefUpdate
from zonegit.tree.edit import edit
from zonegit.tree.servable import edit_fault
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.rdata.fitting import misfit

_WHO: Final = "zonegit-updater"
_LONGEST_NAME: Final = 200
"""Characters of a key's name that fit a commit's author."""


class Served(NamedTuple):
    """What is served of a branch."""

    seq: int
    """The highest sequence number that secondaries may have."""
    soa: bytes | None
    """RDATA of a published version's SOA; None where the branch's tip is served."""


class Chain:
    """Commits on a branch's tip."""

    def __init__(
        self, context: Context, place: Position, policy: UpdatePolicy, tip: Content, served: Served
    ) -> None:
        self.objects: list[bytes] = []
        """All that is new, children before parents."""
        self.who = context.stamp(f"{_WHO} <{_WHO}@{uname().nodename}>")
        self._place = place
        self._policy = policy
        self._served = served
        self._first = tip.revision.id
        self._top = tip
        self._seq = served.seq
        self._commits = 0
        self._is_signed = is_signed(tip.tree)
        self._fresh: dict[ObjectId, bytes] = {}
        self._nodes = context.nodes.over(self._fresh)

    @property
    def update(self) -> RefUpdate | None:
        """The move of the branch; None if there is nothing to store."""
        new = self._top.revision.id
        return RefUpdate(refs.head(*self._place), self._first, new) if self._commits else None

    @property
    def reason(self) -> str:
        """What the reflog says of the move."""
        subject = self._top.revision.commit.subject
        return subject if self._commits == 1 else f"update: {self._commits:,} commits"

    def add(self, asked: Asked) -> Done:
        """Put an UPDATE on top, if it changes something."""
        try:
            return self._added(asked)
        except Rejected as error:
            return Done(error.rcode, None, str(error))
        except InvalidZone as error:
            return Done(UpdateRcode.REFUSED, None, str(error))

    def _added(self, asked: Asked) -> Done:
        update, key = asked.update, asked.key
        if not self._policy.knows(key):
            raise Rejected(UpdateRcode.REFUSED, f"no rule names the key {_key_text(key)}")
        working = Working(self._top.tree)
        check_prerequisites(update, working, self._soa)
        check_permissions(update, working, self._policy, key)
        serial = operate(update, working, self._seq)
        changes = working.changes()
        if not changes and serial is None:
            return Done(UpdateRcode.NOERROR)
        if self._is_signed:
            raise Rejected(UpdateRcode.REFUSED, str(refuse_change(self._place.zone)))
        zone, objects = self._drafted(changes, working)
        seq = next_seq(self._seq, serial)
        message = f"{summary(changes, working.before)}\n"
        author = Stamp(_key_text(key)[:_LONGEST_NAME], asked.when, self.who.offset)
        commit = make_commit(
            self._top, self._place.zone, object_id(objects[-1]), seq, self.who, message, None, author
        )
        old = self._top.revision.id
        new = self._put(commit, zone, objects)
        committed = Committed(self._place.zone, self._place.branch, old, new, commit.serial, len(changes))
        return Done(UpdateRcode.NOERROR, committed)

    def _soa(self) -> bytes:
        """RDATA of the SOA that is served."""
        stored = self._top.tree.payload(SOA_KEY)
        if stored is None:
            raise CorruptStore(f"{self._place.zone} has a version without an SOA record: run 'zonegit fsck'")
        return self._served.soa or with_serial(rdatas(stored)[0], self._seq & 0xFFFFFFFF)

    def _drafted(self, changes: Changes, working: Working) -> tuple[Zone, Sequence[bytes]]:
        """The zone with these changes, and its new objects, the zone last. `InvalidZone` if they break it."""
        content, strict = self._top, self._policy.strict
        if strict:
            draft = draft_changes(content, changes, strict)
            return draft.zone, draft.objects
        tree, shape = content.tree, content.zone.shape
        if found := edit_fault(content.apex, changes.items(), misfit):
            raise InvalidZone(f"{self._place.zone} would hold {found}")
        built = edit(tree.nodes, tree.root, shape, changes.items())
        fresh = {object_id(data): data for data in built.objects}
        before = {key: working.before(key) for key in changes}
        judge_errors(Edit(content, before, changes, Tree(tree.nodes.over(fresh), built.root), built.records))
        zone = Zone(built.root, shape, built.records)
        return zone, [*built.objects, zone.encode()]

    def _put(self, commit: Commit, zone: Zone, objects: Sequence[bytes]) -> ObjectId:
        """Put a commit on top, with the objects that it brings; returns its id."""
        data = commit.encode()
        new = object_id(data)
        self.objects += [*objects, data]
        self._fresh.update((object_id(each), each) for each in objects)
        self._top = Content(Revision(new, commit), zone, Tree(self._nodes, zone.tree))
        self._seq = commit.seq
        self._commits += 1
        return new


def _key_text(key: WireName) -> str:
    return to_text(key).removesuffix(".")
