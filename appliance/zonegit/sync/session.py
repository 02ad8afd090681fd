"""One pull, as a state machine: the peer's refs and bytes of streams in; questions and batches to insert out.

The driver asks what `Ask`s say (at most `STREAMS` at once), gives each answer's bytes to `received`, lets `insert`
take each `Batch` in, in the order they came, and calls `ended` when a stream has ended and its batches are in. When
nothing is open, `done` is true and `finish` moves the refs. Whatever goes wrong before that, no ref has moved;
what arrived and a MAC vouched for stays, with the cursor behind it, and the next session goes on from there.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from zonegit.errors import InvalidFrame, InvalidObject, SyncCut, Unreachable
from zonegit.model.commit import Stamp
from zonegit.model.ids import object_id, short
from zonegit.store.port import Store
from zonegit.sync import limits, wire
from zonegit.sync.closure import Position
from zonegit.sync.entering import nameable, unfit_zones
from zonegit.sync.frames import Check, Checkpoint, End, FrameReader, Group
from zonegit.sync.incoming import Batch, Incoming, Job
from zonegit.sync.mirror import Moved, follow, is_followed
from zonegit.sync.peers import check_refs, cursors, highest, keep_cursors
from zonegit.sync.quota import REF_BYTES, VIEW_BYTES, Quota
from zonegit.sync.steps import SPLIT_RECORDS, STREAMS, Steps

MOST_LOST: Final = 5
MOST_BREAKS: Final = 100
"""A question whose answer breaks off is asked again: so often in a row while no object came, so often in all."""

THIN: Final = 16 << 10
MOST_THIN: Final = 256
"""Answers of one session that may say that there is more although they held fewer bytes than these."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A POST to make; its answer is a stream of frames."""

    number: int
    path: str
    content_type: str
    body: bytes
    lost: int = 0
    """How many answers to it in a row broke off while nobody's brought an object."""


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
        """`day` is today, if what is stored counts for the peer's quota (`sync.quota`).

        `Refused` when the peer's state is behind the one it showed before.
        """
        self._compress = compress
        self._bounds = bounds
        self._store = store
        self.peer = peer
        self._refs, self._unnamed = nameable(peer, refs)
        self.left_out: Mapping[str, str] = self._unnamed
        """Zones that stand still here, and why; all of them once the refs have moved."""
        self.quota = Quota(peer, bounds, day)
        self._thin = 0
        self._jobs: deque[Job] = deque()
        self._asked: dict[int, Job] = {}
        self._streams: dict[int, Incoming] = {}
        self._number = 0
        self._breaks = 0
        self.objects = 0
        self.size = 0
        """Objects and their bytes that arrived."""
        with store.read() as reader:
            check_refs(highest(reader, peer), refs, peer)
            self._cursors = cursors(reader, peer)
            self.quota.look(reader)
        steps = Steps(store, peer, self._refs, self._cursors, split)
        self._looked_at = steps.looked_at
        self._steps = iter(steps)
        self._planned = False

    @property
    def connections(self) -> int:
        """How many connections are worth their while: the peer's processes, one stream for each at least."""
        return min(self._refs.workers, STREAMS)

    @property
    def done(self) -> bool:
        """Whether all that the refs need is here."""
        return self._planned and not self._asked and not self._jobs

    def next(self) -> list[Ask]:
        """What to ask now. `QuotaUsedUp` when nothing that comes could be stored."""
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
        """The peer began to answer; `check` knows the MAC of this very request."""
        job = self._asked[number]
        versions = bool(job.label)  # else objects that are believed by their hashes
        compressed = self._compress and versions
        reader = FrameReader(check, compressed=compressed, sealed=versions, at_once=not versions)
        self._streams[number] = Incoming(job, reader)

    def turned_down(self, number: int, error: str) -> None:
        """The peer answered an authentic error instead. A cursor that it doesn't know is dropped once."""
        job = self._asked.pop(number)
        if error == "cursor" and job.cursor:
            self._cursors.pop(job.label, None)
            self._jobs.appendleft(replace(job, cursor=b""))
            return
        raise Unreachable(f"{self.peer} can't give what its refs name: {error or 'no reason'}; will try again")

    def received(self, number: int, data: bytes) -> list[Batch]:
        """What a MAC vouches for with these bytes of an answer. `InvalidFrame` or `SyncCut` ends it all.

        A sync that is cut has all that came before in it, the cursors too: `broken` gives the rest.
        """
        if self.objects > self._bounds.objects or self.size > self._bounds.bytes:
            raise SyncCut(f"{self.peer} sends more than one sync takes: the next goes on from there")
        stream = self._streams[number]
        batches = []
        for frame in stream.reader.feed(data):
            if isinstance(frame, Group):
                self._take(stream, frame.objects)
                if stream.holds(4):
                    batches.append(stream.batch())
            elif isinstance(frame, Checkpoint):
                self._stand(stream, frame.cursor)
                if stream.holds(1):
                    batches.append(stream.batch())
            elif isinstance(frame, End):
                stream.end = frame
                self._stand(stream, frame.cursor)
            else:
                stream.error = frame
        if stream.end and stream.waiting:
            batches.append(stream.batch())
        return batches

    def broken(self, number: int) -> list[Batch]:
        """The answer stopped, or its driver did: what of it is vouched for and still to be inserted."""
        stream = self._streams.get(number)
        return [stream.batch()] if stream and stream.waiting else []

    def lost(self, number: int) -> bool:
        """The answer broke off, and what `broken` gave is in. Whether `next` asks for the rest; not without end."""
        job, stream = self._asked.pop(number), self._streams.pop(number, None)
        if stream and stream.got:
            want = job.want if job.label else job.want[stream.got :]
            job = replace(job, want=want, cursor=stream.cursor or job.cursor)
        lost = job.lost if job.had == self.objects else 0  # the connection may have broken in another answer's turn
        job = replace(job, lost=lost + 1, had=self.objects)
        self._breaks += 1
        if job.lost > MOST_LOST or self._breaks > MOST_BREAKS:
            return False
        if job.want:
            self._jobs.appendleft(job)
        return True

    def ended(self, number: int) -> None:
        """The answer is over and its batches are in. `InvalidFrame` when it wasn't whole."""
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
            raise InvalidFrame("the peer says that there is more and sends nothing")
        elif stream.total < THIN and self._thin >= MOST_THIN:
            raise InvalidFrame("the peer says again and again that there is more and sends next to nothing")
        elif job.label:
            self._jobs.appendleft(replace(job, cursor=cursor, lost=0))
        else:
            self._jobs.appendleft(replace(job, want=job.want[stream.got :], lost=0))

    def insert(self, batch: Batch) -> None:
        """Take a batch in, with the cursor behind it. `QuotaUsedUp`, `StoreFull`."""
        self.quota.check_room(self._store)
        with self._store.write() as writer:
            self.quota.spend(writer, sum(map(len, batch.objects)))
            writer.insert(batch.objects)
            if batch.cursor:
                self._cursors.pop(batch.label, None)
                self._cursors[batch.label] = batch.cursor
                keep_cursors(writer, self.peer, self._cursors)

    def distrust(self, number: int) -> None:
        """Forget all cursors: an object of this answer was refused, and one of them may be why.

        None leads to objects that were asked for by their ids; whoever answers for the peer could send wrong ones.
        """
        if not self._asked[number].label:
            return
        self._cursors.clear()
        with self._store.write() as writer:
            keep_cursors(writer, self.peer, {})

    def finish(self, who: Stamp) -> Moved:
        """Move the refs, in one transaction, if anything moved. `QuotaUsedUp`, `StoreFull`."""
        with self._store.read() as reader:
            known = highest(reader, self.peer)
            same = known is not None and (known.epoch, known.seq) == (self._refs.epoch, self._refs.seq)
            if same and is_followed(reader, self.peer, self._refs):
                return Moved()
            self.left_out = {**self._unnamed, **unfit_zones(reader, self.peer, self._refs)}
        self.quota.check_room(self._store)
        with self._store.write() as writer:
            moved = follow(writer, self.peer, self._refs, who, self.left_out)
            self.quota.spend(writer, REF_BYTES * moved.refs + VIEW_BYTES * writer.appeared)
            return moved

    def _ask(self, job: Job) -> Ask:
        self.quota.check()
        self._number += 1
        self._asked[self._number] = job
        if job.label:
            body = wire.FetchRequest(job.want, job.have, job.cursor, self._compress, sealed=True).encode()
            return Ask(self._number, "/v0/fetch", wire.JSON_TYPE, body, job.lost)
        return Ask(self._number, "/v0/objects/fetch", wire.IDS_TYPE, b"".join(job.want), job.lost)

    def _take(self, stream: Incoming, objects: tuple[bytes, ...]) -> None:
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

    def _stand(self, stream: Incoming, cursor: bytes) -> None:
        """Take note of where a stream stands."""
        if stream.job.label and cursor:
            Position.decode(cursor)
        stream.cursor = cursor
