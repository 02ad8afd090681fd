"""Stores what transfers brought, many zones in one durable transaction; thousands in a process of its own.

With a catalog thousands of zones may come at once (RFC 9432). To check a zone, to build its tree and to store it
takes longer than to transfer it, and in a thread it would hold up the exchanges. So large batches go to a process
beside the one that transfers. It starts with the first of them, stores them in their order, and ends when none has
come for some seconds. Without it, as on a machine with one processor, the caller does this work itself.
"""

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.daemon.writers_patience import writers_patience
from zonegit.errors import Conflict, ZonegitError
from zonegit.model.refs import head
from zonegit.ops import log
from zonegit.ops.memory import collect_cycles_rarely, give_back_large_blocks
from zonegit.piped_process import command, serve_ahead
from zonegit.piped_values import HEAD_SIZE, body_size, frame, receive, value
from zonegit.repo.catalog.membership import is_member
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival, arrival, store_arrivals
from zonegit.repo.incoming.state import TransferState, keep_states
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.repo.snapshot import one_version
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import Writer

_LARGE: Final = 32
"""Transfers in a batch that is worth another process."""
_TRIES: Final = 3
"""How often a transfer is made ready if its branch moves meanwhile."""
_IDLE: Final = 10.0
"""Seconds without such a batch after which the process ends."""
_LIMIT: Final = 1 << 20
"""Bytes of an answer that wait to be read."""

_logger: Final = logging.getLogger(__name__)

States = Mapping[str, TransferState | None]
"""What is known of zones from now on; None: the zone isn't transferred any more."""


class Transfer(NamedTuple):
    """What a primary has sent of a zone."""

    place: Position
    brought: WholeZone | Differences
    server: str
    any_serial: bool
    from_catalog: bool
    """Whether the zone is only taken while it is a member of a catalog."""
    state_of: Callable[[Arrival], TransferState]
    """The state that follows. Something that can be pickled."""


Stored = list[Arrival | ZonegitError]
"""The result of each transfer, without the objects."""


class Batch(NamedTuple):
    """What goes into one transaction."""

    transfers: Sequence[Transfer]
    noted: States
    """Of other zones."""


def store_batch(context: Context, batch: Batch, is_wanted: Callable[[int], bool] = lambda at: True) -> Stored:
    """Commit transfers, and record the states that follow, in one transaction. On any thread.

    `is_wanted`: whether a transfer of the batch is to be stored still.
    """
    for tries_left in reversed(range(_TRIES)):
        with context.store.keeping():
            found = _prepared(context, batch.transfers, is_wanted)
            good = [(at, each) for at, each in enumerate(found) if isinstance(each, Arrival)]
            states = {**batch.noted}
            for at, each in good:
                states[batch.transfers[at].place.zone] = batch.transfers[at].state_of(each)

            def record(writer: Writer, good: Sequence[tuple[int, Arrival]] = good, states: States = states) -> None:
                for at, _ in good:
                    _check_wanted(writer, batch.transfers[at], is_wanted=is_wanted(at))
                keep_states(writer, states)

            try:
                store_arrivals(context, [each for _, each in good], record)
            except Conflict:
                if not tries_left:
                    raise
            else:
                return [_without_objects(each) for each in found]
    raise AssertionError("unreachable")


class _Life:
    """Of one process, from the first batch that it is to have until its end."""

    def __init__(self) -> None:
        self.process: Process | None = None
        """None until it has started."""
        self.handed = 0
        """Batches that it has, or that it had and whose callers don't know yet that it couldn't store them."""


