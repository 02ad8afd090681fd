"""The notifier process: sends NOTIFY to other name servers when a served zone moves (RFC 1996). It never writes.

It reads the repository's last transaction id fifty times a second. Each server is notified of a zone's newest
version only: a move while an answer is awaited goes into the next message. At startup all servers are notified,
since nobody knows what happened before. A server that doesn't answer is notified again, with doubling pauses, and
then counts as failed until the zone moves again.
"""

import asyncio
import logging
import os
import signal
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from typing import Final

from zonegit.daemon.reading import Precautions, precautions
from zonegit.daemon.transfers import fresh_keys, tsig_keys
from zonegit.daemon.zone_table import ZoneTable
from zonegit.dns.notify_request import Announcement, NotifyRequest, announcement
from zonegit.dns.wire.message import rcode_text
from zonegit.dns.zone.served_zones import Changes
from zonegit.errors import ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.names import WireName, parse_apex, to_text
from zonegit.net.dns.datagrams import Datagrams
from zonegit.ops import log
from zonegit.ops.address import Address
from zonegit.ops.config import Config, NotifyTarget
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.version import ZoneVersion

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
"""Seconds to wait for the answer to each attempt; then the server is given up."""
_LOOK: Final = 0.02
_AT_ONCE: Final = 200
"""Zones that are read in one check."""
_APART: Final = 0.1
"""Seconds between two messages to one server about one zone."""
_RATE: Final = 500.0
"""Messages per second, to all servers."""
_DNS: Final = 53

_logger: Final = logging.getLogger(__name__)
Delivery = tuple[str, NotifyTarget]


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Notify until SIGTERM. `KeyFileError`, `StoreError` if it can't start."""
    store = LmdbStore.open(config.repo, readonly=True)
    try:
        taken = partial(precautions, block.crumbs, index)
        notifier = Notifier(store, config, block.samples(index), precautions=taken)
        asyncio.run(_until_terminated(notifier, block, index))
    finally:
        block.set_ready(index, False)
        store.close()


async def _until_terminated(notifier: "Notifier", block: SharedBlock, index: int) -> None:
    loop = asyncio.get_running_loop()
    work = asyncio.create_task(notifier.run())
    loop.add_signal_handler(signal.SIGTERM, work.cancel)
    loop.add_signal_handler(signal.SIGHUP, lambda: notifier.reload(block.config()))
    loop.add_signal_handler(signal.SIGUSR1, notifier.report)
    block.set_ready(index)
    try:
        await work
    except asyncio.CancelledError:
        notifier.close()


