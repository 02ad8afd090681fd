"""Makes commits of UPDATE messages: one for each that changes something, and one transaction for all of them."""

from collections.abc import Sequence
from contextlib import suppress
from os import uname
from typing import Final, NamedTuple

from zonegit.errors import Conflict, CorruptStore, InvalidZone, NotFound
from zonegit.model import refs
from zonegit.model.commit import Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import APEX, to_text
from zonegit.model.rdata import SOA, with_serial
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.draft import draft_changes, make_commit
from zonegit.repo.history import read_commit
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.publishing.at_once import publish_at_once
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.serials import next_seq
from zonegit.repo.signed import is_signed, refuse_change
from zonegit.repo.updating.semantics import Rejected, check_permissions, check_prerequisites, operate
from zonegit.repo.updating.summary import summary
from zonegit.repo.updating.values import Asked, Done, UpdatePolicy, UpdateRcode
from zonegit.repo.updating.working import Working
from zonegit.repo.writing import TRIES
from zonegit.store.port import RefUpdate, Writer

_WHO: Final = "zonegit-updater"
_LONGEST_NAME: Final = 200


class _Served(NamedTuple):
    """What is served of a branch."""

    seq: int
    """The highest sequence number that secondaries may have."""
    soa: bytes | None
    """RDATA of a published version's SOA; None where the branch's tip is served."""


class _Chain:
    """Commits on a branch's tip, not stored yet."""

    def __init__(
        self, context: Context, place: Position, policy: UpdatePolicy, tip: Content, served: _Served
    ) -> None:
        self.tip = tip
        self.objects: list[bytes] = []
        self._context = context
        self._place = place
        self._policy = policy
        self._served = served
        self._content = tip
        self._seq = served.seq
        self._fresh: dict[ObjectId, bytes] = {}
        self._count = 0
        self.who = context.stamp(f"{_WHO} <{_WHO}@{uname().nodename}>")

    @property
    def update(self) -> RefUpdate | None:
        """The move of the branch; None if there is nothing to store."""
        old, new = self.tip.revision.id, self._content.revision.id
        return None if old == new else RefUpdate(refs.head(*self._place), old, new)

    @property
    def reason(self) -> str:
        """What the reflog says of it."""
        subject = self._content.revision.commit.subject
        return subject if self._count == 1 else f"{subject.partition(':')[0]}: {self._count:,} commits"

    def add(self, asked: Asked) -> Done:
        """Put an UPDATE on top, if it changes something."""
        try:
            return self._added(asked)
        except Rejected as error:
            return Done(error.rcode, None, str(error))
        except InvalidZone as error:
            return Done(UpdateRcode.REFUSED, None, str(error))

    def _added(self, asked: Asked) -> Done:
        content, policy = self._content, self._policy
        if not policy.knows(asked.key):
            raise Rejected(UpdateRcode.REFUSED, f"no rule names the key {to_text(asked.key)}")
        working = Working(content.tree)
        soa = self._served.soa or _soa(content, self._seq)
        check_prerequisites(asked.update, working, soa)
        check_permissions(asked.update, working, policy, asked.key)
        serial = operate(asked.update, working, self._seq)
        changes = working.changes()
        if not changes and (serial is None or serial == self._seq & 0xFFFFFFFF):
            return Done(UpdateRcode.NOERROR)
        if is_signed(content.tree):
            raise Rejected(UpdateRcode.REFUSED, str(refuse_change(self._place.zone)))
        draft = draft_changes(content, changes, policy.strict)
        seq = next_seq(self._seq, serial)
        author = Stamp(to_text(asked.key).removesuffix(".")[:_LONGEST_NAME], asked.when)
        commit = make_commit(
            content, self._place.zone, object_id(draft.objects[-1]), seq, self.who,
            f"{summary(changes, content.tree.payload)}\n", None, author=author,
        )  # fmt: skip
        data = commit.encode()
        new = Revision(object_id(data), commit)
        fresh = [*draft.objects, data]
        self.objects += fresh
        self._fresh.update((object_id(each), each) for each in fresh)
        old = content.revision.id
        self._content = Content.of(self._context.nodes.over(self._fresh), new)
        self._seq = seq
        self._count += 1
        done = Committed(
            self._place.zone, self._place.branch, old, new.id, commit.serial, draft.change_count, draft.changes,
            draft.findings,
        )  # fmt: skip
        return Done(UpdateRcode.NOERROR, done)


def apply_updates(context: Context, place: Position, policy: UpdatePolicy, asked: Sequence[Asked]) -> list[Done]:
    """Apply UPDATEs to a branch in their order, and store all that comes of it in one durable transaction.

    One that is refused changes nothing, and the others go on. NOTAUTH for all if the branch isn't here, or the zone
    is mirrored. If the branch moves meanwhile, all are applied again to its new tip. `StoreError` if nothing could
    be stored.
    """
    for _ in range(TRIES):
        with context.store.keeping(), suppress(Conflict):
            return _applied(context, place, policy, asked, None)
    with context.store.write() as writer:
        return _applied(context, place, policy, asked, writer)


def _applied(
    context: Context, place: Position, policy: UpdatePolicy, asked: Sequence[Asked], writer: Writer | None
) -> list[Done]:
    try:
        chain = _begin(context, place, policy)
    except Rejected as error:
        return [Done(error.rcode, None, str(error))] * len(asked)
    done = [chain.add(each) for each in asked]
    if chain.update is None:
        return done
    if writer is not None:
        _store(context, writer, chain, chain.update)
        return done
    with context.store.write() as own:
        _store(context, own, chain, chain.update)
    return done


def _begin(context: Context, place: Position, policy: UpdatePolicy) -> _Chain:
    with context.store.read() as reader:
        peer = reader.setting(mirror_setting(place.zone))
        version = reader.ref(refs.published(place.zone, place.branch))
    if peer:
        raise Rejected(UpdateRcode.NOTAUTH, f"{place.zone} is mirrored from {peer.decode()}: update it there")
    try:
        tip = context.tip(place)
    except NotFound as error:
        raise Rejected(UpdateRcode.NOTAUTH, str(error)) from None
    seq = tip.revision.commit.seq
    if version is None:
        return _Chain(context, place, policy, tip, _Served(seq, None))
    shown = Content.of(context.nodes, read_commit(context.nodes.source, version))
    number = shown.revision.commit.seq
    soa = None if shown.revision.commit.is_tombstone else _soa(shown, number)
    return _Chain(context, place, policy, tip, _Served(max(seq, number), soa))


def _soa(content: Content, seq: int) -> bytes:
    """RDATA of a version's SOA with the serial of a sequence number."""
    soa = content.rrset(APEX, SOA)
    if soa is None:
        raise CorruptStore(f"a version of {content.revision.commit.zone} has no SOA record; run 'zonegit fsck'")
    return with_serial(soa.rdatas[0], seq & 0xFFFFFFFF)


def _store(context: Context, writer: Writer, chain: _Chain, update: RefUpdate) -> None:
    who = chain.who
    writer.insert(chain.objects)
    writer.move_refs([update], who, chain.reason)
    publish_at_once(writer, context.nodes.through(writer), [update], who)
