"""The commits that UPDATEs make on a branch's tip, one after the other, before any of it is stored."""

from collections.abc import Mapping
from os import uname
from types import MappingProxyType
from typing import Final, NamedTuple

from zonegit.errors import CorruptStore, InvalidZone
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId, object_id
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
from zonegit.repo.updating.summary import message_of
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy, UpdateRcode, key_text
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


class _Group(NamedTuple):
    """UPDATEs of one key that become one commit."""

    numbers: tuple[int, ...] = ()
    """Those that change something, as `Chain.add` got them."""
    last: Asked | None = None
    changes: Changes = MappingProxyType({})
    """What they change together."""
    serial: int | None = None
    """The serial that the last SOA among them asks for."""
    objects: Mapping[ObjectId, bytes] = MappingProxyType({})
    """What the last one brings, its zone object last."""


class Chain:
    """Commits on a branch's tip, and a group of UPDATEs that is to be the next one."""

    def __init__(
        self, context: Context, place: Position, policy: UpdatePolicy, tip: Content, served: Served
    ) -> None:
        self.objects: list[bytes] = []
        """All that is new, children before parents."""
        self.done: dict[int, Done] = {}
        """What came of each UPDATE, by its number."""
        self.who = context.stamp(f"{_WHO} <{_WHO}@{uname().nodename}>")
        self._place = place
        self._policy = policy
        self._served = served
        self._first = tip.revision.id
        self._top = tip
        self._seq = served.seq
        self._commits = 0
        self._group = _Group()
        self._content = tip
        """The zone after the group."""
        self._is_signed = is_signed(tip.tree)
        self._fresh: dict[ObjectId, bytes] = {}
        self._nodes = tip.tree.nodes.over(self._fresh)

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

    def add(self, number: int, asked: Asked) -> None:
        """Put an UPDATE into the group, if it changes something; if not, that is done."""
        try:
            self._add(number, asked)
        except (Rejected, InvalidZone) as error:
            rcode = error.rcode if isinstance(error, Rejected) else UpdateRcode.REFUSED
            self.done[number] = Done(rcode, None, str(error))

    def _add(self, number: int, asked: Asked) -> None:
        update, key, group = asked.update, asked.key, self._group
        if not self._policy.knows(key):
            raise Rejected(UpdateRcode.REFUSED, f"no rule names the key {key_text(key)}")
        working = Working(self._content.tree)
        check_prerequisites(update, working, self._soa)
        check_permissions(update, working, self._policy, key)
        serial = operate(update, working, self._seq if group.serial is None else group.serial)
        changes = working.changes()
        if not changes and serial is None:
            self.done[number] = Done(UpdateRcode.NOERROR)
            return
        if self._is_signed:
            raise Rejected(UpdateRcode.REFUSED, str(refuse_change(self._place.zone)))
        zone, objects = self._drafted(changes, working)
        self._fresh.update(objects)
        self._content = Content(self._top.revision, zone, Tree(self._nodes, zone.tree))
        self._group = _Group(
            (*group.numbers, number),
            asked,
            {**group.changes, **changes} if group.changes else changes,
            group.serial if serial is None else serial,
            objects,
        )

    def close(self) -> None:
        """Make a commit of the group."""
        group, self._group = self._group, _Group()
        if group.last is None:
            return
        changes, objects = group.changes, group.objects
        if len(group.numbers) > 1:
            changes = {key: new for key, new in changes.items() if new != self._top.tree.payload(key)}
            tree = self._top.tree
            built = edit(tree.nodes, tree.root, self._top.zone.shape, changes.items())
            *_, (root, zone) = objects.items()
            objects = {**built.by_id, root: zone}
        some = bool(changes) or group.serial is not None
        committed = self._commit(group, group.last, changes, objects) if some else None
        self.done.update((number, Done(UpdateRcode.NOERROR, committed)) for number in group.numbers)

    def _commit(
        self, group: _Group, asked: Asked, changes: Changes, objects: Mapping[ObjectId, bytes]
    ) -> Committed:
        old = self._top.revision.id
        seq = next_seq(self._seq, group.serial)
        message = message_of(changes, self._top.tree.payload, len(group.numbers))
        author = Stamp(key_text(asked.key)[:_LONGEST_NAME], asked.when, self.who.offset)
        *_, root = objects
        commit = make_commit(self._top, self._place.zone, root, seq, self.who, message, None, author)
        data = commit.encode()
        new = object_id(data)
        self.objects += [*objects.values(), data]
        self._top = self._content = self._content._replace(revision=Revision(new, commit))
        self._seq = seq
        self._commits += 1
        return Committed(self._place.zone, self._place.branch, old, new, commit.serial, len(changes))

    def _soa(self) -> bytes:
        """RDATA of the SOA that is served."""
        stored = self._content.tree.payload(SOA_KEY)
        if stored is None:
            raise CorruptStore(f"{self._place.zone} has a version without an SOA record: run 'zonegit fsck'")
        return self._served.soa or with_serial(rdatas(stored)[0], self._seq & 0xFFFFFFFF)

    def _drafted(self, changes: Changes, working: Working) -> tuple[Zone, Mapping[ObjectId, bytes]]:
        """The zone with these changes, and its new objects, the zone last. `InvalidZone` if they break it."""
        content, strict = self._content, self._policy.strict
        if strict:
            draft = draft_changes(content, changes, strict)
            return draft.zone, {object_id(data): data for data in draft.objects}
        tree, shape = content.tree, content.zone.shape
        if found := edit_fault(content.apex, changes.items(), misfit):
            raise InvalidZone(f"{self._place.zone} would hold {found}")
        built = edit(tree.nodes, tree.root, shape, changes.items())
        before = {key: working.before(key) for key in changes}
        after = Tree(tree.nodes.over(built.by_id), built.root)
        judge_errors(Edit(content, before, changes, after, built.records))
        zone = Zone(built.root, shape, built.records)
        data = zone.encode()
        return zone, {**built.by_id, object_id(data): data}
