"""Primaries in memory, and a schedule that asks them on an event loop whose clock jumps (`virtualkit`)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from incomingkit import steps, whole
from repokit import parsed
from zonegit.daemon.refresh_schedule import RefreshSchedule
from zonegit.dns.notice import Notice
from zonegit.errors import TransferError, TransferInterrupted, TransferRefused
from zonegit.model.names import WireName, from_text, to_text
from zonegit.ops.address import Address
from zonegit.ops.config import Config, ZoneConfig
from zonegit.ops.primaries import Primary
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.incoming.state import TransferState, expired_transfers, transfer_states
from zonegit.repo.incoming.values import Transferred, UpToDate
from zonegit.repo.results import Position
from zonegit.repo.serials import is_ahead
from zonegit.store.lmdb import LmdbStore

ZONE = "example.org."
PLACE = Position(ZONE, "main")
START = 1_767_225_600.0
"""Unix seconds when the loop's clock is 0."""


class FakePrimary:
    """A server with one zone, whose versions are zone files."""

    def __init__(self, *versions: str) -> None:
        self.versions = list(versions)
        self.journal = True
        """Whether it answers IXFR with differences."""
        self.refuses_ixfr = False
        self.down = False
        self.seconds = 0.001
        """How long it takes to answer."""

    @property
    def serial(self) -> int:
        return parsed(self.versions[-1]).serial


class FakeExchange:
    """A `daemon.refresh_round.Exchange` with primaries in memory. Every zone is the same there."""

    def __init__(self) -> None:
        self.primaries: dict[Primary, FakePrimary] = {}
        self.asked: list[tuple[float, str, str, str]] = []
        """Time, what, host, zone of each query."""
        self.open = 0
        self.most_open = 0

    def add(self, host: str, *versions: str) -> FakePrimary:
        made = self.primaries[Primary(Address(host, 53))] = FakePrimary(*versions)
        return made

    def kinds(self, zone: str = ZONE) -> list[str]:
        """What was asked, without addresses."""
        return [what for _, what, _, asked in self.asked if asked == zone]

    def times(self) -> list[float]:
        return [when for when, _, _, _ in self.asked]

    async def serial(self, primary: Primary, apex: WireName) -> int:
        return (await self._ask("soa", primary, apex)).serial

    async def transfer(self, primary: Primary, apex: WireName, known: int | None) -> Transferred:
        server = await self._ask("axfr" if known is None else "ixfr", primary, apex)
        newest = whole(server.versions[-1])._replace(apex=apex)
        if known is None:
            return newest
        if server.refuses_ixfr:
            raise TransferRefused("the answer is NOTIMP")
        if not is_ahead(newest.serial, known):
            return UpToDate(apex, newest.serial)
        serials = [parsed(each).serial for each in server.versions]
        if not server.journal or known not in serials:
            return newest
        return steps(*server.versions[serials.index(known) :])._replace(apex=apex)

    async def _ask(self, what: str, primary: Primary, apex: WireName) -> FakePrimary:
        self.asked.append((asyncio.get_running_loop().time(), what, primary.address.host, to_text(apex)))
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            server = self.primaries[primary]
            await asyncio.sleep(server.seconds)
            if server.down:
                raise TransferInterrupted("nothing listens there: the connection was refused")
            if not server.versions:
                raise TransferError("it isn't authoritative for the zone")
            return server
        finally:
            self.open -= 1


class Counts:
    """A `MetricsSink` that keeps what it gets."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, ...], float] = {}

    def inc(self, name: str, value: float = 1, **labels: str) -> None:
        key = (name, *labels.values())
        self.values[key] = self.values.get(key, 0) + value

    def set(self, name: str, value: float, **labels: str) -> None:
        self.values[name, *labels.values()] = value

    def observe(self, name: str, value: float, **labels: str) -> None:
        raise AssertionError(name, value, labels)


class Node:
    """A repository in which transferred zones arrive. One schedule after another may run over it."""

    def __init__(self, path: Path) -> None:
        Repository.init(path).close()
        self.path = path
        self.store = LmdbStore.open(path)
        self.exchange = FakeExchange()
        self.counts = Counts()
        self.skew = 0.0
        """Seconds by which the clock is wrong."""
        self.loop: asyncio.AbstractEventLoop = asyncio.SelectorEventLoop()
        self.loop.close()

    def clock(self) -> float:
        return START + self.loop.time() + self.skew

    def config(self, *zones: str) -> Config:
        """The configuration with these zones, from all primaries."""
        settings = ZoneConfig(primaries=tuple(self.exchange.primaries))
        return Config(self.path, zones=dict.fromkeys(zones or (ZONE,), settings))

    @asynccontextmanager
    async def running(self, config: Config | None = None) -> AsyncIterator[RefreshSchedule]:
        """A process that transfers zones, until the block ends."""
        self.loop = asyncio.get_running_loop()
        schedule = RefreshSchedule(self.store, self.exchange, self.counts, clock=self.clock, uniform=lambda: 0.0)
        schedule.configure(config or self.config())
        task = asyncio.create_task(schedule.run())
        try:
            yield schedule
            assert not task.done()
        finally:
            if task.done():
                task.result()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await schedule.close()

    @property
    def states(self) -> dict[str, TransferState]:
        with self.store.read() as reader:
            return dict(transfer_states(reader))

    @property
    def expired(self) -> frozenset[str]:
        with self.store.read() as reader:
            return expired_transfers(reader)

    def serial(self, zone: str = ZONE) -> int:
        return Context.over(self.store).tip(Position(zone, "main")).revision.commit.serial


def notice(serial: int | None = None, zone: str = ZONE) -> Notice:
    return Notice(from_text(zone), serial)


def address(text: str) -> bytes:
    return bytes(map(int, text.split(".")))
