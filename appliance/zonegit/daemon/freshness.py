"""How long ago the primary was reached, and which zones are therefore past their SOA expire (RFC 1035 §3.3.13).

The time of the last success is stored in the repository, so that it survives a restart: with each move of refs, and
once a minute while nothing moves. The expired zones are stored there too, in one setting that DNS workers read; one
successful exchange of any kind revives all of them. `clock` is an argument.
"""

from collections.abc import Callable, Iterator
from itertools import takewhile
from typing import Final

from zonegit.daemon.heads import heads
from zonegit.errors import ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.port import Reader, Store
from zonegit.store.served import served_ref
from zonegit.sync.expire import expire_of
from zonegit.sync.peers import (
    expired_zones,
    last_success,
    least_expire,
    set_expired,
    set_least_expire,
    succeeded,
)

SAVE_EVERY: Final = 60.0
"""Seconds between two writes of the time of the last success while nothing moves."""
SETTLED: Final = 3600.0
"""Seconds that a clock showing a time before the last success has to be corrected: after a boot without a battery
it may show any time until it has been set from the network."""


class Freshness:
    """The zones that are mirrored from one peer. Its methods may run in any thread, one at a time."""

    def __init__(
        self, store: Store, peer: str, branch: Callable[[str], str], interval: float, clock: Callable[[], float]
    ) -> None:
        """`branch(zone)` is the branch that a zone is served from; a success is due every `interval` seconds."""
        self._store = store
        self._peer = peer
        self._branch = branch
        self._least = 2 * interval
        """Seconds without a success that expire no zone, however short its expire is."""
        self._clock = clock
        self._behind: float | None = None
        """The clock's time when it was first found to be before the last success."""
        self._seq = -1
        self._expires: list[tuple[int, str]] = []
        self._known: dict[ObjectId, int] = {}
        with store.read() as reader:
            self.expired = expired_zones(reader, peer)
            self.last = last_success(reader, peer)
            """When the peer was last reached, in Unix seconds; None if never."""

    @property
    def age(self) -> float:
        """Seconds since the last success; 0 before the first one, and where the clock was set back to before it."""
        return max(0.0, self._clock() - self.last) if self.last is not None else 0.0

    def succeeded(self) -> frozenset[str]:
        """The peer was reached, and everything it has is here. Returns the zones that are no longer expired."""
        now = self._clock()
        self.last = now
        with self._store.read() as reader:
            saved = last_success(reader, self._peer)
            back = self.expired | expired_zones(reader, self._peer)
        if saved is None or not 0 <= now - saved < SAVE_EVERY or back:
            with self._store.write() as writer:
                succeeded(writer, self._peer, now)
        self.expired = frozenset()
        return back

    def overdue(self) -> frozenset[str]:
        """Find and record zones that have expired since the last check; returns these."""
        if self.last is None:
            return self._begin(self._clock())
        if self.last > self._clock():
            return self._set_back()
        self._behind = None
        new = self.too_old() - self.expired
        if new:
            with self._store.write() as writer:
                set_expired(writer, self._peer, self.expired | new)
            self.expired |= new
        self._note_least()
        return new

    def _note_least(self) -> None:
        """Record the bound that is missing in a repository mirrored by an older zonegit."""
        with self._store.read() as reader:
            missing = least_expire(reader, self._peer) is None and reader.seq == self._seq and bool(self._expires)
        if missing:
            with self._store.write() as writer:
                if writer.seq == self._seq:
                    set_least_expire(writer, self._peer, self._expires[0][0])

    def too_old(self) -> frozenset[str]:
        """The zones that are expired now, recorded or not."""
        age = self.age
        if age <= self._least:
            return frozenset()
        with self._store.read() as reader:
            least = least_expire(reader, self._peer)
            if least is not None and age <= least:
                return frozenset()
            if reader.seq != self._seq:
                self._expires = sorted(self._read_expires(reader))
                self._seq = reader.seq
        return frozenset(zone for expire, zone in takewhile(lambda each: each[0] < age, self._expires))

    def _set_back(self) -> frozenset[str]:
        """The last success is in the future. A clock that stays behind is right now, and was wrong then."""
        now = self._clock()
        if self._behind is None or self._behind > now:
            self._behind = now
        if now - self._behind < SETTLED:
            return frozenset()
        return self._begin(self._behind)

    def _begin(self, when: float) -> frozenset[str]:
        """Zones mirrored at an unknown time count from now; expired ones stay expired."""
        with self._store.read() as reader:
            mirrored = next(self._mirrored(reader), None)
        if mirrored is not None:
            self.last = when
            with self._store.write() as writer:
                succeeded(writer, self._peer, self.last)
                set_expired(writer, self._peer, self.expired)
        return frozenset()

    def _mirrored(self, reader: Reader) -> Iterator[tuple[str, str, ObjectId]]:
        """Zone, served branch and its tip."""
        peer = self._peer.encode()
        for zone, branch in heads(reader):
            if branch == self._branch(zone) and reader.setting(mirror_setting(zone)) == peer:
                oid = reader.live(served_ref(reader, zone, branch))
                if oid is not None:
                    yield zone, branch, oid

    def _read_expires(self, reader: Reader) -> Iterator[tuple[int, str]]:
        known: dict[ObjectId, int] = {}
        for zone, branch, oid in self._mirrored(reader):
            try:
                expire = self._known.get(oid)
                known[oid] = (
                    expire
                    if expire is not None
                    else expire_of(reader, served_ref(reader, zone, branch), oid, self._store.nodes)
                )
            except ZonegitError:
                continue  # an unreadable zone isn't answered from
            yield known[oid], zone
        self._known = known
