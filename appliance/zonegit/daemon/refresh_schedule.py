"""Which transferred zone is brought up to date when (RFC 1034 §4.3.5, RFC 1996).

Each zone with `primaries` is due when its timers say so, at once after a NOTIFY, and when an operator asks for it.
The primaries of some zones are asked at a time; the others wait for their turns (`refresh_turns`).
After a start, zones that are here already are spread over time.

A NOTIFY is only a hint: the primary is asked, once for any number of them, and no more often than once a second as
long as there is nothing new. What is known of each zone is in the repository (`repo.incoming.state`), so a restart
continues there. A zone whose primaries were removed from the configuration belongs to this repository from then on.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from zonegit.daemon.arrivals import Arrivals
from zonegit.daemon.due_times import DueTimes
from zonegit.daemon.pauses import Sleep
from zonegit.daemon.refresh_report import RefreshReport
from zonegit.daemon.refresh_round import Exchange, Refreshed, RoundFailed, Zone, refresh
from zonegit.daemon.refresh_times import Times, first_pause, refresh_pause, retry_pause
from zonegit.daemon.refresh_turns import Turn, Turns
from zonegit.daemon.storing import StoringProcess
from zonegit.dns.notice import Notice
from zonegit.errors import NotFound, StorePanicked, ZonegitError
from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import DEFAULT_BRANCH
from zonegit.model.rrset import SOA_KEY, rdatas
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.primaries import Primary
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival
from zonegit.repo.incoming.state import Asked, TransferState, take_requests, transfer_states
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.repo.serials import is_ahead
from zonegit.repo.snapshot import one_version
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import VIEW_AT_ONCE

_HELD: Final = 200_000
"""Records that wait to be stored above which no other zone is begun."""
_START_RATE: Final = 100.0
"""Zones a second whose primaries are asked after a start, of those that were due before it."""
_QUIET: Final = 1.0
"""Seconds between two rounds because of NOTIFY, while there is nothing new."""
_LOOK: Final = 1.0
"""Seconds between two checks for expired zones."""
_OFTEN: Final = 0.1
"""Seconds between two checks for what operators ask for."""

_logger: Final = logging.getLogger(__name__)


class _Zone:
    """A zone that is transferred, and what is to be done about it next."""

    def __init__(self, place: Position, primaries: tuple[Primary, ...], state: TransferState) -> None:
        self.place = place
        self.apex = parse_apex(place.zone)
        self.primaries = primaries
        self.state = state
        self.times: Times | None = None
        self.serial: int | None = None
        """Of the branch's tip."""
        self.waits = False
        """Whether it is due, and waits for its round to begin."""
        self.failures = 0
        self.notified = False
        self.heard: int | None = None
        """The serial in the last NOTIFY, if it had one."""
        self.notifier: Primary | None = None
        self.asked: Asked | None = None
        self.quiet_until = 0.0
        self.round: asyncio.Task[None] | None = None


