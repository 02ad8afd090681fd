"""Keeps a repository a mirror of its primary.

It always has a long-poll open, so that a change arrives in milliseconds; after so many seconds without one it asks
again, which is the heartbeat. Every failure leaves the refs where they are, says why in the log and the metrics,
and is tried again after a pause with full jitter (`daemon.pauses`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from zonegit.auth.gate import Signer
from zonegit.daemon import views
from zonegit.daemon.freshness import Freshness
from zonegit.daemon.pauses import Backoff, Looks, Pauses
from zonegit.daemon.signing import primary_keys
from zonegit.daemon.sync_report import SyncReport
from zonegit.daemon.tls import primary_tls
from zonegit.errors import StorePanicked, ZonegitError
from zonegit.model.commit import Stamp
from zonegit.model.refs import head, parse
from zonegit.net.http_client import HttpPeer
from zonegit.net.http_pull import latest_refs, pull
from zonegit.net.http_server import Samples
from zonegit.ops import log
from zonegit.ops.config import Config, PrimaryConfig, ZoneConfig
from zonegit.repo.failing import after, clear_failing, failing_peers, set_failing
from zonegit.repo.left_out import zones_left_out
from zonegit.repo.refused import refused_zones
from zonegit.repo.stored import DAY
from zonegit.store.port import Store
from zonegit.sync import limits
from zonegit.sync.mirror import Moved
from zonegit.sync.peers import check_peer
from zonegit.sync.session import Session
from zonegit.sync.tracked import Tracked
from zonegit.sync.wire import PeerRefs

_LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the age of what is here."""
_HEED_EVERY: Final = 0.05
"""Seconds between two looks for a hint."""
_HURRIED: Final = 0.2
"""Seconds: a long-poll that ends sooner without news is asked again after a pause that doubles up to the interval,
for the primary may have ended it since it stops, or may not know how to wait."""

_logger: Final = logging.getLogger(__name__)


