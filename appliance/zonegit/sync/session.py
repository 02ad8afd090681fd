"""One pull, as a state machine: the peer's refs and bytes of streams in; questions and batches to insert out.

The driver asks what `Ask`s say (at most `STREAMS` at once), gives each answer's bytes to `received`, lets `insert`
take each `Batch` in, in the order they came, and calls `ended` when a stream has ended and its batches are in. When
nothing is open, `done` is true and `finish` moves the refs. Whatever goes wrong before that, no ref has moved;
what arrived stays, with the cursor behind it, and the next session goes on from there.

A zone that isn't here at all and is large is fetched by subtrees, several streams at once, its top last.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Final

from zonegit.errors import InvalidFrame, InvalidObject, LimitExceeded, Unreachable
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id, short
from zonegit.model.node import Inner, decode_node
from zonegit.model.refs import DEFAULT_BRANCH, parse
from zonegit.model.zone import Zone
from zonegit.store.port import Reader, Store
from zonegit.sync import limits, wire
from zonegit.sync.ancestry import have_list
from zonegit.sync.closure import Position
from zonegit.sync.frames import Check, Checkpoint, End, FrameReader, Group
from zonegit.sync.incoming import Batch, Incoming, Job
from zonegit.sync.mirror import Moved, follow, is_followed
from zonegit.sync.peers import check_refs, cursors, highest, keep_cursors

STREAMS: Final = 4
SPLIT_RECORDS: Final = 20_000
"""A zone that isn't here is fetched by subtrees from this size on."""
MOST_LOOKED_AT: Final = 256
"""Zones that aren't here up to which each is looked at for its size; more of them fill the streams as they are."""
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
    ) -> None:
        """`Refused` when the peer's state is behind the one it showed before."""
        self._compress = compress
        self._bounds = bounds
        self._store = store
        self._peer = peer
        self._refs = refs
        self._split = split
        self._looked_at: dict[ObjectId, bytes] = {}
        self._thin = 0
        self._jobs: deque[Job] = deque()
        self._asked: dict[int, Job] = {}
        self._streams: dict[int, Incoming] = {}
        self._number = 0
        self._breaks = 0
        self.objects = 0
        self.size = 0
        """Objects and their bytes that arrived."""
        self.inserted = 0
        with store.read() as reader:
            check_refs(highest(reader, peer), refs, peer)
            self._cursors = cursors(reader, peer)
        self._landed: list[wire.Tip] = []
        """Tips that are here now and that no ref names yet."""
        self._resumed = False
        self._phases = self._plan()
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
        """What to ask now."""
        while not (self._asked or self._jobs or self._planned):
            jobs = next(self._phases, None)
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
        self._streams[number] = Incoming(job, FrameReader(check, compressed=self._compress and bool(job.label)))

    def turned_down(self, number: int, error: str) -> None:
        """The peer answered an authentic error instead. A cursor that it doesn't know is dropped once."""
        job = self._asked.pop(number)
        if error == "cursor" and job.cursor:
            self._cursors.pop(job.label, None)
            self._jobs.appendleft(replace(job, cursor=b""))
            return
        raise Unreachable(f"{self._peer} can't give what its refs name: {error or 'no reason'}; will try again")

    def received(self, number: int, data: bytes) -> list[Batch]:
        """Bytes of an answer. `InvalidFrame` or `LimitExceeded` ends the session."""
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
        """The answer stopped, or its driver did: what of it is complete and still to be inserted."""
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
            raise Unreachable(f"{self._peer} gave up: {stream.error.code} {stream.error.reason}")
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

    def insert(self, batch: Batch) -> int:
        """Take a batch in, with the cursor behind it; how many objects were new."""
        with self._store.write() as writer:
            new = writer.insert(batch.objects)
            if batch.cursor:
                self._cursors.pop(batch.label, None)
                self._cursors[batch.label] = batch.cursor
                keep_cursors(writer, self._peer, self._cursors)
        self.inserted += new
        return new

    def distrust(self) -> None:
        """Forget all cursors: an object was refused, and one of them may be why."""
        self._cursors.clear()
        with self._store.write() as writer:
            keep_cursors(writer, self._peer, {})

    def finish(self, who: Stamp) -> Moved:
        """Move the refs, in one transaction, if anything moved."""
        with self._store.read() as reader:
            known = highest(reader, self._peer)
            same = known is not None and (known.epoch, known.seq) == (self._refs.epoch, self._refs.seq)
            if same and is_followed(reader, self._peer, self._refs):
                return Moved()
        with self._store.write() as writer:
            return follow(writer, self._peer, self._refs, who)

    def _plan(self) -> Iterator[list[Job]]:
        """What to ask for, in steps; each step begins when the one before is done."""
        tips = self._missing_tips()
        large: dict[ObjectId, tuple[ObjectId, ...]] = {}
        cold = self._cold(tips)
        if 0 < len(cold) <= MOST_LOOKED_AT:
            yield self._look_at(tip.oid for tip in cold)
            yield self._look_at(self._zone_root(tip) for tip in cold)
            roots = {tip.oid: zone.tree for tip in cold if (zone := self._zone(tip)).records >= self._split}
            if roots:
                yield self._look_at(roots.values())
                large = {oid: self._children(tree) for oid, tree in roots.items()}
                yield list(self._subtree_jobs(large))
            self._looked_at.clear()
        for tip in tips:
            if tip.oid in large:
                yield [self._version_job(tip.zone, [tip], large[tip.oid])]
                self._landed.append(tip)
        yield self._other_jobs()
        if self._resumed:
            yield self._other_jobs()  # a cursor may have stood behind what a newer state has in front of it
        again = self._missing_tips()
        if again:
            raise Unreachable(f"{self._peer} left {short(again[0].oid)} of {again[0].zone} out; will try again")

    def _missing_tips(self) -> list[wire.Tip]:
        with self._store.read() as reader:
            return [tip for tip in (*self._refs.branches, *self._refs.tags) if not reader.has(tip.oid)]

    def _cold(self, tips: Iterable[wire.Tip]) -> list[wire.Tip]:
        """One branch of each zone that has none here; the default branch, if it is among them."""
        found: dict[str, wire.Tip] = {}
        branches = set(self._refs.branches)
        with self._store.read() as reader:
            for tip in tips:
                fits = tip.zone not in found or tip.name == DEFAULT_BRANCH
                if fits and tip in branches and not _zone_tips(reader, self._peer, tip.zone):
                    found[tip.zone] = tip
        return list(found.values())

    def _look_at(self, ids: Iterable[ObjectId]) -> list[Job]:
        wanted = list(dict.fromkeys(oid for oid in ids if oid not in self._looked_at))
        return [Job("", tuple(wanted[at : at + limits.MAX_LIST])) for at in range(0, len(wanted), limits.MAX_LIST)]

    def _zone_root(self, tip: wire.Tip) -> ObjectId:
        return Commit.decode(self._seen(tip.oid)).zone_root

    def _zone(self, tip: wire.Tip) -> Zone:
        return Zone.decode(self._seen(self._zone_root(tip)))

    def _children(self, tree: ObjectId) -> tuple[ObjectId, ...]:
        node = decode_node(self._seen(tree))
        return node.children if isinstance(node, Inner) else ()

    def _seen(self, oid: ObjectId) -> bytes:
        data = self._looked_at.get(oid)
        if data is None:
            raise InvalidFrame(f"the peer left {short(oid)} out of its answer")
        return data

    def _subtree_jobs(self, large: dict[ObjectId, tuple[ObjectId, ...]]) -> Iterator[Job]:
        """Missing subtrees in a few runs. A run that was interrupted before is one again, from its cursor."""
        resumed = {Position.decode(cursor).item: cursor for cursor in self._cursors.values()}
        with self._store.read() as reader:
            missing = [oid for children in large.values() for oid in children if not reader.has(oid)]
        size = max(1, -(-len(missing) // STREAMS))
        run: list[ObjectId] = []
        for oid in missing:
            if run and (len(run) >= size or oid in resumed):
                yield self._subtree_job(run, resumed)
                run = []
            run.append(oid)
        if run:
            yield self._subtree_job(run, resumed)

    def _subtree_job(self, run: list[ObjectId], resumed: dict[ObjectId, bytes]) -> Job:
        return Job(f"subtree {run[0].hex()}", tuple(run), cursor=resumed.get(run[0], b""))

    def _other_jobs(self) -> list[Job]:
        tips = self._missing_tips()
        parts = [tips[at : at + limits.MAX_WANTS] for at in range(0, len(tips), limits.MAX_WANTS)]
        return [self._version_job(f"versions {at}", part, ()) for at, part in enumerate(parts)]

    def _version_job(self, label: str, tips: list[wire.Tip], have: tuple[ObjectId, ...]) -> Job:
        zones = dict.fromkeys(tip.zone for tip in tips)
        landed = [tip.oid for tip in self._landed if tip.zone in zones]
        with self._store.read() as reader:
            known = [oid for zone in zones for oid in _zone_tips(reader, self._peer, zone)]
            commits = have_list(reader, dict.fromkeys(landed + known), limits.MAX_HAVES - len(have))
        cursor = self._cursors.pop(label, b"")
        self._resumed |= bool(cursor)
        return Job(label, tuple(dict.fromkeys(tip.oid for tip in tips)), (*have, *commits), cursor)

    def _ask(self, job: Job) -> Ask:
        self._number += 1
        self._asked[self._number] = job
        if job.label:
            body = wire.FetchRequest(job.want, job.have, job.cursor, self._compress).encode()
            return Ask(self._number, "/v0/fetch", wire.JSON_TYPE, body, job.lost)
        return Ask(self._number, "/v0/objects/fetch", wire.IDS_TYPE, b"".join(job.want), job.lost)

    def _take(self, stream: Incoming, objects: tuple[bytes, ...]) -> None:
        size = sum(map(len, objects))
        self.objects += len(objects)
        self.size += size
        if self.objects > self._bounds.objects or self.size > self._bounds.bytes:
            raise LimitExceeded(f"{self._peer} sends more than one sync takes; giving up")
        at, stream.got = stream.got, stream.got + len(objects)
        stream.total += size
        if stream.job.label:
            stream.waiting += objects
            stream.size += size
            return
        for data, wanted in zip_longest(objects, stream.job.want[at : stream.got]):
            oid = object_id(data)
            if oid != wanted:
                raise InvalidObject(f"{self._peer} sent {short(oid)}, which nobody asked for")
            self._looked_at[oid] = data

    def _stand(self, stream: Incoming, cursor: bytes) -> None:
        """Take note of where a stream stands."""
        if stream.job.label and cursor:
            Position.decode(cursor)
        stream.cursor = cursor


def _zone_tips(reader: Reader, peer: str, zone: str) -> list[ObjectId]:
    """The branches of a zone here, the peer's as it was last seen among them."""
    found = []
    for prefix in (f"refs/heads/{zone}/", f"refs/remotes/{peer}/{zone}/"):
        found += [oid for name, oid in reader.refs(prefix) if parse(name).zone == zone]
    return found
