"""The notifier process: tells other name servers when a served zone moves (RFC 1996). It never writes.

It looks at the repository's last transaction fifty times a second. Each server is told of a zone's newest version
only: what moves while an answer is awaited is told with the next message. At a start everybody is told, since
nobody knows what happened before. A server that doesn't answer is told again, with pauses that double, and then
counts as failed until the zone moves again.
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
from zonegit.dns.held import Changes
from zonegit.dns.notify import News, Notice, news
from zonegit.errors import ZonegitError
from zonegit.model.ids import ObjectId
from zonegit.model.names import WireName, parse_apex, to_text
from zonegit.net.datagrams import Datagrams
from zonegit.ops import log
from zonegit.ops.config import Address, Config, NotifyTarget
from zonegit.ops.samples import Samples
from zonegit.ops.shared import SharedBlock
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.version import ZoneVersion

PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0)
"""Seconds that each try is waited for; then the server is given up."""
_LOOK: Final = 0.02
_AT_ONCE: Final = 200
"""Zones that are read with one look."""
_APART: Final = 0.1
"""Seconds between two messages to one server about one zone."""
_RATE: Final = 500.0
"""Messages per second, to all servers."""
_DNS: Final = 53

_logger: Final = logging.getLogger(__name__)
Errand = tuple[str, NotifyTarget]


def run(config: Config, block: SharedBlock, index: int) -> None:
    """Tell until SIGTERM. `KeyFileError`, `StoreError` when that can't begin."""
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
    """Who has been told what, and who is being told."""

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
        self._reader = store.standing()
        self._seldom = log.Seldom(_logger)
        self._keys = tsig_keys(config)
        self._table = ZoneTable(config, self._reader, self._seldom, self._precautions())
        self._seen = -1
        self._news: dict[str, tuple[ObjectId, News]] = {}
        self._targets: dict[str, tuple[NotifyTarget, ...]] = {}
        self._due: OrderedDict[WireName, None] = OrderedDict()
        """Zones to be looked at."""
        self._told: dict[Errand, ObjectId] = {}
        self._errands: dict[Errand, asyncio.Task[None]] = {}
        self._peers: dict[Address, Datagrams] = {}
        self._next = 0.0

    async def run(self) -> None:
        """Never ends by itself."""
        while True:
            try:
                self.look()
            except ZonegitError as error:
                self._seldom("the repository can't be read", error)
            await asyncio.sleep(_LOOK)

    def look(self) -> None:
        """See which zones moved, and start to notify their servers; of many zones, a part with each look."""
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
            self._set_out(zone)

    def _note(self, changes: Changes) -> None:
        """Have the zones looked at that may have moved, those that just did before all others."""
        gone: Iterable[str] = map(to_text, changes.gone)
        if changes.anything:
            self._due = OrderedDict.fromkeys(self._table.apexes)
            gone = [zone for zone in self._news if parse_apex(zone) not in self._table.apexes]
        for apex in (*changes.came, *changes.moved):
            self._due[apex] = None
            self._due.move_to_end(apex, last=False)
        for zone in gone:
            self._forget(zone)

    def _read(self, apex: WireName) -> str | None:
        """Note what a zone's servers are to be told; its name, or None where they aren't told anything."""
        name = to_text(apex)
        settings = self._config.zone(name)
        if apex not in self._table.apexes or not (settings.notify or settings.also_notify):
            return None
        zone = self._table.take(apex, None)
        if zone.expired:
            self._forget(name)
            return None
        known = self._news.get(name)
        if known is None or known[0] != zone.version.commit:
            try:
                told = news(zone.version, _Versions(self._table), servers=settings.notify)
            except ZonegitError as error:
                self._seldom(f"zone {name} can't be told of", error)
                self._forget(name)
                return None
            self._news[name] = zone.version.commit, told
            self._targets[name] = self._servers(told) + settings.also_notify
        return name

    def _forget(self, zone: str) -> None:
        """Drop what was noted about a zone: nobody is to be notified of it."""
        if self._news.pop(zone, None) is not None:
            for target in self._targets.pop(zone):
                self._told.pop((zone, target), None)

    def reload(self, config: Config) -> None:
        """Take new settings and keys; whoever is new is told at once."""
        self._keys = fresh_keys(config, self._keys)
        self._config = config
        self._table = ZoneTable(config, self._reader, self._seldom, self._precautions())
        self._news.clear()
        self._targets.clear()
        self._seen = -1
        busy = {target.address for _, target in self._errands}
        for address in self._peers.keys() - busy:
            self._peers.pop(address).close()

    def report(self) -> None:
        """Log the state."""
        log.event(_logger, "state", zones=len(self._news), told=len(self._told), errands=len(self._errands))

    def close(self) -> None:
        for task in self._errands.values():
            task.cancel()
        for peer in self._peers.values():
            peer.close()

    def _servers(self, told: News) -> tuple[NotifyTarget, ...]:
        """The name servers of a zone, but for this one."""
        here = {address.host for address in self._config.dns.listen if address.port == _DNS}
        hosts = [str(ip_address(server)) for server in told.servers]
        return tuple(NotifyTarget(Address(host, _DNS)) for host in hosts if host not in here)

    def _set_out(self, zone: str) -> None:
        """See that everybody is told of what they don't know yet."""
        for target in self._targets[zone]:
            errand = (zone, target)
            if self._told.get(errand) != self._news[zone][0] and errand not in self._errands:
                self._errands[errand] = asyncio.create_task(self._go(errand))

    async def _go(self, errand: Errand) -> None:
        """Tell one server of one zone, until it knows the newest version or was given up for that one."""
        zone, target = errand
        try:
            while zone in self._news and target in self._targets.get(zone, ()):
                if self._told.get(errand) == self._news[zone][0]:
                    break
                self._told[errand] = await self._tell(zone, target)
                await asyncio.sleep(_APART)
        except Exception as error:
            self._seldom(f"zone {zone} can't be told of to {target.address}", error)
            self._told[errand] = self._news[zone][0] if zone in self._news else ObjectId(b"")
        finally:
            del self._errands[errand]

    async def _tell(self, zone: str, target: NotifyTarget) -> ObjectId:
        """Try until there is an answer, each time with the newest version; what was told last."""
        commit, told = self._news[zone]
        complaint = ""
        for pause in self._pauses:
            if zone in self._news:
                commit, told = self._news[zone]
            key = self._keys.get(target.key) if target.key is not None else None
            if target.key is not None and key is None:
                complaint = "its key is not here"
                break
            notice = Notice(told, os.urandom(2), key, int(self._clock()))
            rcode = await self._ask(target.address, notice, pause)
            if rcode is not None:
                self._count(zone, target, "ok" if rcode == 0 else "refused", f"rcode {rcode}")
                return commit
            complaint = notice.complaint
        self._count(zone, target, "failed", complaint)
        return commit

    async def _ask(self, address: Address, notice: Notice, seconds: float) -> int | None:
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / _RATE
        await asyncio.sleep(self._next - now)
        try:
            peer = self._peers.get(address)
            if peer is None or peer.closed:
                peer = self._peers[address] = await Datagrams.open(
                    address.host, address.port, self._source(address)
                )
            return await peer.ask(notice.message, lambda reply: notice.answered(reply, int(self._clock())), seconds)
        except OSError as error:
            notice.complaint = str(error.strerror)
            await asyncio.sleep(seconds)
            return None

    def _source(self, address: Address) -> str | None:
        """The address that the server knows this one by: one that is answered on, if that can be told."""
        for listen in self._config.dns.listen:
            known = not ip_address(listen.host).is_unspecified
            if known and listen.is_ipv6 == address.is_ipv6 and listen.is_loopback == address.is_loopback:
                return listen.host
        return None

    def _count(self, zone: str, target: NotifyTarget, result: str, why: str) -> None:
        self._samples.inc("notifies_total", result=result)
        if result != "ok":
            log.event(
                _logger, "a name server was not told", logging.WARNING, zone=zone, server=target.address, why=why
            )


class _Versions:
    """`dns.notify.Versions` of a table."""

    def __init__(self, table: ZoneTable) -> None:
        self._table = table

    def __contains__(self, apex: object) -> bool:
        return apex in self._table.apexes

    def __getitem__(self, apex: WireName) -> ZoneVersion:
        return self._table.take(apex, None).version
