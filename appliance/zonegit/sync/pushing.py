"""One push, as a state machine: requests out, the peer's answers in. Neither side stores anything about it.

What the peer lacks follows from the refs that it shows. If it has commits that aren't here, or if there is much to
send and some of it may have arrived before a connection broke, the peer is asked which objects it has. *Present
means closed*: each of them proves everything below it. Then the objects are sent, children before parents, in
requests of some MiB, and then the refs.

The driver calls `prepare`, then sends what `next` returns until that is None, and calls `answered`, `lost` or
`declined` for each request. `results` has the result for every ref.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from zonegit.errors import InvalidData, LimitExceeded, Refused, Unreachable
from zonegit.model.commit import Tag
from zonegit.model.ids import Kind, ObjectId
from zonegit.model.refs import RefKind, parse
from zonegit.repo.ancestry import have_list
from zonegit.store.port import Reader, Store
from zonegit.sync.arrival import Offer, Result
from zonegit.sync.frames import FrameWriter
from zonegit.sync.limits import GROUP_BYTES, GROUP_OBJECTS, MAX_PRESENT, MAX_UPDATES, PUSH_ASK, PUSH_BYTES
from zonegit.sync.outgoing import Outgoing, count
from zonegit.sync.push_wire import Answer, Ask, written
from zonegit.sync.wire import PeerRefs

MOST_LOST: Final = 5
MOST_BREAKS: Final = 100
"""Retries after a broken connection: in a row without an answer, and in all."""
FIRST_BYTES: Final = 1 << 20
LEAST_BYTES: Final = 64 << 10
"""Bytes of objects in the first request, or more if a question before it was answered quickly, and in the smallest;
the size then adapts to the connection."""
MOST_MARKS: Final = 4_096
LEAST_MARKS: Final = 64
"""The most ids in the question before a large push; fewer after a broken connection, but at least `LEAST_MARKS`."""
QUICK: Final = 1.0
SLOW: Final = 6.0
"""After a request that took less than `QUICK` seconds the next one is twice as large; after more than `SLOW`, half
as large. A server waits 30 s for a body."""


INCOMPLETE: Final = "incomplete"
_UNKNOWN: Final = "bad_request"
"""The error of a peer that doesn't know a kind of ref."""
UNKNOWN_KIND: Final = "unknown-kind"
"""The reason for which such a ref isn't pushed."""
_LATER: Final = frozenset((INCOMPLETE, "busy", "no_space", "quota", "internal", "too_many_fetches"))
"""The peer's error for objects that point to missing ones, and all errors after which a retry may succeed."""


class Request(NamedTuple):
    """A `POST /v0/push` to make."""

    body: bytes
    lost: int = 0
    """How many connections in a row broke before this try."""


