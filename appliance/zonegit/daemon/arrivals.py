"""Stores what transfers bring, and what is known of their zones: many zones in one durable transaction.

Whatever waits while a transaction is made durable goes into the next one, so a zone that changes alone is stored at
once, and thousands of zones need few transactions, which another process makes (`storing`). A large zone is made
ready beside the others. What is known of a zone without a change is written with the next transaction, or after a
second.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

from zonegit.acyclic import acyclic
from zonegit.daemon.storing import Batch, States, Stored, StoringProcess, Transfer, store_batch
from zonegit.errors import StorePanicked, ZonegitError
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival
from zonegit.repo.incoming.state import TransferState
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position

_LARGE: Final = 2_000
"""Records; a transfer of more is stored on a thread of its own, one at a time."""
_ZONES: Final = 256
_RECORDS: Final = 20_000
"""The most zones and records in one transaction, so that other writers have their turn."""
_NOTED: Final = 1.0
"""Seconds until what is known is written that came without a commit."""

StateOf = Callable[[Arrival], TransferState]


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


class _Handed(NamedTuple):
    """A batch that another process stores."""

    items: list[_Brought]
    batch: Batch
    stored: "asyncio.Task[Stored | None]"

    @property
    def is_given_back(self) -> bool:
        """Whether it has to be stored here."""
        stored = self.stored
        return stored.done() and not stored.cancelled() and not stored.exception() and stored.result() is None


class Arrivals:
    """The writer of transferred zones. For one event loop, in which `run` has to be running."""

    def __init__(self, context: Context, process: StoringProcess | None = None) -> None:
        """`process` is for large batches."""
        self._context = context
        self._process = process or StoringProcess(None)
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

        The result is without the objects. `state_of` is something that can be pickled.

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
                with acyclic():
                    [found] = await asyncio.to_thread(self._store_here, [item], self._batch([item], {}))
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

        While another process stores one batch, the next one is handed to it.
        """
        handed: _Handed | None = None
        try:
            while True:
                if handed is not None and handed.is_given_back:  # before another process stores the next one
                    given_back, handed = handed, None
                    await self._store(given_back.items, given_back.batch)
                if handed is None:
                    await self._until_due()
                items = self._taken()
                batch = self._batch(items, self._take_noted())
                stored = self._process.begin(batch)
                following = None if stored is None else _Handed(items, batch, stored)
                if handed is not None:
                    before, handed = handed, following
                    await self._store(
                        before.items, before.batch, before.stored, later=following and following.batch
                    )
                if following is None and (items or batch.noted):
                    await self._store(items, batch)
                handed = following
        finally:
            if handed is not None:
                self._noted = {**handed.batch.noted, **self._noted}
            await self._process.close()

    async def flush(self) -> None:
        """Store what waits, as much as one transaction takes in, and what is noted."""
        items = self._taken()
        await self._store(items, self._batch(items, self._take_noted()))

    async def _store(
        self,
        items: list[_Brought],
        batch: Batch,
        stored: "asyncio.Task[Stored | None] | None" = None,
        later: Batch | None = None,
    ) -> None:
        """Store a batch, or wait until the other process has stored it, which has one more: `later`."""
        try:
            found = None if stored is None else await stored
            if found is None:
                found = await asyncio.to_thread(self._store_here, items, batch)
        except StorePanicked:
            raise
        except ZonegitError as error:
            found = [error] * len(items)
            newer = {} if later is None else {**later.noted, **{each.place.zone: None for each in later.transfers}}
            old = {zone: state for zone, state in batch.noted.items() if zone not in newer}
            self.note({**old, **self._noted})
        for item, result in zip(items, found, strict=True):
            _settle(item, result)

    def _store_here(self, items: list[_Brought], batch: Batch) -> Stored:
        return store_batch(self._context, batch, lambda at: not items[at].done.cancelled())

    def _batch(self, items: list[_Brought], noted: States) -> Batch:
        return Batch([self._transfer(item) for item in items], noted)

    def _take_noted(self) -> States:
        noted, self._noted = self._noted, {}
        return noted

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

    def _transfer(self, item: _Brought) -> Transfer:
        is_member = item.place.zone in self.members
        return Transfer(item.place, item.brought, item.server, item.any_serial, is_member, item.state_of)


def _settle(item: _Brought, result: Arrival | ZonegitError) -> None:
    if item.done.done():
        return  # the zone is gone from the configuration
    if isinstance(result, ZonegitError):
        item.done.set_exception(result)
    else:
        item.done.set_result(result)
