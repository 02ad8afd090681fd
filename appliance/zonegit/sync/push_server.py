"""The server's side of `POST /v0/push`: from an authenticated request to its answer, in slices.

    check scopes -> check for a replay -> store objects, in short transactions -> decide about refs -> move refs

A push outside of its key's scope stores nothing. A key with a narrow scope learns nothing about objects outside of
it: the objects that it asks about, or that its objects point to, must be reachable from refs that it may see, or
from its own recent pushes (`sync.recent_pushes`). No transaction is held between two slices.
"""

import struct
from collections import deque
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from functools import partial
from typing import Final, NamedTuple

from zonegit.auth.gate import Grant
from zonegit.auth.key import Key
from zonegit.auth.scope import VERBS
from zonegit.errors import Conflict, Forbidden, Incomplete, InvalidObject, NotFound, Replayed, StoreBusy
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.refs import RefKind, RefName, is_plain, remote
from zonegit.repo.heads import is_automatic
from zonegit.repo.peer_status import DAY
from zonegit.repo.publishing.at_once import publish_at_once
from zonegit.repo.push_replay import is_replayed, remember
from zonegit.store.port import Reader, RefUpdate, Store, Writer
from zonegit.store.reachable import children
from zonegit.sync import limits
from zonegit.sync.arrival import Arrival, Offer, Result, land, plan_within, planning
from zonegit.sync.policy import Policy
from zonegit.sync.push_body import PushBody, reading
from zonegit.sync.push_wire import Answer
from zonegit.sync.quota import REF_BYTES, VIEW_BYTES, Quota
from zonegit.sync.reach import unreached
from zonegit.sync.recent_pushes import RecentPushes
from zonegit.sync.visible import VisibleCache
from zonegit.sync.work import Due, T, Work, in_reads, never
from zonegit.tree.source import Nodes, Overlay

PolicyOf = Callable[[str, str], Policy]
"""`(key id, zone) -> policy` for what a key's holder pushes to a zone."""
NameOf = Callable[[str], str]
"""The configured name of the peer that signs with this key id; empty if there is none."""
TRIES: Final = 3
"""How often a push is decided again because refs have moved meanwhile."""
AT_ONCE: Final = 64
"""The most refs that move in one transaction, unless all have to."""
_STEP: Final = 16
"""How many objects are stored between two checks of `due`."""
_FEW: Final = 4
_FEW_OBJECTS: Final = 64
_FEW_BYTES: Final = 64 << 10
"""A push with at most this many updates (and commits of each), objects and bytes is done in one transaction."""
_LIMITS: Final = "push_day_bytes in [replication.limits]"


def ff_only(kid: str, zone: str) -> Policy:
    """The default policy."""
    return Policy.FF_ONLY


def nameless(kid: str) -> str:
    """The name of any key where no peer is configured."""
    return ""


class Pushed(NamedTuple):
    """The outcome of a push."""

    answer: Answer
    size: int = 0
    """Bytes of its objects."""
    peer: str = ""
    """The pusher's name in the configuration; empty if it has none."""