class StoringProcess:
    """For one event loop. Batches are stored in the order in which they come."""

    def __init__(self, repo: Path | None, form: log.Format = log.Format.TEXT) -> None:
        """`repo`: the repository's directory; None: there is no process. `form` is that of its log."""
        self._form = form
        self._repo = repo if len(os.sched_getaffinity(0)) > 1 else None
        self._life = _Life()
        self._before = _Life()
        """Of the process, and of the last one before it that left batches behind."""
        self._sending = asyncio.Lock()
        self._answering = asyncio.Lock()
        """Both are held by one batch after the other, in their order."""
        self._end: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return None if self._life.process is None else self._life.process.pid

    def begin(self, batch: Batch) -> "asyncio.Task[Stored | None] | None":
        """Have the process store this; None if it shouldn't. The result is None if it couldn't.

        So that batches keep their order, a small one only goes to the process behind another one, and none goes to
        a new process before all are given back that the last one couldn't store. The result raises what
        `store_batch` does.
        """
        life = self._life
        is_worth_it = len(batch.transfers) >= _LARGE or (life.handed and batch.transfers)
        if self._repo is None or not is_worth_it or self._before.handed:
            return None
        life.handed += 1
        self._end_later()
        return asyncio.create_task(self._done(life, self._repo, batch))

    async def close(self) -> None:
        """End the process. The next large batch would start it again."""
        life, self._life = self._life, _Life()
        if life.handed:
            self._before = life
        if self._end is not None:
            self._end.cancel()
            self._end = None
        async with self._sending:  # it may be starting
            process = life.process
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            async with self._answering:  # who waits for an answer reads the end of the pipe before
                await process.communicate()

    async def _done(self, life: _Life, repo: Path, batch: Batch) -> Stored | None:
        try:
            answer = await self._exchanged(life, repo, batch)
        finally:
            life.handed -= 1
        if isinstance(answer, ZonegitError):
            raise answer
        return answer

    async def _exchanged(self, life: _Life, repo: Path, batch: Batch) -> Stored | ZonegitError | None:
        """The process's answer; None if it died, was ended meanwhile, or there is no memory for it."""
        try:
            async with self._sending:
                if life is not self._life:
                    return None
                process = life.process = life.process or await _started(repo, self._form)
                source, sink = process.stdout, process.stdin
                if source is None or sink is None:
                    return None
                sink.writelines(frame(batch))
            async with self._answering:
                size = body_size(await source.readexactly(HEAD_SIZE))
                answer: Stored | ZonegitError = value(await source.readexactly(size))
                return answer
        except (OSError, EOFError):
            if life is self._life:
                await self.close()
            return None
        except BaseException:  # its answer may come yet, and nobody waits for it
            if life is self._life:
                await self.close()
            raise

    def _end_later(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(_IDLE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._life.handed:
            self._end_later()
        else:
            self._ending = asyncio.create_task(self.close())


def main() -> None:
    """The process: stores one batch after the other, until its parent closes the pipe."""
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    give_back_large_blocks()
    collect_cycles_rarely()
    repo, form = receive(sys.stdin.buffer)
    log.setup("storing", form)
    context = Context.over(LmdbStore.open(repo, patience=writers_patience(_logger)))

    def answer(batch: Batch) -> Stored | ZonegitError:
        try:
            return store_batch(context, batch)
        except ZonegitError as error:
            return error

    serve_ahead(answer)


async def _started(repo: Path, form: log.Format) -> Process:
    process = await create_subprocess_exec(*command(__name__), stdin=PIPE, stdout=PIPE, limit=_LIMIT)
    assert process.stdin is not None  # noqa: S101  it is a pipe
    process.stdin.writelines(frame((repo, form)))
    return process


def _prepared(context: Context, transfers: Sequence[Transfer], is_wanted: Callable[[int], bool]) -> Stored:
    """What each transfer becomes, by one version of the repository."""
    with one_version(context) as now:
        return [
            _prepare(now, each) if is_wanted(at) else _unwanted(each.place.zone)
            for at, each in enumerate(transfers)
        ]


def _prepare(context: Context, each: Transfer) -> Arrival | ZonegitError:
    zone = each.place.zone
    any_serial = each.any_serial
    if each.from_catalog:
        with context.store.read() as reader:
            if not is_member(reader, zone):
                return Conflict(f"{zone} has left its catalog")
            any_serial |= reader.live(head(zone, each.place.branch)) is None  # it begins, maybe again (§5.4)
    try:
        return arrival(context, each.place, each.brought, each.server, any_serial=any_serial)
    except ZonegitError as error:
        return error


def _check_wanted(writer: Writer, transfer: Transfer, *, is_wanted: bool) -> None:
    """`Conflict` if a transfer isn't to be stored any more."""
    zone = transfer.place.zone
    if not is_wanted or (transfer.from_catalog and not is_member(writer, zone)):
        raise _unwanted(zone)


def _unwanted(zone: str) -> Conflict:
    return Conflict(f"{zone} is no longer transferred")


def _without_objects(each: Arrival | ZonegitError) -> Arrival | ZonegitError:
    return each._replace(ready=each.ready._replace(objects=())) if isinstance(each, Arrival) else each
