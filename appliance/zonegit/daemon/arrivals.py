"""Stores what transfers bring, and what is known of their zones: many zones in one durable transaction.

Whatever waits while a transaction is made durable goes into the next one, so a zone that changes alone is stored at
once, and thousands of zones need few transactions. A large zone is made ready beside the others. What is known of a
zone without a change is written with the next transaction, or after a second.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.daemon.preparing import Prepared, Preparer, Transfer, prepare
from zonegit.errors import Conflict, StorePanicked, ZonegitError
from zonegit.repo.catalog.membership import is_member
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival, store_arrivals
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


class _Ready(NamedTuple):
    """A batch that is being made ready."""

    items: list[_Brought]
    prepared: "asyncio.Task[Prepared | None]"


class Arrivals:
    """The writer of transferred zones. For one event loop, in which `run` has to be running."""

    def __init__(self, context: Context, repo: Path | None = None) -> None:
        """`repo`: the repository's directory, if a process of its own may read it for large batches."""
        self._context = context
        self._preparer = Preparer(repo)
        self._waiting: list[_Brought] = []
        self._noted: dict[str, TransferState | None] = {}
        self._write_at = 0.0
        """When the first of these is to be written, by the event loop's clock."""
        self._woken = asyncio.Event()
        self._large = asyncio.Lock()
        self.held = 0
        """Records that were transferred and aren't stored yet."""
        self.members: frozenset[str] = frozenset()
        """The zones that came from catalogs. One that has left its catalog meanwhile doesn't come back."""

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
        self.held += item.records
        try:
            if item.records > _LARGE:
                await self._store_large(item)
            else:
                self._waiting.append(item)
                self._woken.set()
            return await item.done
        finally:
            self.held -= item.records

    async def _store_large(self, item: _Brought) -> None:
        async with self._large:
            try:
                [found] = await asyncio.to_thread(self._store_all, [item], {})
            except asyncio.CancelledError:
                item.done.cancel()  # the thread goes on until its transaction
                raise
        _settle(item, found)

    def note(self, states: States, *, at_once: bool = False) -> None:
        """Record what is known of zones, within a second. None: the zone isn't transferred any more."""
        due = asyncio.get_running_loop().time() + (0 if at_once else _NOTED)
        self._write_at = min(due, self._write_at) if self._noted else due
        self._noted |= states
        self._woken.set()

    async def run(self) -> None:
        """Store what comes, until cancelled. `StorePanicked`: another process has to continue.

        While one batch is stored, the next one is made ready, if it is large.
        """
        ready: _Ready | None = None
        try:
            while True:
                if ready is None:
                    await self._until_due()
                items = self._taken()
                begun = self._preparer.begin([self._transfer(item) for item in items])
                if ready is not None:
                    await self._store(ready.items, await ready.prepared)
                if begun is None and (items or self._noted):
                    await self._store(items)
                ready = None if begun is None else _Ready(items, begun)
        finally:
            await self._preparer.close()

    async def flush(self) -> None:
        """Store what waits, as much as one transaction takes in, and what is noted."""
        await self._store(self._taken())

    async def _store(self, items: list[_Brought], prepared: Prepared | None = None) -> None:
        noted, self._noted = self._noted, {}
        try:
            found = await asyncio.to_thread(self._store_all, items, noted, prepared)
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

    def _store_all(
        self, items: list[_Brought], noted: States, prepared: Prepared | None = None
    ) -> list[Arrival | ZonegitError]:
        """Store everything in one transaction; returns each transfer's result. On any thread."""
        for tries_left in reversed(range(_TRIES)):
            with self._context.store.keeping():
                found = prepared or prepare(self._context, [self._transfer(item) for item in items])
                found = [
                    Conflict(f"{item.place.zone} is no longer transferred") if item.done.cancelled() else each
                    for item, each in zip(items, found, strict=True)
                ]
                good = [(item, each) for item, each in zip(items, found, strict=True) if isinstance(each, Arrival)]
                states: States = {**noted, **{item.place.zone: item.state_of(each) for item, each in good}}
                try:
                    record = partial(self._record, [item for item, _ in good], states)
                    store_arrivals(self._context, [each for _, each in good], record)
                except Conflict:
                    if tries_left:
                        prepared = None
                        continue
                    raise
                return found
        raise AssertionError("unreachable")

    def _transfer(self, item: _Brought) -> Transfer:
        zone = item.place.zone
        return Transfer(item.place, item.brought, item.server, item.any_serial, zone in self.members)

    def _record(self, stored: list[_Brought], states: States, writer: Writer) -> None:
        """Record the states in the transaction that stores these. `Conflict` if one is no longer transferred."""
        for item in stored:
            zone = item.place.zone
            if item.done.cancelled() or (zone in self.members and not is_member(writer, zone)):
                raise Conflict(f"{zone} is no longer transferred")
        keep_states(writer, states)


def _settle(item: _Brought, result: Arrival | ZonegitError) -> None:
    if item.done.done():
        return  # the zone is gone from the configuration
    if isinstance(result, ZonegitError):
        item.done.set_exception(result)
    else:
        item.done.set_result(result)
