"""Counters in memory that all processes of one daemon share, and what else its children inherit.

The supervisor makes one `SharedBlock`; it goes to each spawned child as an argument and outlives every one of
them, so counters stand still but don't fall when a child is replaced. It holds

- two rows of integers per DNS worker (UDP and TCP answer on threads of their own), plain u64 that only their
  owner writes;
- one area of labelled series per process: `block.samples(HTTP)`, see `Samples`;
- the pid, readiness and open connections of each process;
- the zone that each thread is reading, and the zones that no process may read (`ops.crumbs`);
- the configuration as of the last accepted reload: a child calls `block.config()` at SIGHUP;
- the listening sockets that the supervisor made or was handed: `block.listener("metrics")`.

It is an anonymous file (memfd, or an unlinked temporary one), gone with its last process.
"""

import mmap
import os
import pickle
import socket
import struct
import tempfile
from collections.abc import Mapping, MutableSequence
from multiprocessing import reduction
from time import monotonic
from typing import Final, Protocol, cast

from zonegit.errors import ConfigError
from zonegit.ops import crumbs
from zonegit.ops.config import Config
from zonegit.ops.crumbs import Crumbs
from zonegit.ops.samples import Samples

SUPERVISOR: Final = 0
HTTP: Final = 1
PULLER: Final = 2
NOTIFIER: Final = 3
FIRST_WORKER: Final = 4
"""Indices of the daemon's processes; DNS worker n is `FIRST_WORKER + n`. Behind the last one stand the http
processes beyond the first."""

UDP_ROW: Final = 0
TCP_ROW: Final = 1

_AREA: Final = 256 << 10
_CONFIG: Final = 32 << 20
"""Bytes for each of two configurations; a page takes memory when it is written."""
_CELL: Final = 8
_AREAS: Final = _CELL + 2 * _CONFIG
"""Where the areas begin: behind the number of the configuration that counts, and the places of two."""
_STATE: Final = 5
"""Cells of a process's state: pid, readiness, open connections, served zones, milliseconds of its last beat."""
_SIZE: Final = struct.Struct("<Q")