class PushEndpoint:
    """Accepts pushes into a store, which has to be open for writing."""

    def __init__(
        self,
        store: Store,
        policy_of: PolicyOf = ff_only,
        bounds: limits.ServerLimits = limits.SERVER,
        *,
        name_of: NameOf = nameless,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._name_of = name_of
        self._policy_of = policy_of
        self._bounds = bounds
        self._clock = clock
        self._recent = RecentPushes()
        self._visible = VisibleCache(store, 1, VERBS)
        """The refs that a key may read or push to."""

    def push(self, grant: Grant, body: bytes, due: Due = never) -> Work[Pushed]:
        """Handle a push. `Forbidden`, `Replayed`, `Incomplete`, `InvalidData`, `QuotaUsedUp`, `StoreFull`."""
        request = yield from reading(body, due)
        _check_scope(grant.key, request.ask.updates)
        with self._store.read() as reader:
            _check_new(reader, grant)
        quota = self._quota(grant.key.kid)
        with self._store.keeping():
            absent = yield from self._absent(grant.key, request, due)
            results = self._in_one_transaction(grant, request, absent, quota) if _is_small(request) else None
            if results is None:
                yield from self._store_objects(grant.key, request.objects, quota, due)
                results = yield from self._move(grant, request, absent, quota, due)
        missing = tuple(oid for oid in request.ask.present if oid in absent)
        kid = grant.key.kid
        answer = Answer(len(request.objects), missing, tuple(results))
        return Pushed(answer, request.size, self._name_of(kid) or kid)

    def _quota(self, kid: str) -> Quota:
        bounds = limits.ClientLimits(day_bytes=self._bounds.push_day_bytes, disk_free=self._bounds.disk_free)
        return Quota(f"key {kid}", bounds, int(self._clock() // DAY), _LIMITS)

    def _absent(self, key: Key, request: PushBody, due: Due) -> Work[Collection[ObjectId]]:
        """Of the ids that the request asks about or wants refs to point to, those that this key may not see or that
        aren't here. `Incomplete` if the request's objects point to such.
        """
        coming: set[ObjectId] = set()
        outer: set[ObjectId] = set()
        for data in request.objects:
            coming.add(object_id(data))
            outer.update(_pointed_to(data))
            if due():
                yield
        outer -= coming
        asked = outer.union(request.ask.present, (offer.new for offer in request.ask.updates)) - coming
        absent = yield from self._find_absent(key, asked, due)
        if lacking := outer & absent:
            raise Incomplete(
                f"the push points to {len(lacking)} objects that are not here, such as {short(min(lacking))}: "
                "ask which are present, and send the others first"
            )
        return absent

    def _find_absent(self, key: Key, asked: Iterable[ObjectId], due: Due) -> Work[set[ObjectId]]:
        """Of these ids, those that the key may not see or that aren't stored."""
        if any(map(key.allows_all, VERBS)):
            return (yield from _not_stored(self._store, asked, due))
        tops = self._recent.tops(key.kid)
        gone = yield from _not_stored(self._store, tops, due)
        self._recent.drop(key.kid, gone)
        tips = yield from self._visible.of(key).tips(due)
        known = dict.fromkeys((*tips, *(oid for oid in tops if oid not in gone)))
        return (yield from unreached(self._store, known, asked, due))

    def _in_one_transaction(
        self, grant: Grant, request: PushBody, absent: Container[ObjectId], quota: Quota
    ) -> Sequence[Result] | None:
        """Store a few objects and move a few branches in one transaction; None if the push isn't that simple.

        Making a transaction durable takes longer than everything else in such a push, and this does it only once.
        """
        quota.check_room(self._store)
        updates = request.ask.updates
        if any(offer.new in absent for offer in updates):
            return None
        policies = {zone: self._policy_of(grant.key.kid, zone) for zone in {offer.ref.zone for offer in updates}}
        with self._store.read() as reader:
            fresh = Overlay({object_id(data): data for data in request.objects}, reader)
            if not all(_is_simple(fresh, reader.ref(offer.ref.full), offer) for offer in updates):
                return None
        with self._store.write() as writer:
            writer.insert(request.objects)
            quota.spend(writer, request.size)
            arrival = plan_within(
                writer,
                self._store.nodes,
                updates,
                policies.__getitem__,
                self._clock(),
                atomic=request.ask.atomic,
                may_begin=partial(_may_begin, grant.key),
            )
            self._landing(grant, quota, first=True).land_in(writer, arrival)
        return arrival.results

    def _store_objects(self, key: Key, objects: Sequence[bytes], quota: Quota, due: Due) -> Work[None]:
        """Store objects, in one transaction for each slice.

        They are checked first, when no other writer has to wait. A transaction then has room for many of them, and
        it takes as long to become durable as a hundred checks do.
        """
        if objects:
            quota.check_room(self._store)
        unchecked = iter(objects)

        def check(reader: Reader) -> bool:
            for data in unchecked:
                reader.check_ahead(data)
                if due():
                    return False
            return True

        yield from in_reads(self._store, check)
        steps = _parts(objects, _STEP)
        while steps:
            with self._store.write() as writer:
                size = 0
                while steps:
                    step = steps.popleft()
                    writer.insert(step)
                    size += sum(map(len, step))
                    if due():
                        break
                quota.spend(writer, size)
            yield
        if not key.allows_all("read"):
            self._recent.add(key.kid, objects)

    def _move(
        self, grant: Grant, request: PushBody, absent: Container[ObjectId], quota: Quota, due: Due
    ) -> Work[list[Result]]:
        """Move refs, all at once if the push is atomic, else some at a time."""
        results: list[Result] = []
        together = len(request.ask.updates) if request.ask.atomic else AT_ONCE
        for offers in _parts(request.ask.updates, max(together, 1)):
            landing = self._landing(grant, quota, first=not results)
            policy_of = partial(self._policy_of, grant.key.kid)
            may_begin = partial(_may_begin, grant.key)
            for _ in range(TRIES):
                arrival = yield from planning(
                    self._store,
                    offers,
                    policy_of,
                    self._clock(),
                    atomic=request.ask.atomic,
                    hidden=absent,
                    may_begin=may_begin,
                    due=due,
                )
                try:
                    landing.land(arrival)
                except Conflict:
                    yield
                    continue
                break
            else:  # planning with the write lock held isn't possible: a merge may take too long
                raise StoreBusy("the refs of this push keep moving here; push again")
            results += arrival.results
            yield
        return results

    def _landing(self, grant: Grant, quota: Quota, *, first: bool) -> "_Landing":
        name = self._name_of(grant.key.kid)
        return _Landing(self._store, grant, quota, self._clock(), name, first=first)


class _Landing:
    """Carries out the plan for some of a push's refs."""

    def __init__(self, store: Store, grant: Grant, quota: Quota, now: float, name: str, *, first: bool) -> None:
        """`first`: whether none of the push's refs have moved yet."""
        self._store = store
        self._grant = grant
        self._quota = quota
        self._now = now
        self._name = name
        self._first = first

    def land(self, arrival: Arrival) -> None:
        """Carry it out in its own transaction, if there is anything to do. `Conflict`, `Replayed`."""
        if self._first or arrival.updates or arrival.diverged:
            with self._store.write() as writer:
                self.land_in(writer, arrival)

    def land_in(self, writer: Writer, arrival: Arrival) -> None:
        kid = self._grant.key.kid
        if self._first:
            _check_new(writer, self._grant)
            remember(writer, kid, self._grant.nonce, self._grant.until, self._now)
        held = tuple((result, theirs) for result, theirs in arrival.diverged if result.outcome == "held")
        tracked = [_tracking(writer, kid, result, theirs) for result, theirs in held if is_plain(kid)]
        if arrival.updates or held:
            self._quota.check_room(self._store)
        arrival = arrival._replace(updates=(*arrival.updates, *tracked), diverged=held)
        who = Stamp(f"key {kid}", int(self._now))
        land(writer, arrival, who, f"push: {kid}", kid, self._name)
        publish_at_once(writer, Nodes(writer, self._store.nodes), arrival.updates, who)
        self._quota.spend(writer, REF_BYTES * (len(arrival.updates) + self._first) + VIEW_BYTES * writer.appeared)


def _tracking(reader: Reader, kid: str, result: Result, theirs: ObjectId) -> RefUpdate:
    """The update that gives a held tip a remote-tracking ref, so that it can be merged and `gc` keeps it."""
    name: RefName = remote(kid, result.ref.zone, result.ref.name)
    return RefUpdate(name, reader.ref(name), theirs)


def _is_small(request: PushBody) -> bool:
    few = len(request.objects) <= _FEW_OBJECTS and request.size <= _FEW_BYTES
    return few and 0 < len(request.ask.updates) <= _FEW


def _is_simple(objects: Overlay, local: ObjectId | None, offer: Offer) -> bool:
    """Whether a branch here is behind by a few commits, all of them new user commits, so that nothing has to be
    merged.

    The objects aren't checked yet: an error in them is found when they are stored.
    """
    todo, seen = [offer.new], 0
    while todo:
        oid = todo.pop()
        if oid == local:
            continue
        seen += 1
        is_elsewhere = local is not None and oid not in objects.fresh
        if seen > _FEW or is_elsewhere:
            return False
        try:
            commit = Commit.decode(objects.get(oid))
        except (InvalidObject, NotFound):
            return False
        begins_anew = local is not None and not commit.parents
        if begins_anew or is_automatic(commit):
            return False
        todo += commit.parents
    return offer.ref.kind is RefKind.HEAD


def _parts(items: Sequence[T], most: int) -> deque[Sequence[T]]:
    return deque(items[at : at + most] for at in range(0, len(items), most))


def _pointed_to(data: bytes) -> Sequence[ObjectId]:
    """The ids in an object that hasn't been checked yet."""
    try:
        return children(data)
    except (IndexError, struct.error):
        raise InvalidObject("an object is truncated") from None


def _check_scope(key: Key, updates: Iterable[Offer]) -> None:
    for offer in updates:
        ref = offer.ref
        if not key.allows_ref("push", ref.kind, ref.zone, ref.name):
            raise Forbidden(f"the key {key.kid} may not push to {ref.name} of {ref.zone}")


def _may_begin(key: Key, zone: str) -> bool:
    """A scope for one branch doesn't permit new zones, since these take over names of the zone above."""
    return any(scope.verb == "push" and scope.covers(zone) for scope in key.scopes)


def _check_new(reader: Reader, grant: Grant) -> None:
    if is_replayed(reader, grant.key.kid, grant.nonce, grant.until):
        raise Replayed(f"a push of the key {grant.key.kid} was replayed")


def _not_stored(store: Store, asked: Iterable[ObjectId], due: Due) -> Work[set[ObjectId]]:
    waiting = iter(asked)
    found: set[ObjectId] = set()

    def go_on(reader: Reader) -> bool:
        for oid in waiting:
            if not reader.has(oid):
                found.add(oid)
            if due():
                return False
        return True

    yield from in_reads(store, go_on)
    return found