class Push:
    """A push of `updates` to the peer that showed `refs`. One driver; its calls may run in another thread."""

    def __init__(
        self,
        store: Store,
        peer: str,
        refs: PeerRefs,
        updates: Iterable[Offer],
        *,
        atomic: bool = False,
        compress: bool = False,
    ) -> None:
        """`refs` may be differences from what `refs/remotes/<peer>/` tracks.

        `LimitExceeded` for an atomic push of more refs than one request can move.
        """
        self._store = store
        self.peer = peer
        self._refs = refs
        self._atomic = atomic
        self._compress = compress
        self.updates = tuple(updates)
        self._parts = _parts(self.updates) if atomic else _apart(self.updates)
        if atomic and len(self._parts) > 1:
            raise LimitExceeded(
                f"an atomic push moves at most {len(self._parts[0]):,} of these {len(self.updates):,} refs: "
                "push fewer, or without --atomic"
            )
        self._have: tuple[ObjectId, ...] = ()
        """What the peer is known to have."""
        self._marks: tuple[ObjectId, ...] = ()
        """A sample of what has to be sent (`outgoing.Count`)."""
        self._probe: tuple[ObjectId, ...] = ()
        """The ids that the peer is asked about next."""
        self._outgoing: Outgoing | None = None
        self._underway: Sequence[bytes] = ()
        """The objects in the request that waits for its answer."""
        self._asked: tuple[Offer, ...] = ()
        """The updates in that request."""
        self._most = FIRST_BYTES
        self._body_size = 0
        """Bytes of the last request."""
        self._lost = self._breaks = 0
        self._distrusted = False
        """Whether the peer's refs proved to be no guide to what it has."""
        self._results: dict[Offer, Result] = {}
        self.objects = self.size = 0
        """How many objects and bytes have to be sent in all, as far as that is known."""
        self.sent = self.sent_size = 0
        """How many of them the peer has received."""
        self.stored = 0
        """How many objects the peer says it has stored, whether they were new to it or not."""

    @property
    def results(self) -> list[Result]:
        """The results of the updates, in their order."""
        return [self._results[update] for update in self.updates if update in self._results]

    @property
    def probing(self) -> bool:
        """Whether the next request only asks what the peer has; a dry run makes these."""
        return bool(self._probe)

    def prepare(self, counted: Callable[[int], None] = lambda objects: None) -> None:
        """Find out and count what has to be sent; `counted` is called with the number of objects so far."""
        zones = dict.fromkeys(update.ref.zone for update in self.updates)
        with self._store.read() as reader:
            theirs = _peer_tips(reader, self.peer, self._refs, zones)
            self._have = tuple(oid for tips in theirs.values() for oid in tips if reader.has(oid))
            unknown = {zone for zone, tips in theirs.items() if not all(map(reader.has, tips))}
            near = [update.new for update in self.updates if update.ref.zone in unknown]
            commits = dict.fromkeys(_commit_of(reader, oid) for oid in near)
            self._probe = tuple(have_list(reader, commits, MAX_PRESENT))
        if not self._probe:
            self._count(counted)
            self._probe_if_large()

    def next(self) -> Request | None:
        """The request to make now; None if every update has its result."""
        if self._probe:
            return self._request([], Ask(self._probe))
        left = [part for part in self._parts if any(update not in self._results for update in part)]
        if not left:
            return None
        if self._outgoing is None:
            self._outgoing = Outgoing(self._store, self._wanted(), self._have)
        objects = self._outgoing.take(self._most)
        return self._request(objects, Ask((), left[0], self._atomic) if self._outgoing.ended else None)

    def answered(self, answer: Answer, seconds: float = 0.0) -> None:
        """Handle the answer to the last request, which took `seconds`. `InvalidData` if it doesn't match that."""
        self._lost = 0
        if self._probe:
            in_time = int(self._body_size * QUICK / seconds) if seconds else 0
            self._most = min(max(self._most, in_time), PUSH_BYTES)
            self._handle_probe(answer)
            return
        self.stored += answer.stored
        self.sent += len(self._underway)
        sent, self._underway = sum(map(len, self._underway)), ()
        self.sent_size += sent
        if sent >= self._most // 2:
            quick = self._most * 2 if seconds < QUICK else self._most
            self._most = max(LEAST_BYTES, self._most // 2) if seconds > SLOW else min(quick, PUSH_BYTES)
        self._handle_results(answer)

    def lost(self) -> bool:
        """Handle a connection that broke before an answer. Returns whether to retry with the same objects."""
        self._lost += 1
        self._breaks += 1
        if len(self._probe) > LEAST_MARKS:
            self._probe = self._probe[::2]
        elif self._outgoing is not None and self._underway:
            self._outgoing.put_back(self._underway)
            self._most = max(LEAST_BYTES, self._most // 2)
        return self._lost <= MOST_LOST and self._breaks <= MOST_BREAKS

    def declined(self, error: str, message: str) -> None:
        """Handle an authentic error. If the peer lacks objects that its refs need, it is asked once what it has.

        `Unreachable` if a later try may succeed, `Refused` if none would.
        """
        if error == INCOMPLETE and not self._distrusted:
            self._distrust_refs()
        elif error == _UNKNOWN and self._asked and all(update.ref.kind.is_review for update in self._asked):
            self._give_up_reviews()
        elif error in _LATER:
            raise Unreachable(f"{self.peer} doesn't accept pushes at the moment: {message}")
        else:
            raise Refused(f"{self.peer} refuses the push: {message}")

    def _give_up_reviews(self) -> None:
        """The peer doesn't know reviews and proposals: it is an older version. Everything else has been pushed."""
        message = f"{self.peer} runs an older version of zonegit, which takes no reviews or proposals"
        for update in self.updates:
            if update not in self._results:
                self._results[update] = Result(update.ref, "refused", None, UNKNOWN_KIND, message)
        self._asked = ()

    def _handle_probe(self, answer: Answer) -> None:
        """Handle the answer to a probe: record what the peer has, and count again what it lacks."""
        asked, self._probe = self._probe, ()
        missing = set(answer.missing)
        if not missing <= set(asked):
            raise InvalidData(f"{self.peer} reports objects as missing that it wasn't asked about")
        self._outgoing = None
        was_counted = bool(self.objects)
        self._have = (*self._have, *(oid for oid in asked if oid not in missing))
        if len(missing) < len(asked) or not was_counted:
            self._count()
        if not was_counted:
            self._probe_if_large()

    def _count(self, counted: Callable[[int], None] = lambda objects: None) -> None:
        found = count(self._store, self._wanted(), self._have, MOST_MARKS, counted)
        self.objects, self.size = self.sent + found.objects, self.sent_size + found.size
        self._marks = found.marks

    def _probe_if_large(self) -> None:
        """If there is much to send, ask whether an earlier push has brought some of it."""
        if self.size > PUSH_BYTES:
            self._probe = self._marks

    def _distrust_refs(self) -> None:
        """Stop relying on the peer's refs, and ask which objects it has."""
        self._distrusted = True
        self._have = ()
        self._outgoing = None
        self._count()
        self._probe = self._marks

    def _handle_results(self, answer: Answer) -> None:
        asked, self._asked = self._asked, ()
        if [result.ref for result in answer.results] != [update.ref for update in asked]:
            raise InvalidData(f"{self.peer} returned results for other refs than it was asked to move")
        lacking = any(result.outcome == "missing" for result in answer.results)
        if lacking and self._distrusted:
            raise Unreachable(f"{self.peer} reports objects as missing that were sent to it; try again")
        for update, result in zip(asked, answer.results, strict=True):
            if result.outcome != "missing":
                self._results[update] = result
        if lacking:
            self._distrust_refs()

    def _wanted(self) -> list[ObjectId]:
        return list(dict.fromkeys(update.new for update in self.updates if update not in self._results))

    def _request(self, objects: Sequence[bytes], ask: Ask | None) -> Request:
        writer = FrameWriter(lambda ts, digest: b"", compress=self._compress)
        frames = [writer.group(group) for group in _groups(objects)]
        if ask is not None:
            frames.append(writer.ask(ask.encode()))
        self._underway = objects
        self._asked = ask.updates if ask is not None else ()
        body = b"".join(frames)
        self._body_size = len(body)
        return Request(body, self._lost)


def _groups(objects: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for data in objects:
        group.append(data)
        size += len(data)
        if size >= GROUP_BYTES or len(group) == GROUP_OBJECTS:
            yield group
            group, size = [], 0
    if group:
        yield group


def _parts(updates: Sequence[Offer]) -> list[tuple[Offer, ...]]:
    """The updates in groups, each as large as one question can be."""
    parts: list[tuple[Offer, ...]] = []
    part: list[Offer] = []
    size = 0
    for update in updates:
        needs = sum(map(len, written(update))) + 64  # JSON's marks; a name is plain ASCII
        needs += update.ref.full.count("\\")  # which JSON escapes
        if part and (len(part) == MAX_UPDATES or size + needs > PUSH_ASK - 64):
            parts.append(tuple(part))
            part, size = [], 0
        part.append(update)
        size += needs
    return [*parts, tuple(part)] if part else parts


def _apart(updates: Sequence[Offer]) -> list[tuple[Offer, ...]]:
    """The same, reviews and proposals last and by themselves, since older servers refuse a request with such."""
    others = [update for update in updates if not update.ref.kind.is_review]
    return [*_parts(others), *_parts([update for update in updates if update.ref.kind.is_review])]


def _peer_tips(reader: Reader, peer: str, refs: PeerRefs, zones: Mapping[str, object]) -> dict[str, list[ObjectId]]:
    """For each of these zones, the tips of the peer's branches and tags."""
    found: dict[str, dict[str, ObjectId]] = {zone: {} for zone in zones}
    if refs.gone is not None:
        for zone in zones:
            for name, oid in reader.refs(f"refs/{RefKind.REMOTE}/{peer}/{zone}/"):
                if (ref := parse(name)).zone == zone:
                    found[zone][f"heads/{ref.name}"] = oid
        for gone in map(parse, refs.gone):
            if gone.zone in found:
                found[gone.zone].pop(f"{gone.kind}/{gone.name}", None)
    for kind, tips in (("heads", refs.branches), ("tags", refs.tags)):
        for tip in tips:
            if tip.zone in found:
                found[tip.zone][f"{kind}/{tip.name}"] = tip.oid
    return {zone: list(dict.fromkeys(tips.values())) for zone, tips in found.items()}


def _commit_of(reader: Reader, oid: ObjectId) -> ObjectId:
    """The commit that a tag points to, or the commit itself."""
    data = reader.get(oid)
    return Tag.decode(data).target if data[0] == Kind.TAG else oid
