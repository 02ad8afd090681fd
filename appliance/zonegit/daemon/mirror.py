"""Follows a peer: keeps a repository a mirror of its primary, or takes in the changes of another writing node.

A long-poll is always open, so a change arrives within milliseconds; when it times out, the next one is the
heartbeat. Every failure leaves the refs where they are, is reported in the log and the metrics, and is retried
after a pause with full jitter (`daemon.pauses`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from zonegit.auth.gate import Signer
from zonegit.daemon import views
from zonegit.daemon.freshness import Freshness
from zonegit.daemon.pauses import Backoff, NewsRate, Pauses, Sleep
from zonegit.daemon.peer_client import peer_client
from zonegit.daemon.signing import primary_keys
from zonegit.daemon.sync_report import SyncReport
from zonegit.daemon.tls import primary_tls
from zonegit.errors import StorePanicked, ZonegitError
from zonegit.model.commit import Stamp
from zonegit.model.refs import head, parse
from zonegit.net.client.pull import latest_refs, pull
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops import log
from zonegit.ops.config import Config, PrimaryConfig, ZoneConfig
from zonegit.repo.diverged import diverged
from zonegit.repo.new_zones import is_taking_over
from zonegit.repo.peer_status import DAY, FAILING, LEFT_OUT, REFUSED, Failing
from zonegit.store.port import Store
from zonegit.sync import limits
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.mirror import Moved
from zonegit.sync.peers import check_peer
from zonegit.sync.policy_pull import MIRROR, PolicySession, Rules
from zonegit.sync.wire import PeerRefs

_LOOK_EVERY: Final = 1.0
"""Seconds between two checks for expired zones."""
_HINTS_EVERY: Final = 0.05
"""Seconds between two checks for a hint."""
_HURRIED: Final = 0.2
"""Seconds. A long-poll that ends sooner without news is followed by a pause that doubles up to the interval: the
primary may be stopping, or may not support waiting."""

_logger: Final = logging.getLogger(__name__)


class Mirror:
    """Follows one primary into one store."""

    def __init__(
        self,
        store: Store,
        primary: PrimaryConfig,
        signer: Signer,
        samples: MetricsSink,
        synced: Callable[[], None] = lambda: None,
        pauses: Pauses = Pauses(),  # noqa: B008  frozen
        zone: Callable[[str], ZoneConfig] = lambda _: ZoneConfig(),
        hints: Callable[[], int] = lambda: 0,
        looked: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        views_lack: Callable[[], None] | None = None,
        rules: Callable[[], Rules] = lambda: MIRROR,
    ) -> None:
        """`rules` decides what becomes of the peer's refs; it is called at the start and at each reload.

        `views_lack` is called when branches without a view arrived; without it the mirror makes the views.

        `synced` is called after each successful exchange; `zone` returns a zone's settings.

        `hints` counts how often the primary announced news. `looked` is called after each check for expired zones,
        once these are recorded.

        `ConfigError` or `InvalidData`: bad primary.
        """
        self._store = store
        self._views_lack = views_lack
        self._name = check_peer(primary.name)
        self._interval = primary.pull_interval
        self._compress = primary.compress
        self._samples = samples
        self._report = SyncReport(samples, self._name)
        self._synced = synced
        self._backoff = Backoff(pauses)
        self._peer = peer_client(primary, signer)
        self._reconnect = False
        self._root = ""
        self._refused: frozenset[str] = frozenset()
        self._compared = -1
        """The number of ref moves here when our refs were last compared with the primary's."""
        self._rules_now = rules
        self._adopt_rules()
        self._clock = clock
        self._zone = zone
        self._fresh = Freshness(store, self._name, lambda name: zone(name).branch, primary.pull_interval, clock)
        self._looking = asyncio.Lock()
        self._sleep = Sleep()
        self._hints = hints
        self._looked = looked

    def _adopt_rules(self) -> None:
        """Adopt the current rules, and apply them to everything that is known of the peer, too."""
        self._rules = self._rules_now()
        rules = self._rules
        self._tracked = KnownRefs(self._name, mirrored=rules.mirrors, publishes=rules.publishes)
        self._again = True

    async def run(self) -> None:
        """Ends with `StorePanicked` only: then another process has to continue."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._watch_hints())
            await self._follow()

    async def _follow(self) -> None:
        timer = asyncio.get_running_loop().time
        looks = NewsRate(timer)
        hurried = 0
        while True:
            started = timer()
            try:
                news = await self.once()
            except StorePanicked:
                raise
            except ZonegitError as error:
                await self._pause(error, timer() - started)
                continue
            self._backoff.reset()
            if news:
                await asyncio.sleep(looks.had_news())
            if news or timer() - started >= _HURRIED:
                hurried = 0
            else:
                await self._sleep(min(self._interval, self._backoff.pauses.first * 2.0 ** min(hurried, 30)))
                hurried += 1

    async def once(self) -> bool:
        """One exchange: wait for news and take it in; whether there was any."""
        if self._reconnect:
            self._reconnect = False
            await self._peer.close()  # the next connection uses the new certificates
        wait = min(max(1, round(self._interval)), limits.MAX_WAIT)
        refs = await latest_refs(self._peer, self._store, self._name, self._root, wait, self._tracked)
        if refs is not None:
            with self._store.keeping():
                moved = await self._pull(refs)
            await asyncio.to_thread(self._show, moved)
            self._tracked.settle(refs)
            self._root = refs.root
            self._report.synced()
        await asyncio.to_thread(self._note_refused, asked=refs is not None)
        await self._reached()
        self._report.clock(self._peer.signer.offset)
        self._synced()
        return refs is not None

    async def _pull(self, refs: PeerRefs) -> Moved:
        started = time.monotonic()
        session = await asyncio.to_thread(
            PolicySession,
            self._store,
            self._name,
            refs,
            self._rules,
            again=self._again,
            compress=self._compress,
            bounds=self._peer.bounds,
            day=int(self._clock()) // DAY,
        )
        progress = asyncio.create_task(self._report.going_on(session))
        try:
            moved = await pull(self._peer, session, Stamp("zonegitd", int(self._clock())))
        finally:
            progress.cancel()
            self._report.received(session)
        self._report.moved(moved, session, time.monotonic() - started)
        self._report.decided(moved.results)
        self._again = False
        return moved

    def _show(self, moved: Moved) -> None:
        """Have the zones that just arrived served from views; until then they are answered from their trees.

        That takes long for large zones, so another process does it if there is one.
        """
        refs = [parse(name) for name in moved.branches]
        served = [head(ref.zone, ref.name) for ref in refs if ref.name in self._zone(ref.zone).branches]
        lacking = views.lacking(self._store, served)
        if lacking and self._views_lack is not None:
            self._views_lack()
        else:
            list(views.make(self._store, lacking))

    def _note_refused(self, *, asked: bool) -> None:
        """Report which zones are refused or left out, and clear a recorded failure.

        Once refs have moved here, ask for all refs again: a zone may have been adopted or got a policy, or a branch
        was merged or reset. `asked`: whether the refs were just compared.
        """
        with self._store.read() as reader:
            refused, seq = REFUSED.read(reader).get(self._name, frozenset()), reader.seq
            waits = bool(refused) or any(each.peer == self._name for each in diverged(reader))
            left_out = LEFT_OUT.read(reader).get(self._name, {})
            waits |= any(map(is_taking_over, left_out.values()))
            failed = self._name in FAILING.read(reader)
        if failed:
            with self._store.write() as writer:
                FAILING.set(writer, self._name, None)
        self._report.refused(refused)
        self._report.left_out(left_out)
        if asked:
            self._compared = seq
        elif seq != self._compared and (waits or self._refused or not self._rules.pulls):
            self._root = ""
            self._again |= not self._rules.pulls  # a commit here may have made any branch diverge
        self._refused = refused

    def _note_failure(self, reason: str) -> None:
        """Record a new failure for `zonegit status` and `/readyz`, if the disk has room."""
        try:
            with self._store.read() as reader:
                known = FAILING.read(reader).get(self._name)
            found = Failing.again(known, reason, self._clock())
            if found != known:
                with self._store.write() as writer:
                    FAILING.set(writer, self._name, found)
        except StorePanicked:
            raise
        except ZonegitError as error:
            log.event(_logger, "cannot record the sync failure", logging.ERROR, error=error)

    def reload(self, config: Config) -> None:
        """Load a new set of keys, or keep the old one; then ask for all refs at once."""
        primary = next((peer.link for peer in config.called if peer.name == self._name), None)
        if primary is None:
            return
        try:
            keys, tls = primary_keys(config, primary), primary_tls(primary)
        except ZonegitError as error:
            log.event(_logger, "reload refused; keeping the previous keys", logging.ERROR, error=error)
            self._samples.set("keys_reload_failed", 1)
        else:
            self._peer.signer.use_keys(keys)
            self._reconnect = self._reconnect or tls is not None
            self._peer.tls = tls
            self._peer.bounds = primary.limits
            self._interval = primary.pull_interval
            self._compress = primary.compress
            self._samples.set("keys_reload_failed", 0)
        self._adopt_rules()
        self._root = ""  # another key may see other zones
        self._backoff.reset()
        self._sleep.wake()

    def report(self) -> None:
        """Log the state."""
        age = f"{self._fresh.age:.0f}s" if self._fresh.last is not None else "never"
        log.event(
            _logger,
            "state",
            primary=self._name,
            synced=age,
            expired=len(self._fresh.expired),
            refused=len(self._refused),
            failures=self._backoff.failures,
            root=self._root[:12],
        )

    async def close(self) -> None:
        await self._peer.close()

    async def _watch_hints(self) -> None:
        """Start an exchange at once when the primary announces news, at most once a second."""
        heard = self._hints()
        while True:
            await asyncio.sleep(_HINTS_EVERY)
            if (hints := self._hints()) != heard:
                heard = hints
                self._sleep.wake()
                await asyncio.sleep(_LOOK_EVERY)

    async def _watch(self) -> None:
        """Publish the age of the data, and watch for expired zones, whatever the exchange is doing."""
        while True:
            try:
                await self.look()
                self._looked()
            except StorePanicked:
                raise
            except ZonegitError as error:
                log.event(_logger, "cannot record the zones past their SOA expire", logging.ERROR, error=error)
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """Record the zones that expired since the last check, and publish the age."""
        async with self._looking:
            zones = await asyncio.to_thread(self._fresh.overdue)
            self._tell_age()
        if zones:
            self._report.expired(zones, self._fresh.age)

    async def _reached(self) -> None:
        """The primary was reached, and everything it has is here."""
        async with self._looking:
            zones = await asyncio.to_thread(self._fresh.succeeded)
            self._tell_age()
        if zones:
            self._report.back(zones)

    def _tell_age(self) -> None:
        if self._fresh.last is not None:
            self._report.age(self._fresh.last, self._fresh.age)

    async def _pause(self, error: ZonegitError, took: float) -> None:
        """Wait before the next attempt; the failed one took `took` seconds."""
        pause = self._backoff.failed(error, took)
        self._report.failed(error, pause)
        await asyncio.to_thread(self._note_failure, str(error))
        self._root = ""
        await self._peer.close()
        await self._sleep(pause)