class Notifier:
    """Which server was notified of which version, and the deliveries in progress."""

    def __init__(
        self,
        store: LmdbStore,
        config: Config,
        samples: Samples,
        pauses: tuple[float, ...] = PAUSES,
        clock: Callable[[], float] = time.time,
        precautions: Callable[[], Precautions] = Precautions,
    ) -> None:
        self._precautions = precautions
        self._store = store
        self._config = config
        self._samples = samples
        self._pauses = pauses
        self._clock = clock
        self._reader = store.renewable_reader()
        self._seldom = log.Seldom(_logger)
        self._keys = tsig_keys(config)
        self._table = ZoneTable(config, self._reader, self._seldom, self._precautions())
        self._seen = -1
        self._current: dict[str, tuple[ObjectId, Announcement]] = {}
        self._targets: dict[str, tuple[NotifyTarget, ...]] = {}
        self._due: OrderedDict[WireName, None] = OrderedDict()
        """Zones to be checked."""
        self._notified: dict[Delivery, ObjectId] = {}
        self._deliveries: dict[Delivery, asyncio.Task[None]] = {}
        self._peers: dict[Address, Datagrams] = {}
        self._next = 0.0

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                self.look()
            except ZonegitError as error:
                self._seldom("cannot read the repository", error)
            await asyncio.sleep(_LOOK)

    def look(self) -> None:
        """Find zones that moved, and start to notify their servers; many zones are spread over several checks."""
        if self._store.txn_id() == self._seen and not self._due:
            return
        self._reader.renew()
        try:
            changes = self._table.refresh()
            if changes is not None:
                self._note(changes)
            self._seen = self._reader.txn_id
            some = [self._due.popitem(last=False)[0] for _ in range(min(len(self._due), _AT_ONCE))]
            zones = [zone for apex in some if (zone := self._read(apex)) is not None]
        finally:
            self._reader.reset()
        for zone in zones:
            self._deliver_to_all(zone)

    def _note(self, changes: Changes) -> None:
        """Queue the zones that may have moved; those that just did come first."""
        gone: Iterable[str] = map(to_text, changes.gone)
        if changes.anything:
            self._due = OrderedDict.fromkeys(self._table.apexes)
            gone = [zone for zone in self._current if parse_apex(zone) not in self._table.apexes]
        for apex in (*changes.came, *changes.moved):
            self._due[apex] = None
            self._due.move_to_end(apex, last=False)
        for zone in gone:
            self._forget(zone)

    def _read(self, apex: WireName) -> str | None:
        """Prepare the announcement of a zone; its name, or None if they are not notified."""
        name = to_text(apex)
        settings = self._config.zone(name)
        if apex not in self._table.apexes or not (settings.notify or settings.also_notify):
            return None
        zone = self._table.load(apex, None)
        if zone.expired:
            self._forget(name)
            return None
        known = self._current.get(name)
        if known is None or known[0] != zone.version.commit:
            try:
                found = announcement(zone.version, _Versions(self._table), servers=settings.notify)
            except ZonegitError as error:
                self._seldom("cannot read a zone whose servers are to be notified", error, zone=name)
                self._forget(name)
                return None
            self._current[name] = zone.version.commit, found
            self._targets[name] = self._servers(found) + settings.also_notify
        return name

    def _forget(self, zone: str) -> None:
        """Forget a zone: nobody is to be notified of it."""
        if self._current.pop(zone, None) is not None:
            for target in self._targets.pop(zone):
                self._notified.pop((zone, target), None)

    def reload(self, config: Config) -> None:
        """Load new settings and keys; new servers are notified at once."""
        self._keys = fresh_keys(config, self._keys)
        self._config = config
        self._table = ZoneTable(config, self._reader, self._seldom, self._precautions())
        self._current.clear()
        self._targets.clear()
        self._seen = -1
        busy = {target.address for _, target in self._deliveries}
        for address in self._peers.keys() - busy:
            self._peers.pop(address).close()

    def report(self) -> None:
        """Log the state."""
        log.event(
            _logger,
            "state",
            zones=len(self._current),
            told=len(self._notified),
            deliverys=len(self._deliveries),
        )

    def close(self) -> None:
        for task in self._deliveries.values():
            task.cancel()
        for peer in self._peers.values():
            peer.close()

    def _servers(self, found: Announcement) -> tuple[NotifyTarget, ...]:
        """The name servers of a zone, except this one."""
        here = {address.host for address in self._config.dns.listen if address.port == _DNS}
        hosts = [str(ip_address(server)) for server in found.servers]
        return tuple(NotifyTarget(Address(host, _DNS)) for host in hosts if host not in here)

    def _deliver_to_all(self, zone: str) -> None:
        """Start a delivery to each server that doesn't know the newest version."""
        for target in self._targets[zone]:
            delivery = (zone, target)
            if self._notified.get(delivery) != self._current[zone][0] and delivery not in self._deliveries:
                self._deliveries[delivery] = asyncio.create_task(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        """Notify one server of one zone, until it knows the newest version or was given up for it."""
        zone, target = delivery
        try:
            while zone in self._current and target in self._targets.get(zone, ()):
                if self._notified.get(delivery) == self._current[zone][0]:
                    break
                self._notified[delivery] = await self._notify(zone, target)
                await asyncio.sleep(_APART)
        except Exception as error:
            self._seldom("cannot notify a name server", error, zone=zone, server=target.address)
            self._notified[delivery] = self._current[zone][0] if zone in self._current else ObjectId(b"")
        finally:
            del self._deliveries[delivery]

    async def _notify(self, zone: str, target: NotifyTarget) -> ObjectId:
        """Try until there is an answer, each time with the newest version; returns the last version sent."""
        commit, found = self._current[zone]
        failure = ""
        for pause in self._pauses:
            if zone in self._current:
                commit, found = self._current[zone]
            key = self._keys.get(target.key) if target.key is not None else None
            if target.key is not None and key is None:
                failure = "its key is not here"
                break
            request = NotifyRequest(found, os.urandom(2), key, int(self._clock()))
            rcode = await self._ask(target.address, request, pause)
            if rcode is not None:
                self._count(zone, target, "ok" if rcode == 0 else "refused", f"it answered {rcode_text(rcode)}")
                return commit
            failure = request.failure
        self._count(zone, target, "failed", failure)
        return commit

    async def _ask(self, address: Address, request: NotifyRequest, seconds: float) -> int | None:
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / _RATE
        await asyncio.sleep(self._next - now)
        try:
            peer = self._peers.get(address)
            if peer is None or peer.closed:
                peer = self._peers[address] = await Datagrams.open(
                    address.host, address.port, self._source(address)
                )
            return await peer.ask(
                request.message, lambda reply: request.rcode_of(reply, int(self._clock())), seconds
            )
        except OSError as error:
            request.failure = str(error.strerror)
            await asyncio.sleep(seconds)
            return None

    def _source(self, address: Address) -> str | None:
        """The address to send from: one that this server answers on, if that is known."""
        for listen in self._config.dns.listen:
            known = not ip_address(listen.host).is_unspecified
            if known and listen.is_ipv6 == address.is_ipv6 and listen.is_loopback == address.is_loopback:
                return listen.host
        return None

    def _count(self, zone: str, target: NotifyTarget, result: str, why: str) -> None:
        self._samples.inc("notifies_total", result=result)
        if result != "ok":
            log.event(
                _logger, "cannot notify a name server", logging.WARNING, zone=zone, server=target.address, why=why
            )


class _Versions:
    """`dns.notify_request.Versions` of a table."""

    def __init__(self, table: ZoneTable) -> None:
        self._table = table

    def __contains__(self, apex: object) -> bool:
        return apex in self._table.apexes

    def __getitem__(self, apex: WireName) -> ZoneVersion:
        return self._table.load(apex, None).version