class RefreshSchedule:
    """The rounds of all zones. For one event loop."""

    def __init__(
        self,
        store: LmdbStore,
        exchange: Exchange,
        samples: MetricsSink,
        looked: Callable[[], None] = lambda: None,
        views_lack: Callable[[], None] = lambda: None,
        process: StoringProcess | None = None,
        clock: Callable[[], float] = time.time,
        uniform: Callable[[], float] = random.random,
    ) -> None:
        """`looked` is called after each check for expired zones, `views_lack` when a large zone came.

        `process`: as for `Arrivals`. `clock` is Unix seconds; `uniform` gives numbers from 0 to 1.
        """
        self._store = store
        self._exchange = exchange
        self._report = RefreshReport(samples)
        self._looked = looked
        self._views_lack = views_lack
        self._clock = clock
        self._uniform = uniform
        self._context = Context.over(store, clock)
        self._arrivals = Arrivals(self._context, process)
        self._zones: dict[str, _Zone] = {}
        self._times = DueTimes()
        """When the next round of each zone begins, by the event loop's clock."""
        self._turns: Turns[_Zone] = Turns(self._now)
        self._wake = Sleep()
        self._txn = -1
        self._seldom = log.Seldom(_logger)

    async def run(self) -> None:
        """Bring zones up to date until cancelled. Ends with `StorePanicked`: another process has to continue."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._arrivals.run())
            group.create_task(self._watch())
            while True:
                self._begin_due(group)
                await self._wake(self._until_next())

    async def close(self) -> None:
        """Write what is known, so that the next process continues with it."""
        try:
            await self._arrivals.flush()
        except ZonegitError as error:
            self._seldom("cannot record the state of transfers", error)

    def report(self) -> None:
        """Log the state."""
        failing = sum(zone.state.failing_since is not None for zone in self._zones.values())
        log.event(
            _logger,
            "state",
            zones=len(self._zones),
            failing=failing,
            rounds=self._turns.running,
            due=self._turns.waiting,
        )

    def configure(self, config: Config) -> None:
        """Use a configuration: zones come, go, and get other primaries."""
        wanted = {
            Position(name, settings.branch): settings.primaries
            for name, settings in config.zones.items()
            if settings.primaries and config.serves(name)
        }
        for gone in [zone for zone in self._zones.values() if zone.place not in wanted]:
            self._forget(gone)
        self._arrivals.members = config.members
        with self._store.read() as reader:
            known = dict(transfer_states(reader))
        states: dict[str, TransferState | None] = dict.fromkeys(known.keys() - {place.zone for place in wanted})
        late = 0
        with one_version(self._context) as now:
            for place, primaries in wanted.items():
                found = self._zones.get(place.zone)
                state = _state_for(place, primaries, known.get(place.zone) if found is None else found.state)
                if state != known.get(place.zone):
                    states[place.zone] = state
                if found is None:
                    zone = self._zones[place.zone] = _Zone(place, primaries, state)
                    self._read(zone, now)
                    late += self._begin(zone, late)
                elif found.primaries != primaries or found.failures:  # the keys may be others, too
                    found.primaries, found.state, found.failures = primaries, state, 0
                    self._due(found, 0.0)
        if states:
            self._arrivals.note(states, at_once=True)

    def notified(self, notice: Notice, client: bytes) -> None:
        """A NOTIFY came, and its sender may send it. `client`: 4 or 16 bytes."""
        zone = self._zones.get(to_text(notice.apex))
        if zone is None:
            return
        known = zone.serial
        is_old = notice.serial is not None and known is not None and not is_ahead(notice.serial, known)
        if is_old and zone.state.failing_since is None:
            return
        notifier = next((each for each in zone.primaries if each.address.is_at(client)), None)
        zone.notified, zone.heard = True, notice.serial
        zone.notifier = notifier or zone.notifier
        self._due(zone, max(0.0, zone.quiet_until - self._now()))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _begin(self, zone: _Zone, late: int) -> int:
        """Schedule a zone that is new to this process; returns whether it was due before."""
        if zone.times is None or zone.state.checked is None:
            self._due(zone, 0.0)
            return 0
        pause = first_pause(zone.times, max(0.0, self._clock() - zone.state.checked), self._uniform)
        self._due(zone, pause or late / _START_RATE)
        return not pause

    def _read(self, zone: _Zone, context: Context | None = None) -> None:
        """Read the version that is here."""
        try:
            tip = (context or self._context).tip(zone.place)
            soa = tip.tree.payload(SOA_KEY)
        except NotFound:
            zone.serial, zone.times = None, None
            return
        except ZonegitError as error:
            self._seldom("cannot read a zone that is transferred", error, zone=zone.place.zone)
            return
        zone.serial = tip.revision.commit.serial
        zone.times = Times.of(rdatas(soa)[0]) if soa is not None else None

    def _forget(self, zone: _Zone) -> None:
        if zone.round is not None:
            zone.round.cancel()
        del self._zones[zone.place.zone]
        self._times.discard(zone.place.zone)

    def _due(self, zone: _Zone, seconds: float) -> None:
        """Have a zone's next round begin in so many seconds, or earlier if that was settled before."""
        due, known = self._now() + seconds, self._times.get(zone.place.zone)
        if zone.round is None and not zone.waits and (known is None or due < known):
            self._times.set(zone.place.zone, due)
            self._wake.wake()

    def _until_next(self) -> float:
        due = self._times.next()
        until_due = max(0.0, due - self._now()) if due is not None else 3600.0
        return min(until_due, self._turns.until_next())

    def _begin_due(self, group: asyncio.TaskGroup) -> None:
        for name in self._times.take(self._now()):
            zone = self._zones[name]
            zone.waits = True
            self._turns.wait(zone, zone.primaries)
        while self._arrivals.held < _HELD and (found := self._turns.next()) is not None:
            zone, turn = found
            zone.waits = False
            if self._zones.get(zone.place.zone) is zone:
                zone.round = group.create_task(self._round(zone, turn))
            else:
                self._turns.pause(turn)

    async def _round(self, zone: _Zone, turn: Turn) -> None:
        """Bring one zone up to date, and schedule its next round."""
        began = self._now()
        asked, zone.asked = zone.asked, None
        notifier, zone.notifier, zone.notified = zone.notifier, None, False
        question = Zone(zone.apex, zone.primaries, zone.serial, notifier, asked is Asked.WHOLE)
        try:
            done = await refresh(question, self._exchange, partial(self._stored, zone, turn))
        except StorePanicked:
            raise
        except ZonegitError as error:
            again = self._failed(zone, error)
        else:
            again = self._succeeded(zone, done, self._now() - began)
        finally:
            self._turns.pause(turn)
            zone.round = None
            self._wake.wake()
        if self._zones.get(zone.place.zone) is zone:
            self._due(zone, self._next(zone, again))

    def _next(self, zone: _Zone, again: float) -> float:
        """Seconds until a zone's next round, `again` if nothing happened meanwhile."""
        if zone.asked is not None:
            return 0.0
        if zone.heard is not None and zone.serial is not None and not is_ahead(zone.heard, zone.serial):
            zone.notified = False  # of the version that is here now
        return max(0.0, zone.quiet_until - self._now()) if zone.notified else again

    async def _stored(
        self, zone: _Zone, turn: Turn, brought: WholeZone | Differences, primary: Primary, any_serial: bool
    ) -> Arrival:
        state_of = partial(_state_after, zone.state, str(primary.address), brought.serial, self._clock())
        host = primary.address.host
        self._turns.pause(turn)
        self._wake.wake()
        try:
            return await self._arrivals.store(zone.place, brought, host, state_of, any_serial=any_serial)
        finally:
            self._turns.resume(turn)

    def _succeeded(self, zone: _Zone, done: Refreshed, seconds: float) -> float:
        """Note a success; seconds until the next round."""
        before, arrival = zone.state, done.arrival
        if arrival is not None:
            zone.times = Times.of(arrival.soa)
        times = zone.times
        if times is None:
            return self._failed(zone, NotFound(f"{zone.place.zone} {zone.place.branch} was removed meanwhile"))
        for failure in done.failures:
            self._report.attempt_failed(failure)
        zone.failures = 0
        zone.serial = done.serial
        if arrival is not None and (zone.place.branch != DEFAULT_BRANCH or arrival.records > VIEW_AT_ONCE):
            self._views_lack()
        news = arrival is not None and arrival.versions > 0
        zone.quiet_until = 0.0 if news else self._now() + _QUIET
        zone.state = before.succeeded(str(done.primary.address), done.serial, times.expire, self._clock())
        if arrival is None:
            self._arrivals.note({zone.place.zone: zone.state}, at_once=before.failing_since is not None)
        self._report.refreshed(zone.apex, done, seconds, before)
        return refresh_pause(times, self._uniform)

    def _failed(self, zone: _Zone, error: ZonegitError) -> float:
        """Note a failure; seconds until the next round."""
        zone.failures += 1
        zone.quiet_until = self._now() + _QUIET
        for failure in error.failures if isinstance(error, RoundFailed) else ():
            self._report.attempt_failed(failure)
        before, zone.state = zone.state, zone.state.failed(str(error), self._clock())
        self._read(zone)  # it may have moved, or be gone
        self._arrivals.note({zone.place.zone: zone.state}, at_once=before.failing_since is None)
        again = retry_pause(zone.times, zone.failures, self._uniform)
        self._report.failed(zone.apex, error, zone.state, again, self._clock())
        return again

    async def _watch(self) -> None:
        """Find zones that have expired, and take up what operators ask for."""
        looked = -_LOOK
        while True:
            try:
                self._take_requests()
            except StorePanicked:
                raise
            except ZonegitError as error:
                self._seldom("cannot check for requests of operators", error)
            if self._now() >= looked + _LOOK:
                looked = self._now()
                self._expire()
                self._looked()
            await asyncio.sleep(_OFTEN)

    def _expire(self) -> None:
        now = self._clock()
        failing = expired = 0
        for zone in self._zones.values():
            state = zone.state
            if not state.expired and state.is_too_old(now):
                zone.state = state = state._replace(expired=True)
                self._arrivals.note({zone.place.zone: state}, at_once=True)
                self._report.expired(zone.apex, state)
            failing += state.failing_since is not None
            expired += state.expired
        self._report.totals(len(self._zones), failing, expired)

    def _take_requests(self) -> None:
        txn = self._store.txn_id()
        if txn == self._txn:
            return
        self._txn = txn
        for name, asked in take_requests(self._store).items():
            zone = self._zones.get(name)
            if zone is not None:
                zone.asked = asked
                self._read(zone)
                self._due(zone, 0.0)


def _state_after(before: TransferState, primary: str, serial: int, now: float, arrival: Arrival) -> TransferState:
    """What is known of a zone once what a primary sent is stored."""
    return before.succeeded(primary, serial, Times.of(arrival.soa).expire, now)


def _state_for(place: Position, primaries: tuple[Primary, ...], known: TransferState | None) -> TransferState:
    """What is known of a zone that has these primaries from now on."""
    names = tuple(str(primary._replace(key=None)) for primary in primaries)
    if known is None or known.branch != place.branch:
        return TransferState(place.branch, names)
    return known._replace(primaries=names)
