"""Makes commits of what a transfer brought: one for each serial, on top of the branch that the zone is served from.

The author is the server. The serial is exactly the primary's: the sequence number is the next one that is equal to
it modulo 2**32. So a serial that isn't ahead (RFC 1982) is refused, since secondaries would keep the old version,
unless an operator wants it. The content is taken as the server has it, signatures too: what the checks of `zonegit
check` call an error is said in the commit's message. Only what nothing could be answered from (`tree.servable`) is
refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from zonegit.errors import DifferenceUnfit, NotFound, SerialBehind, TransferError
from zonegit.model import refs
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import APEX_KEY, OwnerKey, WireName, owner_text, parse_apex
from zonegit.model.rdata import NS
from zonegit.model.rrset import SOA_KEY, rdatas, rr_key
from zonegit.model.zone import SALT_SIZE, Shape, Zone
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.incoming.difference import changes_of
from zonegit.repo.incoming.values import Difference, Differences, WholeZone
from zonegit.repo.new_zones import check_may_begin
from zonegit.repo.results import Committed, Position, Revision
from zonegit.repo.serials import ROUND, is_ahead
from zonegit.repo.store_ahead import store_ahead
from zonegit.repo.tombstones import removed_tip, tombstone_at
from zonegit.repo.writing import Ready, store_all
from zonegit.store.built import leaf_facts
from zonegit.store.facts import NodeFacts
from zonegit.store.port import RefUpdate, Writer
from zonegit.tree.build import Built, build
from zonegit.tree.diff import diff
from zonegit.tree.edit import edit
from zonegit.tree.servable import Inspection, Plain, change_fault
from zonegit.tree.source import Nodes
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.check import check_owners
from zonegit.zonefile.errors_only import errors_in
from zonegit.zonefile.findings import Finding, Severity
from zonegit.zonefile.rdata.fitting import misfit

_NS_KEY: Final = rr_key(APEX_KEY, NS)
_COMMITTER: Final = "zonegitd"
_SHOWN: Final = 5
"""Findings that a commit's message names."""


class Arrival(NamedTuple):
    """The commits that a transfer becomes, ready to be stored."""

    ready: Ready
    old_serial: int | None
    """The serial before it; None for a new zone."""
    versions: int
    """Commits; 0 if the zone is as the primary has it."""
    whole: bool
    """Whether the whole zone was sent."""
    soa: bytes
    """The RDATA of the zone's SOA, with serial 0."""
    records: int
    """In the zone now."""
    findings: Sequence[Finding] = ()
    """Errors in the zone that it is served with nevertheless."""
    facts: Mapping[ObjectId, NodeFacts] = {}
    """What is known of new leaves, because they were built here."""


def author_of(server: str) -> str:
    """The author of commits that come from a server with this address."""
    return f"{server} <axfr@{server}>"


def arrival(
    context: Context,
    place: Position,
    brought: WholeZone | Differences,
    server: str,
    *,
    any_serial: bool = False,
) -> Arrival:
    """What a transfer from `server` (an address) becomes on a branch. Stores nothing.

    `any_serial`: take a whole zone whose serial isn't ahead, too. `SerialBehind` without it, `DifferenceUnfit` for
    differences to another version than the branch's tip, `TransferError` for a zone that can't be served, `Refused`
    for a new zone that may not begin here.
    """
    tip = _tip(context, place)
    now = int(context.now())
    chain = _Chain(context, place, tip, Stamp(author_of(server), now), Stamp(_COMMITTER, now), server)
    if isinstance(brought, WholeZone):
        chain.add_whole(brought, any_serial=any_serial)
    else:
        for step in brought.steps:
            chain.add_step(step)
    return chain.arrival(whole=isinstance(brought, WholeZone))


