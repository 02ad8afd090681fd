"""Pushes to a peer what moves here, as soon as it moves.

What the peer lacks follows from its tracked refs, which a `Mirror` keeps current. A failed push changes nothing, is
reported in the log and the metrics, and is retried after a pause with full jitter (`daemon.pauses`). A ref that the
peer refuses is offered again once it has moved here or there.
"""

import asyncio
import time
from typing import Final

from zonegit.auth.gate import Signer
from zonegit.daemon.local_moves import LocalMoves
from zonegit.daemon.pauses import Backoff, Pauses, Sleep
from zonegit.daemon.peer_client import peer_client
from zonegit.daemon.push_report import PushReport
from zonegit.daemon.signing import primary_keys
from zonegit.daemon.tls import primary_tls
from zonegit.errors import StorePanicked, ZonegitError
from zonegit.net.client.push import push
from zonegit.net.server.metrics_sink import MetricsSink
from zonegit.ops.config import Config, PeerConfig, PrimaryConfig
from zonegit.store.port import Store
from zonegit.sync.peers import check_peer
from zonegit.sync.pushing import Push
from zonegit.sync.reviews import within_scope
from zonegit.sync.unpushed import Unpushed
from zonegit.sync.wire import PeerRefs

LOOK_EVERY: Final = 60.0
"""Seconds between two checks while nothing moves."""
_TRACKED: Final = PeerRefs("", 0, "", gone=())
"""No difference from what is tracked of the peer."""


class Pusher:
    """Pushes to one peer."""

    def __init__(
        self,
        store: Store,
        peer: PeerConfig,
        link: PrimaryConfig,
        signer: Signer,
        samples: MetricsSink,
        moves: LocalMoves,
        pauses: Pauses = Pauses(),  # noqa: B008  frozen
    ) -> None:
        self._store = store
        self._name = check_peer(peer.name)
        self._compress = link.compress
        self._moves = moves
        self._peer = peer_client(link, signer)
        self._unpushed = Unpushed(peer.name, peer.covers.includes)
        self._report = PushReport(samples, peer.name)
        self._backoff = Backoff(pauses)
        self._sleep = Sleep()
        self._reconnect = False

    async def run(self) -> None:
        """Ends with `StorePanicked` only."""
        timer = asyncio.get_running_loop().time
        while True:
            started, seq = timer(), self._moves.seq
            try:
                await self.once()
            except StorePanicked:
                raise
            except ZonegitError as error:
                pause = self._backoff.failed(error, timer() - started)
                self._report.failed(error, pause)
                self._unpushed.start_over()
                await self._sleep(pause)
                continue
            self._backoff.reset()
            await self._moves.wait(seq, LOOK_EVERY)

    async def once(self) -> bool:
        """Push what the peer lacks; whether there was anything."""
        if self._reconnect:
            self._reconnect = False
            await self._peer.close()
        with self._store.keeping():
            session = await asyncio.to_thread(self._session)
            self._report.agreed(self._unpushed.agreed)
            if session is None:
                return False
            started = time.monotonic()
            try:
                await push(self._peer, session)
            finally:
                self._unpushed.answered(result.ref for result in session.results)
                self._report.sent(session)
        self._report.pushed(session, time.monotonic() - started)
        return True

    def reload(self, config: Config) -> None:
        """Load new keys and certificates, or keep the old ones, and compare all refs again."""
        link = next((peer.link for peer in config.called if peer.name == self._name), None)
        if link is None:
            return
        try:
            keys, tls = primary_keys(config, link), primary_tls(link)
        except ZonegitError:
            return  # the mirror of the same peer logs it
        self._peer.signer.use_keys(keys)
        self._peer.tls = tls
        self._peer.bounds = link.limits
        self._reconnect = True
        self._unpushed.start_over()
        self._backoff.reset()
        self._sleep.wake()

    def report(self) -> None:
        """Log the state."""
        self._report.state(self._backoff.failures)

    async def close(self) -> None:
        await self._peer.close()

    def _session(self) -> Push | None:
        """A prepared push of what the peer lacks; None if it lacks nothing."""
        with self._store.read() as reader:
            offers, beyond = within_scope(self._peer.signer.key, self._unpushed.offers(reader))
        self._report.beyond_scope(beyond)
        if not offers:
            return None
        session = Push(self._store, self._name, _TRACKED, offers, compress=self._compress)
        session.prepare()
        return session
