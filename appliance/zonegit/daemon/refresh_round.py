"""One round of a zone that is transferred in: which primary has the newest version, and taking it.

All primaries are asked for their serial at the same time. The newest that is ahead is transferred, from the first
one in the configuration's order that has it; if that fails, from the next. A zone with one primary, and one whose
primary has sent a NOTIFY, is transferred at once: an IXFR query says as much as one for the serial. What an IXFR
brings is followed by an AXFR from the same primary if that refuses IXFR, or if the differences don't fit.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from zonegit.errors import DifferenceUnfit, StoreError, TransferError, TransferRefused, ZonegitError
from zonegit.model.names import WireName, to_text
from zonegit.ops.primaries import Primary
from zonegit.repo.incoming.commit import Arrival, serial_behind
from zonegit.repo.incoming.values import Differences, Transferred, UpToDate, WholeZone
from zonegit.repo.serials import ROUND, is_ahead


class Exchange(Protocol):
    """Messages to primaries."""

    async def serial(self, primary: Primary, apex: WireName) -> int:
        """The serial that a primary has. `TransferError`."""
        ...

    async def transfer(self, primary: Primary, apex: WireName, known: int | None) -> Transferred:
        """What a primary has since the serial `known`; None: the whole zone. `TransferError`."""
        ...


Store = Callable[[WholeZone | Differences, Primary, bool], Awaitable[Arrival]]
"""`(brought, primary, any_serial)`: makes it the zone's newest version."""


class Zone(NamedTuple):
    """What a round is about."""

    apex: WireName
    primaries: Sequence[Primary]
    serial: int | None
    """The newest version that is here; None for none."""
    notifier: Primary | None = None
    """The primary that said that it has a newer one."""
    whole: bool = False
    """Whether the whole zone is wanted, whatever its serial."""


class Refreshed(NamedTuple):
    """A round that succeeded."""

    primary: Primary
    serial: int
    """The primary's, which is that of the zone now."""
    arrival: Arrival | None
    """What was stored; None if the zone was current."""
    failures: "Sequence[Failure]" = ()
    """What was of no use before that."""


class Failure(NamedTuple):
    """Why a primary wasn't of use."""

    primary: Primary
    error: ZonegitError
    asked: str
    """The type of the query: `soa`, `ixfr` or `axfr`."""


class RoundFailed(TransferError):
    """No primary was of use."""

    def __init__(self, message: str, failures: Sequence[Failure] = ()) -> None:
        super().__init__(message)
        self.failures = tuple(failures)

    @classmethod
    def of(cls, failures: Sequence[Failure]) -> "RoundFailed":
        """The error that names each primary and what was wrong with it."""
        return cls("; ".join(f"{each.primary.address}: {each.error}" for each in failures), failures)


async def refresh(zone: Zone, exchange: Exchange, store: Store) -> Refreshed:
    """Bring a zone up to date. `RoundFailed` if no primary is of use."""
    this = _Round(zone, exchange, store)
    return (await this.run())._replace(failures=tuple(this.failures))


class _Round:
    def __init__(self, zone: Zone, exchange: Exchange, store: Store) -> None:
        self._zone = zone
        self._exchange = exchange
        self._store = store
        self.failures: list[Failure] = []
        """What was of no use so far."""
        self._asked = ""
        """The type of the last query for a transfer."""

    async def run(self) -> Refreshed:
        zone = self._zone
        first = zone.notifier or (zone.primaries[0] if len(zone.primaries) == 1 and zone.serial is None else None)
        if first is not None and (done := await self._try(first)) is not None:
            return done
        tried = {each.primary for each in self.failures}
        others = [primary for primary in zone.primaries if primary not in tried]
        serials = await self._serials(others)
        for primary in self._newest_first(serials):
            if (done := await self._try(primary)) is not None:
                return done
        current = next((primary for primary, serial in serials.items() if serial == zone.serial), None)
        if current is not None and zone.serial is not None and not zone.whole:
            return Refreshed(current, zone.serial, None)
        raise RoundFailed.of(self.failures)

    async def _serials(self, primaries: Sequence[Primary]) -> dict[Primary, int]:
        """What each primary that answers has."""

        async def ask(primary: Primary) -> int | None:
            try:
                return await self._exchange.serial(primary, self._zone.apex)
            except TransferError as error:
                self.failures.append(Failure(primary, error, "soa"))
                return None

        found = await asyncio.gather(*map(ask, primaries))
        return {primary: serial for primary, serial in zip(primaries, found, strict=True) if serial is not None}

    def _newest_first(self, serials: dict[Primary, int]) -> list[Primary]:
        """The primaries with something to transfer, the newest version first."""
        known = self._zone.serial
        if known is None or self._zone.whole:
            newest = _newest(list(serials.values())) if serials else 0
            return sorted(serials, key=lambda primary: (newest - serials[primary]) % ROUND)
        for primary, serial in serials.items():
            if serial != known and not is_ahead(serial, known):
                behind = serial_behind(to_text(self._zone.apex), serial, known)
                self.failures.append(Failure(primary, behind, "soa"))
        ahead = [primary for primary, serial in serials.items() if is_ahead(serial, known)]
        return sorted(ahead, key=lambda primary: -((serials[primary] - known) % ROUND))

    async def _try(self, primary: Primary) -> Refreshed | None:
        """Take what a primary has; None if that fails, or if it has nothing newer than what is here."""
        zone = self._zone
        try:
            return await self._take(primary, None if zone.whole else zone.serial)
        except StoreError:
            raise  # another primary wouldn't help
        except ZonegitError as error:
            self.failures.append(Failure(primary, error, self._asked))
            return None

    async def _take(self, primary: Primary, known: int | None) -> Refreshed:
        self._asked = "axfr" if known is None else "ixfr"
        try:
            brought = await self._exchange.transfer(primary, self._zone.apex, known)
            if isinstance(brought, UpToDate):
                return self._up_to_date(primary, brought)
            arrival = await self._store(brought, primary, self._zone.whole)
        except (TransferRefused, DifferenceUnfit) as error:
            if known is None:
                raise
            self.failures.append(Failure(primary, error, "ixfr"))
            return await self._take(primary, None)
        return Refreshed(primary, brought.serial, arrival)

    def _up_to_date(self, primary: Primary, brought: UpToDate) -> Refreshed:
        known = self._zone.serial
        if known is None or brought.serial != known:
            raise serial_behind(to_text(brought.apex), brought.serial, known or 0)
        return Refreshed(primary, brought.serial, None)


def _newest(serials: list[int]) -> int:
    """The newest of some serials; where they form a circle (RFC 1982 §3.2), any of them."""
    newest = serials[0]
    for serial in serials[1:]:
        if is_ahead(serial, newest):
            newest = serial
    return newest