class SharedBlock:
    """The shared memory. Make it with `create`; it can be pickled only into a child that is being spawned."""

    def __init__(
        self, fd: int, workers: int, slots: int, listeners: Mapping[str, socket.socket], http_workers: int = 1
    ) -> None:
        self.workers = workers
        self.http = (HTTP, *range(FIRST_WORKER + workers, FIRST_WORKER + workers + http_workers - 1))
        """Indices of the http processes."""
        self.slots = slots
        self._fd = fd
        self._listeners = dict(listeners)
        self._map = mmap.mmap(fd, _size(workers, slots, http_workers))
        self._cells = memoryview(self._map).cast("Q")
        self._read: tuple[int, Config] | None = None
        """The configuration that was read last, and its number."""

    @classmethod
    def create(
        cls, workers: int, slots: int, config: Config, listeners: Mapping[str, socket.socket] | None = None
    ) -> "SharedBlock":
        """A zeroed block for this many DNS workers with `slots` counters in a row, and for the http processes."""
        http_workers = config.replication.workers if config.replication else 1
        fd = _anonymous_file()
        os.ftruncate(fd, _size(workers, slots, http_workers))
        block = cls(fd, workers, slots, listeners or {}, http_workers)
        block.publish(config)
        return block

    def row(self, worker: int, part: int = UDP_ROW) -> MutableSequence[int]:
        """The counters of a DNS worker (from 0)."""
        start = self._states + _STATE * self.processes + (2 * worker + part) * self.slots
        # A memoryview of u64 is what a mutable sequence of integers does here, though typing has no word for it.
        return cast(MutableSequence[int], self._cells[start : start + self.slots])

    def totals(self, slots: int | None = None) -> list[int]:
        """Each slot, or each of the first so many, summed over all rows."""
        rows = [self.row(worker, part)[:slots] for worker in range(self.workers) for part in (UDP_ROW, TCP_ROW)]
        return [sum(column) for column in zip(*(list(row) for row in rows), strict=True)]

    def total(self, slot: int) -> int:
        """One slot summed over all rows."""
        return sum(self.row(worker, part)[slot] for worker in range(self.workers) for part in (UDP_ROW, TCP_ROW))

    def samples(self, process: int) -> Samples:
        """The series that a process publishes; each area has one writer."""
        start = _AREAS + process * _AREA
        return Samples(memoryview(self._map)[start : start + _AREA])

    @property
    def processes(self) -> int:
        """How many areas there are."""
        return FIRST_WORKER + self.workers + len(self.http) - 1

    def enter(self, process: int, pid: int) -> None:
        """Note that a process runs, and isn't ready yet; pid 0 when it ended."""
        at = self._states + _STATE * process
        self._cells[at], self._cells[at + 1], self._cells[at + 2] = pid, 0, 0

    def set_ready(self, process: int, ready: bool = True) -> None:
        """Say that a process does its work now (or no longer)."""
        self._cells[self._states + _STATE * process + 1] = int(ready)

    def is_ready(self, process: int) -> bool:
        return bool(self._cells[self._states + _STATE * process + 1])

    def note_connections(self, process: int, count: int) -> None:
        """Say how many connections a process has open."""
        self._cells[self._states + _STATE * process + 2] = count

    def connections(self, process: int) -> int:
        return self._cells[self._states + _STATE * process + 2]

    def note_zones(self, process: int, count: int) -> None:
        """Say how many zones a DNS worker serves."""
        self._cells[self._states + _STATE * process + 3] = count

    def zones(self, process: int) -> int:
        return self._cells[self._states + _STATE * process + 3]

    def beat(self, process: int) -> None:
        """Say that a process has just done what it has to do again and again."""
        self._cells[self._states + _STATE * process + 4] = int(monotonic() * 1000)

    def last_beat(self, process: int) -> float:
        """When that was, by the monotonic clock, which all processes share; 0 if never. Outlives the process."""
        return self._cells[self._states + _STATE * process + 4] / 1000

    @property
    def crumbs(self) -> Crumbs:
        """What is known of zones whose reading ended a process."""
        start = self._states * _CELL + _CELL * (_STATE * self.processes + 2 * self.workers * self.slots)
        return Crumbs(memoryview(self._map)[start : start + crumbs.size(self.processes)])

    def pids(self) -> list[int]:
        """The processes that run, the supervisor first."""
        cells = self._cells[self._states : self._states + _STATE * self.processes : _STATE]
        return [pid for pid in cells if pid]

    def publish(self, config: Config) -> None:
        """Make a configuration the one that children read. Only the supervisor calls this.

        `ConfigError` for one that is too large; then the one before stays.
        """
        data = pickle.dumps(config)
        if len(data) > _CONFIG - _SIZE.size:
            raise ConfigError(f"the configuration takes {len(data):,} bytes: {_CONFIG:,} is the most")
        number = self._cells[0] + 1
        at = _place(number)
        self._map[at + _SIZE.size : at + _SIZE.size + len(data)] = data
        self._map[at : at + _SIZE.size] = _SIZE.pack(len(data))
        self._cells[0] = number

    def config(self) -> Config:
        """The configuration of the last start or accepted reload, with the ports that were really bound."""
        known = self._read
        while known is None or known[0] != self._cells[0]:
            number = self._cells[0]
            at = _place(number)
            (size,) = _SIZE.unpack(self._map[at : at + _SIZE.size])
            data = self._map[at + _SIZE.size : at + _SIZE.size + size]
            if self._cells[0] == number:  # else this place may have been written to meanwhile
                known = self._read = number, pickle.loads(data)  # noqa: S301  our own parent's
        return known[1]

    def listener(self, name: str) -> socket.socket | None:
        """The bound, listening TCP socket for `metrics` or `replication`; None when it isn't configured."""
        return self._listeners.get(name)

    def without_listeners(self) -> "SharedBlock":
        """The same memory for a child that has no business with the listeners."""
        return self._with({})

    def with_listener(self, name: str) -> "SharedBlock":
        """The same memory for a child that serves on one listener, if there is one of that name."""
        return self._with({known: sock for known, sock in self._listeners.items() if known == name})

    def _with(self, listeners: Mapping[str, socket.socket]) -> "SharedBlock":
        return SharedBlock(self._fd, self.workers, self.slots, listeners, len(self.http))

    def close(self) -> None:
        """Let go of the memory and of the listeners."""
        for listener in self._listeners.values():
            listener.close()
        os.close(self._fd)

    @property
    def _states(self) -> int:
        return (_AREAS + self.processes * _AREA) // _CELL

    def __reduce__(self) -> tuple[object, ...]:
        return _attach, (reduction.DupFd(self._fd), self.workers, self.slots, self._listeners, len(self.http))


class _Handle(Protocol):
    """A descriptor on its way into a child."""

    def detach(self) -> int: ...


def _attach(
    handle: _Handle, workers: int, slots: int, listeners: Mapping[str, socket.socket], http_workers: int
) -> SharedBlock:
    return SharedBlock(handle.detach(), workers, slots, listeners, http_workers)


def _size(workers: int, slots: int, http_workers: int) -> int:
    processes = FIRST_WORKER + workers + http_workers - 1
    cells = _STATE * processes + 2 * workers * slots
    return _AREAS + processes * _AREA + _CELL * cells + crumbs.size(processes)


def _place(number: int) -> int:
    """Where the configuration of this number stands: two places in turn, so that the one that counts is whole."""
    return _CELL + number % 2 * _CONFIG


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create("zonegitd")
        except OSError:
            pass  # a sandbox may forbid it
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