class Mirror:
    """Follows one primary into one store."""

    def __init__(
        self,
        store: Store,
        primary: PrimaryConfig,
        signer: Signer,
        samples: Samples,
        synced: Callable[[], None] = lambda: None,
        pauses: Pauses = Pauses(),  # noqa: B008  frozen
        zone: Callable[[str], ZoneConfig] = lambda _: ZoneConfig(),
        hints: Callable[[], int] = lambda: 0,
        looked: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
        views_lack: Callable[[], None] | None = None,
    ) -> None:
        """`views_lack` is called when branches came that have no view yet; without it the mirror makes them.

        `synced` is called after each exchange that ended well; `zone` tells what is served of one.

        `hints` counts how often the primary said that there is news. `looked` is called after each look for zones
        that are too old, when those are noted.

        `ConfigError` or `InvalidData`: bad primary.
        """
        self._store = store
        self._views_lack = views_lack
        self._name = check_peer(primary.name)
        self._interval = primary.pull_interval
        self._compress = primary.compress
        self._samples = samples
        self._told = SyncReport(samples, self._name)
        self._synced = synced
        self._backoff = Backoff(pauses)
        self._peer = HttpPeer(
            primary.url,
            signer,
            tls=primary_tls(primary),
            allow_plaintext=primary.allow_plaintext,
            bounds=primary.limits,
        )
        self._reconnect = False
        self._root = ""
        self._refused: frozenset[str] = frozenset()
        self._compared = -1
        """The number of transactions that had moved refs here when ours were last compared with the primary's."""
        self._tracked = Tracked(self._name, mirrored=True)
        self._clock = clock
        self._zone = zone
        self._fresh = Freshness(store, self._name, lambda name: zone(name).branch, primary.pull_interval, clock)
        self._looking = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._hints = hints
        self._looked = looked

    async def run(self) -> None:
        """Ends with `StorePanicked` only, by itself: another process has to go on then."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._heed())
            await self._follow()

    async def _follow(self) -> None:
        timer = asyncio.get_running_loop().time
        looks = Looks(timer)
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
        """One exchange: wait for news, take them in. Whether there were any."""
        if self._reconnect:
            self._reconnect = False
            await self._peer.close()  # the next connection is made with the new certificates
        wait = min(max(1, round(self._interval)), limits.MAX_WAIT)
        refs = await latest_refs(self._peer, self._store, self._name, self._root, wait, self._tracked)
        if refs is not None:
            with self._store.keeping():
                moved = await self._pull(refs)
            await asyncio.to_thread(self._show, moved)
            self._root = refs.root
            self._told.synced()
        await asyncio.to_thread(self._note_refused, asked=refs is not None)
        await self._reached()
        self._told.clock(self._peer.signer.offset)
        self._synced()
        return refs is not None

    async def _pull(self, refs: PeerRefs) -> Moved:
        started = time.monotonic()
        session = await asyncio.to_thread(
            Session,
            self._store,
            self._name,
            refs,
            compress=self._compress,
            bounds=self._peer.bounds,
            day=int(self._clock()) // DAY,
        )
        telling = asyncio.create_task(self._told.going_on(session))
        try:
            moved = await pull(self._peer, session, Stamp("zonegitd", int(self._clock())))
        finally:
            telling.cancel()
            self._told.received(session)
        self._told.moved(moved, session, time.monotonic() - started)
        return moved

    def _show(self, moved: Moved) -> None:
        """Let what just arrived be served from views, the large zones too; until now their trees answered.

        That takes long, so another process does it if there is one.
        """
        refs = [parse(name) for name in moved.branches]
        served = [head(ref.zone, ref.name) for ref in refs if ref.name in self._zone(ref.zone).branches]
        lacking = views.lacking(self._store, served)
        if lacking and self._views_lack is not None:
            self._views_lack()
        else:
            list(views.make(self._store, lacking))

    def _note_refused(self, *, asked: bool) -> None:
        """Tell which zones are refused or left out, and that no exchange fails.

        Ask for all refs again once some moved here: a zone may have been adopted.
        `asked`: whether the refs were just compared.
        """
        with self._store.read() as reader:
            refused, seq = refused_zones(reader).get(self._name, frozenset()), reader.seq
            left_out = zones_left_out(reader).get(self._name, {})
            failed = self._name in failing_peers(reader)
        if failed:
            with self._store.write() as writer:
                clear_failing(writer, self._name)
        self._told.refused(refused)
        self._told.left_out(left_out)
        if asked:
            self._compared = seq
        elif seq != self._compared and (refused or self._refused):
            self._root = ""
        self._refused = refused

    def _note_failure(self, reason: str) -> None:
        """Keep it where `zonegit status` and `/readyz` find it, if the disk takes it and it is another one."""
        try:
            with self._store.read() as reader:
                known = failing_peers(reader).get(self._name)
            found = after(known, reason, self._clock())
            if found != known:
                with self._store.write() as writer:
                    set_failing(writer, self._name, found)
        except StorePanicked:
            raise
        except ZonegitError as error:
            log.event(_logger, "a failure can't be noted", logging.ERROR, error=error)

    def reload(self, config: Config) -> None:
        """Take a new set of keys, or keep the old one; then ask for all refs at once."""
        primary = config.primary
        if primary is None:
            return
        try:
            keys, tls = primary_keys(config, primary), primary_tls(primary)
        except ZonegitError as error:
            log.event(_logger, "reload refused, the old keys stay", logging.ERROR, error=error)
            self._samples.set("keys_reload_failed", 1)
        else:
            self._peer.signer.take(keys)
            self._reconnect = self._reconnect or tls is not None
            self._peer.tls = tls
            self._peer.bounds = primary.limits
            self._interval = primary.pull_interval
            self._compress = primary.compress
            self._samples.set("keys_reload_failed", 0)
        self._root = ""  # another key may see other zones
        self._backoff.reset()
        self._hurry.set()

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

    async def _heed(self) -> None:
        """Try at once when the primary says that there is news, once a second at most."""
        heard = self._hints()
        while True:
            await asyncio.sleep(_HEED_EVERY)
            if (hints := self._hints()) != heard:
                heard = hints
                self._hurry.set()
                await asyncio.sleep(_LOOK_EVERY)

    async def _watch(self) -> None:
        """Tell how old what is here is, and see to zones that become too old, whatever the exchange is at."""
        while True:
            try:
                await self.look()
                self._looked()
            except StorePanicked:
                raise
            except ZonegitError as error:
                log.event(_logger, "zones that are too old can't be noted", logging.ERROR, error=error)
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> None:
        """Note the zones that have become too old since the last look, and publish the age."""
        async with self._looking:
            zones = await asyncio.to_thread(self._fresh.overdue)
            self._tell_age()
        if zones:
            self._told.expired(zones, self._fresh.age)

    async def _reached(self) -> None:
        """The primary was reached, and all that it has is here."""
        async with self._looking:
            zones = await asyncio.to_thread(self._fresh.succeeded)
            self._tell_age()
        if zones:
            self._told.back(zones)

    def _tell_age(self) -> None:
        if self._fresh.last is not None:
            self._told.age(self._fresh.last, self._fresh.age)

    async def _pause(self, error: ZonegitError, took: float) -> None:
        """Wait before the next try; the one that failed took so many seconds."""
        pause = self._backoff.failed(error, took)
        self._told.failed(error, pause)
        await asyncio.to_thread(self._note_failure, str(error))
        self._root = ""
        await self._peer.close()
        await self._sleep(pause)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless a reload or the primary wants a try at once, or has wanted one during the last."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        self._hurry.clear()
