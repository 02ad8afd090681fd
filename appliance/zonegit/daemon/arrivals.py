"""Stores what transfers bring, and what is known of their zones: many zones in one durable transaction.

Whatever waits while a transaction is made durable goes into the next one, so a zone that changes alone is stored at
once, and thousands of zones need few transactions. A large zone is made ready beside the others. What is known of a
zone without a change is written with the next transaction, or after a second.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from zonegit.errors import Conflict, StorePanicked, ZonegitError
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival, arrival, store_arrivals
from zonegit.repo.incoming.state import TransferState, keep_states
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.store.port import Writer

_LARGE: Final = 2_000
"""Records; a transfer of more is stored on a thread of its own, one at a time."""
_ZONES: Final = 256
_RECORDS: Final = 20_000
"""The most zones and records in one transaction, so that other writers have their turn."""
_NOTED: Final = 1.0
"""Seconds until what is known is written that came without a commit."""
_TRIES: Final = 3
"""How often a transfer is made ready if its branch moves meanwhile."""

StateOf = Callable[[Arrival], TransferState]
States = Mapping[str, TransferState | None]


class _Brought(NamedTuple):
    """What a primary has sent."""

    place: Position
    brought: WholeZone | Differences
    server: str
    any_serial: bool
    state_of: StateOf
    done: "asyncio.Future[Arrival]"

    @property
    def records(self) -> int:
        if isinstance(self.brought, WholeZone):
            return self.brought.records
        return sum(len(step.removed) + len(step.added) for step in self.brought.steps)


class Arrivals:
    """The writer of transferred zones. For one event loop, in which `run` has to be running."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._waiting: list[_Brought] = []
        self._noted: dict[str, TransferState | None] = {}
        self._write_at = 0.0
        """When the first of these is to be written, by the event loop's clock."""
        self._woken = asyncio.Event()
        self._large = asyncio.Lock()

    async def store(
        self,
        place: Position,
        brought: WholeZone | Differences,
        server: str,
        state_of: StateOf,
        *,
        any_serial: bool = False,
    ) -> Arrival:
        """Commit a transfer, and record the state that follows from it, in one transaction.

        Raises what `repo.incoming.commit.arrival` does, and `StoreError`.
        """
        done = asyncio.get_running_loop().create_future()
        item = _Brought(place, brought, server, any_serial, state_of, done)
        if item.records > _LARGE:
            async with self._large:
                try:
                    [found] = await asyncio.to_thread(self._store_all, [item], {})
                except asyncio.CancelledError:
                    done.cancel()  # the thread goes on until its transaction
                    raise
            _settle(item, found)
        else:
            self._waiting.append(item)
            self._woken.set()
        return await item.done

    def note(self, states: States, *, at_once: bool = False) -> None:
        """Record what is known of zones, within a second. None: the zone isn't transferred any more."""
        due = asyncio.get_running_loop().time() + (0 if at_once else _NOTED)
        self._write_at = min(due, self._write_at) if self._noted else due
        self._noted |= states
        self._woken.set()

    async def run(self) -> None:
        """Store what comes, until cancelled. `StorePanicked`: another process has to continue."""
        while True:
            await self._until_due()
            await self.flush()

    async def flush(self) -> None:
        """Store what waits, as much as one transaction takes in, and what is noted."""
        items = self._taken()
        noted, self._noted = self._noted, {}
        try:
            found = await asyncio.to_thread(self._store_all, items, noted)
        except StorePanicked:
            raise
        except ZonegitError as error:
            found = [error] * len(items)
            self.note({**noted, **self._noted})
        for item, result in zip(items, found, strict=True):
            _settle(item, result)

    async def _until_due(self) -> None:
        """Wait until there is something to commit, or what is noted is due."""
        while not self._waiting:
            self._woken.clear()
            left = self._write_at - asyncio.get_running_loop().time() if self._noted else None
            if left is not None and left <= 0:
                return
            try:
                async with asyncio.timeout(left):
                    await self._woken.wait()
            except TimeoutError:
                return

    def _taken(self) -> list[_Brought]:
        records = count = 0
        for item in self._waiting[:_ZONES]:
            records += item.records
            if count and records > _RECORDS:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _store_all(self, items: list[_Brought], noted: States) -> list[Arrival | ZonegitError]:
        """Store everything in one transaction; returns each transfer's result. On any thread."""
        for tries_left in reversed(range(_TRIES)):
            with self._context.store.keeping():
                found = [self._ready(item) for item in items]
                good = [(item, each) for item, each in zip(items, found, strict=True) if isinstance(each, Arrival)]
                states: States = {**noted, **{item.place.zone: item.state_of(each) for item, each in good}}
                try:
                    stored = [item for item, _ in good]
                    store_arrivals(self._context, [each for _, each in good], partial(_record, stored, states))
                except Conflict:
                    if tries_left:
                        continue
                    raise
                return found
        raise AssertionError("unreachable")

    def _ready(self, item: _Brought) -> Arrival | ZonegitError:
        if item.done.cancelled():
            return Conflict(f"{item.place.zone} is no longer transferred")
        try:
            return arrival(self._context, item.place, item.brought, item.server, any_serial=item.any_serial)
        except ZonegitError as error:
            return error


def _record(stored: list[_Brought], states: States, writer: Writer) -> None:
    """Record the states in the transaction that stores these. `Conflict` if one is no longer transferred."""
    if any(item.done.cancelled() for item in stored):
        raise Conflict("a zone is no longer transferred")
    keep_states(writer, states)


def _settle(item: _Brought, result: Arrival | ZonegitError) -> None:
    if item.done.done():
        return  # the zone is gone from the configuration
    if isinstance(result, ZonegitError):
        item.done.set_exception(result)
    else:
        item.done.set_result(result)