def store_arrivals(
    context: Context, arrivals: Sequence[Arrival], more: Callable[[Writer], None] = lambda _: None
) -> list[Committed]:
    """Store commits of several branches, and move each branch, in one transaction. `Conflict` if a tip has moved.

    The objects of large zones are stored before it, in groups. `more` writes what else belongs to the transaction.
    """
    with context.store.read() as reader:
        for each in arrivals:
            reader.learn(each.facts)
    readies = [
        each.ready._replace(objects=store_ahead(context, list(each.ready.objects))) if each.versions else each.ready
        for each in arrivals
    ]
    with context.store.write() as writer:
        done = store_all(context, writer, readies)
        more(writer)
        return done


def _tip(context: Context, place: Position) -> Content | None:
    try:
        return context.tip(place)
    except NotFound:
        return None


class _Chain:
    """Commits on top of a branch's tip, and the objects that they need."""

    def __init__(
        self, context: Context, place: Position, tip: Content | None, author: Stamp, committer: Stamp, server: str
    ) -> None:
        self._place = place
        self._apex: WireName = parse_apex(place.zone)
        self._tip = tip
        self._author = author
        self._committer = committer
        self._server = server
        self._objects: list[bytes] = []
        self._fresh: dict[ObjectId, bytes] = {}
        self._facts: dict[ObjectId, NodeFacts] = {}
        self._nodes = context.nodes.over(self._fresh)
        self._last: Revision | None
        """The newest commit, or the last one of a branch that was removed."""
        self._parents: tuple[Revision, ...]
        if tip is not None:
            self._shape = tip.zone.shape
            self._last, self._parents = tip.revision, (tip.revision,)
        else:
            check_may_begin(context, place.zone)
            self._shape = Shape(context.random(SALT_SIZE))
            tombstone = tombstone_at(context, place)
            self._last = tombstone or removed_tip(context, place)
            self._parents = () if tombstone is None else (tombstone,)
        self._before = self._parents[0].id if self._parents else None
        self._content = tip
        self._commits = 0
        self._changes = 0
        self._findings: list[Finding] = []

    def add_whole(self, brought: WholeZone, *, any_serial: bool) -> None:
        """Add the version of an AXFR."""
        built = build(self._shape, brought.entries)
        old = self._content
        same = old is not None and built.root == old.tree.root
        if old is not None and same and brought.serial == old.revision.commit.serial:
            return
        seq = self._seq(brought.serial, any_serial=any_serial)
        self._keep(built.by_id)
        self._facts = leaf_facts(brought.entries, built.by_id)
        if old is None:
            self._refuse(Inspection(self._apex, self._nodes, misfit, self._plain).fault(built.root), built.root)
        else:
            self._refuse(change_fault(self._apex, self._nodes, old.tree.root, built.root, misfit), built.root)
        self._changes += len(brought.entries) if old is None else _count(self._nodes, old.tree.root, built.root)
        errors = [] if same else errors_in(self._apex, brought.entries)
        self._commit(built, seq, "AXFR", errors)

    def add_step(self, step: Difference) -> None:
        """Add the version to which one difference of an IXFR leads."""
        old = self._content
        if old is None or old.revision.commit.serial != step.old or not is_ahead(step.new, step.old):
            raise DifferenceUnfit(f"the difference is one from serial {step.old} to {step.new}, which isn't next")
        tree = old.tree
        changes = changes_of(self._apex, step, tree.payload)
        effective = {key: new for key, new in changes.items() if new != tree.payload(key)}
        built = edit(self._nodes, tree.root, self._shape, effective.items())
        seq = self._seq(step.new, any_serial=False)
        self._keep(built.by_id)
        self._refuse(change_fault(self._apex, self._nodes, tree.root, built.root, misfit), built.root)
        self._changes += len(effective)
        owners = sorted({OwnerKey(key[:-3]) for key in effective})
        found = check_owners(self._apex, owners, Tree(self._nodes, built.root)) if owners else []
        self._commit(built, seq, "IXFR", _errors(found))

    def arrival(self, *, whole: bool) -> Arrival:
        """What was added."""
        tip, last = self._tip, self._content
        old = None if tip is None else tip.revision
        new = last.revision if last is not None else None
        serial = 0 if new is None else new.commit.serial
        done = Committed(
            self._place.zone,
            self._place.branch,
            old and old.id,
            new and new.id,
            serial,
            self._changes,
            findings=self._findings,
        )
        update, reason = None, ""
        if self._commits and new is not None:
            update = RefUpdate(refs.head(self._place.zone, self._place.branch), self._before, new.id)
            count = f"{self._commits} versions " if self._commits > 1 else ""
            reason = f"transfer: {count}{'AXFR' if whole else 'IXFR'} from {self._server}"
        ready = Ready(done, self._committer, update, reason, self._objects)
        soa = last.tree.payload(SOA_KEY) if last is not None else None
        rdata = rdatas(soa)[0] if soa is not None else b""
        records = 0 if last is None else last.zone.records
        before = old and old.commit.serial
        return Arrival(ready, before, self._commits, whole, rdata, records, self._findings, self._facts)

    def _seq(self, serial: int, *, any_serial: bool) -> int:
        """The sequence number with this serial. `SerialBehind`."""
        if self._last is None:
            return serial
        last = self._last.commit.seq
        if not (any_serial or is_ahead(serial, last)):
            raise serial_behind(self._place.zone, serial, last % ROUND)
        return last + ((serial - last) % ROUND or ROUND)

    def _refuse(self, fault: str | None, root: ObjectId) -> None:
        """`TransferError` for a version that can't be served, or whose name servers nobody would know."""
        if fault:
            raise TransferError(f"{self._place.zone} would hold {fault}")
        if Tree(self._nodes, root).payload(_NS_KEY) is None:
            raise TransferError(f"{self._place.zone} would have no NS record at its apex")

    def _plain(self, oid: ObjectId) -> Plain | None:
        facts = self._facts.get(oid)
        return None if facts is None else facts.plain

    def _keep(self, objects: Mapping[ObjectId, bytes]) -> None:
        """Have these objects stored with the commits."""
        self._objects += [data for oid, data in objects.items() if oid not in self._fresh]
        self._fresh.update(objects)

    def _commit(self, built: Built, seq: int, how: str, errors: list[Finding]) -> None:
        zone = Zone(built.root, self._shape, built.records)
        encoded = zone.encode()
        root = object_id(encoded)
        commit = Commit(
            zone_root=root,
            parents=tuple(parent.id for parent in self._parents),
            zone=self._place.zone,
            seq=seq,
            generation=1 + max((parent.commit.generation for parent in self._parents), default=0),
            author=self._author,
            committer=self._committer,
            message=_message(f"{how} from {self._server}", errors),
        )
        data = commit.encode()
        revision = Revision(object_id(data), commit)
        self._keep({root: encoded, revision.id: data})
        self._last, self._parents = revision, (revision,)
        self._content = Content(revision, zone, Tree(self._nodes, built.root))
        self._commits += 1
        self._findings += errors


def serial_behind(zone: str, serial: int, ours: int) -> SerialBehind:
    """The error for a primary whose serial isn't ahead of ours."""
    what = "the same serial with other content" if serial == ours else f"serial {serial}, which isn't ahead of"
    here = "as here" if serial == ours else f"{ours} here"
    return SerialBehind(
        f"the primary has {what} {here}: raise it there, or take the zone as it is by "
        f"'zonegit transfer --any-serial {zone}'"
    )


def _count(nodes: Nodes, old: ObjectId, new: ObjectId) -> int:
    return sum(1 for _ in diff(nodes, old, new))


def _errors(found: Sequence[Finding]) -> list[Finding]:
    return [each for each in found if each.severity is Severity.ERROR]


def _message(subject: str, errors: Sequence[Finding]) -> str:
    """The commit's message, with the errors that the zone is served with."""
    if not errors:
        return subject
    lines = [f"{owner_text(each.owner)}: {each.full_message} [{each.check}]" for each in errors[:_SHOWN]]
    more = [f"and {len(errors) - _SHOWN} more"] if len(errors) > _SHOWN else []
    return "\n".join([subject, "", "The zone has errors, and is served as it is there:", *lines, *more])
