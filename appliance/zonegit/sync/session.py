"""One pull, as a state machine: the peer's refs and bytes of streams in; questions and batches to insert out.

The driver makes the requests that `Ask`s describe (at most `STREAMS` at once), passes each answer's bytes to
`received`, and calls `insert` with the `Batch`es in order. It calls `ended` when a stream has ended and its batches
are inserted; of one that `goes_on`, already when it has ended. When nothing is open, `done` is true and `finish`
moves the refs. Whatever goes wrong before that, no ref has moved. What has arrived and was authenticated by a MAC
stays, with the cursor after it, and the next session continues from there.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Final, NamedTuple

from zonegit.errors import Conflict, InvalidFrame, InvalidObject, SyncCut, Unreachable
from zonegit.model.commit import Stamp
from zonegit.model.ids import object_id, short
from zonegit.repo.mirrors import PULLED
from zonegit.store.port import Store
from zonegit.sync import limits, wire
from zonegit.sync.arrival import Arrival, land, plan
from zonegit.sync.closure import Position
from zonegit.sync.frames import Check, Checkpoint, End, FrameReader, Group
from zonegit.sync.incoming import Batch, Incoming, Job
from zonegit.sync.mirror import Moved, follow, is_followed
from zonegit.sync.peers import check_refs, cursors, highest, keep_cursors
from zonegit.sync.policy import ff_only
from zonegit.sync.pull_steps import SPLIT_RECORDS, STREAMS, Steps
from zonegit.sync.quota import REF_BYTES, VIEW_BYTES, Quota
from zonegit.sync.reviews import review_offers, still_wanted
from zonegit.sync.unfit_zones import nameable, unfit_zones

MOST_LOST: Final = 5
MOST_BREAKS: Final = 100
"""How often a question is repeated because its answer broke off: in a row without any object, and in all."""

TRIES: Final = 3
"""How often the last step is tried while refs move here; then the caller gets the `Conflict`."""
THIN: Final = 16 << 10
MOST_THIN: Final = 256
"""How many answers of a session may say that there is more although they have fewer than `THIN` bytes."""


class Ask(NamedTuple):
    """A POST to make; its answer is a stream of frames."""

    number: int
    path: str
    content_type: str
    body: bytes
    lost: int = 0
    """As `Job.lost`."""


class Session:
    """A pull of `refs` from the peer. One driver; `insert` and `finish` may run in another thread."""

    def __init__(
        self,
        store: Store,
        peer: str,
        refs: wire.PeerRefs,
        split: int = SPLIT_RECORDS,
        *,
        compress: bool = False,
        bounds: limits.ClientLimits = limits.CLIENT,
        day: int | None = None,
    ) -> None:
        """`day` is today, if what is stored counts towards the peer's quota (`sync.quota`).

        `Refused` if the peer's state is older than the one that it showed before.
        """
        self._compress = compress
        self._bounds = bounds
        self._store = store
        self.peer = peer
        self._refs, self._unnamed = nameable(peer, refs)
        self.left_out: Mapping[str, str] = self._unnamed
        """Zones that aren't updated, and why; complete once the refs have moved."""
        self.quota = Quota(peer, bounds, day)
        self._thin = 0
        self._jobs: deque[Job] = deque()
        self._asked: dict[int, Job] = {}
        self._streams: dict[int, Incoming] = {}
        self._number = 0
        self._breaks = 0
        self.objects = 0
        self.size = 0
        """How many objects and bytes have arrived."""
        with store.read() as reader:
            check_refs(highest(reader, peer), refs, peer)
            self._cursors = cursors(reader, peer)
            self._refs = self._refs._replace(lists=still_wanted(reader, self._refs.lists))
            self.quota.read(reader)
        steps = Steps(store, peer, self._refs, self._cursors, split)
        self._looked_at = steps.looked_at
        self._steps = iter(steps)
        self._planned = False

    @property
    def connections(self) -> int:
        """How many connections are useful: one for each process of the peer, but no more than there are streams."""
        return min(self._refs.workers, STREAMS)

    @property
    def done(self) -> bool:
        """Whether everything that the refs need is here."""
        return self._planned and not self._asked and not self._jobs

    def next(self) -> list[Ask]:
        """The requests to make now. `QuotaUsedUp` if nothing that comes could be stored."""
        while not (self._asked or self._jobs or self._planned):
            jobs = next(self._steps, None)
            if jobs is None:
                self._planned = True
            else:
                self._jobs.extend(jobs)
        asks = []
        while self._jobs and len(self._asked) < STREAMS:
            asks.append(self._ask(self._jobs.popleft()))
        return asks

    def opened(self, number: int, check: Check) -> None:
        """The peer has begun to answer; `check` verifies MACs for this request."""
        job = self._asked[number]
        versions = bool(job.label)  # otherwise each object is verified by its hash
        compressed = self._compress and versions
        reader = FrameReader(check, compressed=compressed, sealed=versions, at_once=not versions)
        self._streams[number] = Incoming(job, reader)

    def declined(self, number: int, error: str) -> None:
        """The peer has answered an authentic error instead. If it doesn't know a cursor, the job begins again."""
        job = self._asked.pop(number)
        if error == "cursor" and job.cursor:
            self._cursors.pop(job.label, None)
            self._jobs.appendleft(job._replace(cursor=b""))
            return
        raise Unreachable(f"{self.peer} can't give what its refs name: {error or 'no reason'}; will try again")

    def received(self, number: int, data: bytes) -> list[Batch]:
        """The batches that these bytes of an answer complete. `InvalidFrame` or `SyncCut` ends the session.

        After `SyncCut` everything that came before is kept, including cursors: `broken` returns the rest.
        """
        if self.objects > self._bounds.objects or self.size > self._bounds.bytes:
            raise SyncCut(f"{self.peer} sends more than one sync may receive: the next one resumes from there")
        stream = self._streams[number]
        batches = []
        for frame in stream.reader.feed(data):
            if isinstance(frame, Group):
                self._accept(stream, frame.objects)
                if stream.holds(4):
                    batches.append(stream.batch())
            elif isinstance(frame, Checkpoint):
                self._note_cursor(stream, frame.cursor)
                if stream.holds(1):
                    batches.append(stream.batch())
            elif isinstance(frame, End):
                stream.end = frame
                self._note_cursor(stream, frame.cursor)
            else:
                stream.error = frame
        if stream.end and stream.waiting:
            batches.append(stream.batch())
        return batches

    def broken(self, number: int) -> list[Batch]:
        """The answer broke off, or its driver stopped: what is authentic and still has to be inserted."""
        stream = self._streams.get(number)
        return [stream.batch()] if stream and stream.waiting else []

    def lost(self, number: int) -> bool:
        """The answer broke off, and what `broken` returned is stored. Returns whether `next` asks for the rest."""
        job, stream = self._asked.pop(number), self._streams.pop(number, None)
        if stream and stream.got:
            want = job.want if job.label else job.want[stream.got :]
            job = job._replace(want=want, cursor=stream.cursor or job.cursor)
        # An object of any answer shows that the peer makes progress.
        lost = job.lost if job.had == self.objects else 0
        job = job._replace(lost=lost + 1, had=self.objects)
        self._breaks += 1
        if job.lost > MOST_LOST or self._breaks > MOST_BREAKS:
            return False
        if job.want:
            self._jobs.appendleft(job)
        return True

    def goes_on(self, number: int) -> bool:
        """Whether the answer has ended, and the rest is still to be asked for: `next` says how, after `ended`."""
        end = self._streams[number].end
        return end is not None and bool(end.cursor)

    def ended(self, number: int) -> None:
        """The answer has ended and its batches are inserted. `InvalidFrame` if it was incomplete."""
        stream = self._streams[number]
        stream.reader.close()
        job = self._asked.pop(number)
        del self._streams[number]
        if stream.error:
            raise Unreachable(f"{self.peer} gave up: {stream.error.code} {stream.error.reason}")
        cursor = stream.end.cursor if stream.end else b""
        self._thin += bool(cursor) and stream.total < THIN
        if not cursor:
            self._cursors.pop(job.label, None)
        elif not stream.got:
            raise InvalidFrame("the peer says that there is more, but sends nothing")
        elif stream.total < THIN and self._thin >= MOST_THIN:
            raise InvalidFrame("the peer says repeatedly that there is more, but sends next to nothing")
        elif job.label:
            self._jobs.appendleft(job._replace(cursor=cursor, lost=0))
        else:
            self._jobs.appendleft(job._replace(want=job.want[stream.got :], lost=0))

    def insert(self, batches: Iterable[Batch]) -> None:
        """Store batches in one transaction, with the cursors after them. `QuotaUsedUp`, `StoreFull`."""
        self.quota.check_room(self._store)
        with self._store.write() as writer:
            size = 0
            moved = False
            for batch in batches:
                size += sum(map(len, batch.objects))
                writer.insert(batch.objects)
                if batch.cursor:
                    moved = True
                    self._cursors.pop(batch.label, None)
                    self._cursors[batch.label] = batch.cursor
            self.quota.spend(writer, size)
            if moved:
                keep_cursors(writer, self.peer, self._cursors)

    def distrust(self, number: int) -> None:
        """Delete all cursors, because an object of this answer was refused, and a wrong cursor may be the reason.

        Not for objects that were asked for by their ids: no cursor leads to those, and an attacker who answers for
        the peer could send wrong ones.
        """
        if self._asked[number].label:
            self.forget_cursors()

    def forget_cursors(self) -> None:
        """Delete all cursors."""
        self._cursors.clear()
        with self._store.write() as writer:
            keep_cursors(writer, self.peer, {})

    def finish(self, who: Stamp) -> Moved:
        """Move the refs, in one transaction, if anything moved. `QuotaUsedUp`, `StoreFull`.

        `Conflict` if reviews keep moving here meanwhile.
        """
        for _ in range(TRIES - 1):
            try:
                return self._follow(who)
            except Conflict:
                continue
        return self._follow(who)

    def _follow(self, who: Stamp) -> Moved:
        with self._store.read() as reader:
            offers = review_offers(reader, self._refs.lists)
        reviews = plan(self._store, offers, ff_only, who.time) if offers else Arrival()
        with self._store.read() as reader:
            known = highest(reader, self.peer)
            same = known is not None and (known.epoch, known.seq) == (self._refs.epoch, self._refs.seq)
            if same and not reviews.updates and is_followed(reader, self.peer, self._refs):
                return Moved(results=reviews.results)
            self.left_out = {**self._unnamed, **unfit_zones(reader, self.peer, self._refs)}
        self.quota.check_room(self._store)
        with self._store.write() as writer:
            moved = follow(writer, self.peer, self._refs, who, self.left_out)
            land(writer, reviews, who, f"{PULLED}{self.peer}", self.peer)
            refs = moved.refs + len(reviews.updates)
            self.quota.spend(writer, REF_BYTES * refs + VIEW_BYTES * writer.appeared)
            return moved._replace(refs=refs, results=reviews.results)

    def _ask(self, job: Job) -> Ask:
        self.quota.check()
        self._number += 1
        self._asked[self._number] = job
        if job.label:
            body = wire.FetchRequest(job.want, job.have, job.cursor, self._compress, sealed=True).encode()
            return Ask(self._number, "/v0/fetch", wire.JSON_TYPE, body, job.lost)
        return Ask(self._number, "/v0/objects/fetch", wire.IDS_TYPE, b"".join(job.want), job.lost)

    def _accept(self, stream: Incoming, objects: tuple[bytes, ...]) -> None:
        """Keep a group's objects for the next batch, or the objects that were asked for by id for the next step."""
        size = sum(map(len, objects))
        self.objects += len(objects)
        self.size += size
        at, stream.got = stream.got, stream.got + len(objects)
        stream.total += size
        if stream.job.label:
            stream.waiting += objects
            stream.size += size
            return
        for data, wanted in zip_longest(objects, stream.job.want[at : stream.got]):
            oid = object_id(data)
            if oid != wanted:
                raise InvalidObject(f"{self.peer} sent {short(oid)}, which nobody asked for")
            self._looked_at[oid] = data

    def _note_cursor(self, stream: Incoming, cursor: bytes) -> None:
        """Record the cursor of a stream."""
        if stream.job.label and cursor:
            Position.decode(cursor)
        stream.cursor = cursor
