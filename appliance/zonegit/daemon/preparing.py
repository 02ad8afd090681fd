"""Makes commits of many transfers ready in a process of its own, beside the one that transfers and stores.

With a catalog thousands of zones may come at once (RFC 9432). To check a zone and to build its tree takes about as
long as to transfer it, or to store it. The process starts with the first large batch, reads the repository and
writes nothing, and ends when none has come for some seconds. Without it, as on a machine with one processor, the
caller does this work itself.
"""

import asyncio
import os
import pickle
import signal
import struct
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from zonegit.errors import Conflict, ZonegitError
from zonegit.model.refs import head
from zonegit.ops.memory import give_back_large_blocks
from zonegit.repo.catalog.membership import is_member
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival, arrival
from zonegit.repo.incoming.values import Differences, WholeZone
from zonegit.repo.results import Position
from zonegit.repo.snapshot import one_version
from zonegit.store.lmdb import LmdbStore

_LARGE: Final = 32
"""Transfers in a batch that is worth another process."""
_IDLE: Final = 10.0
"""Seconds without such a batch after which the process ends."""
_LIMIT: Final = 1 << 20
"""Bytes of an answer that wait to be read."""
_SIZE: Final = struct.Struct("<Q")
_CODE: Final = "import sys; sys.path[:] = sys.argv[2:]; from zonegit.daemon.preparing import main; main()"


class Transfer(NamedTuple):
    """What a primary has sent of a zone."""

    place: Position
    brought: WholeZone | Differences
    server: str
    any_serial: bool
    from_catalog: bool
    """Whether the zone is only taken while it is a member of a catalog."""


Prepared = list[Arrival | ZonegitError]


def prepare(context: Context, transfers: Sequence[Transfer]) -> Prepared:
    """What each transfer becomes, by one version of the repository."""
    with one_version(context) as now:
        return [_prepare(now, each) for each in transfers]


class Preparer:
    """For one event loop. The process has one batch at a time; others wait for it."""

    def __init__(self, repo: Path | None) -> None:
        """`repo`: the repository's directory; None: there is no process."""
        self._repo = repo if len(os.sched_getaffinity(0)) > 1 else None
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        """Held while the process has a batch."""
        self._end: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, if there is one."""
        return None if self._process is None else self._process.pid

    def begin(self, transfers: Sequence[Transfer]) -> "asyncio.Task[Prepared | None] | None":
        """Have the process prepare these; None if it shouldn't. The result is None if it couldn't."""
        if self._repo is None or len(transfers) < _LARGE:
            return None
        self._end_later()
        return asyncio.create_task(self._done(self._repo, list(transfers)))

    async def close(self) -> None:
        """End the process. The next large batch would start it again."""
        process, self._process = self._process, None
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.communicate()

    async def _done(self, repo: Path, transfers: list[Transfer]) -> Prepared | None:
        async with self._turn:
            try:
                return await self._exchanged(repo, transfers)
            except (OSError, EOFError):  # it died, or there is no memory for it
                await self.close()
                return None
            except BaseException:  # its answer may come yet, and nobody waits for it
                await self.close()
                raise

    async def _exchanged(self, repo: Path, transfers: list[Transfer]) -> Prepared | None:
        """The process's answer; None if it was ended meanwhile."""
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", _CODE, str(repo), *sys.path, stdin=PIPE, stdout=PIPE, limit=_LIMIT
            )
        source, sink = self._process.stdout, self._process.stdin
        if source is None or sink is None:
            return None
        data = pickle.dumps(transfers)
        sink.write(_SIZE.pack(len(data)))
        sink.write(data)
        (size,) = _SIZE.unpack(await source.readexactly(_SIZE.size))
        answer: Prepared = pickle.loads(await source.readexactly(size))  # noqa: S301  our own child's
        return answer

    def _end_later(self) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = asyncio.get_running_loop().call_later(_IDLE, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._turn.locked():
            self._end_later()
        else:
            self._ending = asyncio.create_task(self.close())


def main() -> None:
    """The process: prepares one batch after the other, until its parent closes the pipe."""
    repo = Path(sys.argv[1])
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    give_back_large_blocks()
    context = Context.over(LmdbStore.open(repo, readonly=True))
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(_SIZE.size):
        (size,) = _SIZE.unpack(head)
        found = prepare(context, pickle.loads(source.read(size)))  # noqa: S301  our own parent's
        data = pickle.dumps(found)
        sink.write(_SIZE.pack(len(data)) + data)
        sink.flush()


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
