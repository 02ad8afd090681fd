"""Counters in memory that all processes of one daemon share, and what else its children inherit.

The supervisor makes one `SharedBlock`; it goes to each spawned child as an argument and outlives every one of
them, so counters stand still but don't fall when a child is replaced. It holds

- two rows of integers per DNS worker (UDP and TCP answer on threads of their own), plain u64 that only their
  owner writes;
- one area of labelled series per process: `block.samples(HTTP)`, see `Samples`;
- the pid and readiness of each process, and the configuration as of the last accepted reload: a child calls
  `block.config()` at SIGHUP;
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
from typing import Final, Protocol, cast

from zonegit.ops.config import Config
from zonegit.ops.samples import Samples

SUPERVISOR: Final = 0
HTTP: Final = 1
PULLER: Final = 2
FIRST_WORKER: Final = 3
"""Indices of the daemon's processes; DNS worker n is `FIRST_WORKER + n`."""

UDP_ROW: Final = 0
TCP_ROW: Final = 1

_AREA: Final = 256 << 10
_CONFIG: Final = 1 << 20
_CELL: Final = 8
_SIZE: Final = struct.Struct("<Q")


class SharedBlock:
    """The shared memory. Make it with `create`; it can be pickled only into a child that is being spawned."""

    def __init__(self, fd: int, workers: int, slots: int, listeners: Mapping[str, socket.socket]) -> None:
        self.workers = workers
        self.slots = slots
        self._fd = fd
        self._listeners = dict(listeners)
        self._map = mmap.mmap(fd, _size(workers, slots))
        self._cells = memoryview(self._map).cast("Q")

    @classmethod
    def create(
        cls, workers: int, slots: int, config: Config, listeners: Mapping[str, socket.socket] | None = None
    ) -> "SharedBlock":
        """A zeroed block for this many DNS workers with `slots` counters in a row."""
        fd = _anonymous_file()
        os.ftruncate(fd, _size(workers, slots))
        block = cls(fd, workers, slots, listeners or {})
        block.publish(config)
        return block

    def row(self, worker: int, part: int = UDP_ROW) -> MutableSequence[int]:
        """The counters of a DNS worker (from 0)."""
        start = self._states + 2 * self.processes + (2 * worker + part) * self.slots
        # A memoryview of u64 is what a mutable sequence of integers does here, though typing has no word for it.
        return cast(MutableSequence[int], self._cells[start : start + self.slots])

    def totals(self) -> list[int]:
        """Each slot summed over all rows."""
        rows = [self.row(worker, part) for worker in range(self.workers) for part in (UDP_ROW, TCP_ROW)]
        return [sum(column) for column in zip(*(list(row) for row in rows), strict=True)]

    def samples(self, process: int) -> Samples:
        """The series that a process publishes; each area has one writer."""
        start = _CONFIG + process * _AREA
        return Samples(memoryview(self._map)[start : start + _AREA])

    @property
    def processes(self) -> int:
        """How many areas there are."""
        return FIRST_WORKER + self.workers

    def enter(self, process: int, pid: int) -> None:
        """Note that a process runs, and isn't ready yet; pid 0 when it ended."""
        self._cells[self._states + 2 * process] = pid
        self._cells[self._states + 2 * process + 1] = 0

    def set_ready(self, process: int, ready: bool = True) -> None:
        """Say that a process does its work now (or no longer)."""
        self._cells[self._states + 2 * process + 1] = int(ready)

    def is_ready(self, process: int) -> bool:
        return bool(self._cells[self._states + 2 * process + 1])

    def pids(self) -> list[int]:
        """The processes that run, the supervisor first."""
        cells = self._cells[self._states : self._states + 2 * self.processes : 2]
        return [pid for pid in cells if pid]

    def publish(self, config: Config) -> None:
        """Make a configuration the one that children read. Only the supervisor calls this."""
        data = pickle.dumps(config)
        if len(data) > _CONFIG - _SIZE.size:
            raise ValueError(f"configuration of {len(data)} bytes")
        self._map[_SIZE.size : _SIZE.size + len(data)] = data
        self._map[: _SIZE.size] = _SIZE.pack(len(data))

    def config(self) -> Config:
        """The configuration of the last start or accepted reload, with the ports that were really bound."""
        (size,) = _SIZE.unpack(self._map[: _SIZE.size])
        found: Config = pickle.loads(self._map[_SIZE.size : _SIZE.size + size])  # noqa: S301  our own parent's
        return found

    def listener(self, name: str) -> socket.socket | None:
        """The bound, listening TCP socket for `metrics` or `replication`; None when it isn't configured."""
        return self._listeners.get(name)

    def without_listeners(self) -> "SharedBlock":
        """The same memory for a child that has no business with the listeners."""
        return SharedBlock(self._fd, self.workers, self.slots, {})

    def close(self) -> None:
        """Let go of the memory and of the listeners."""
        for listener in self._listeners.values():
            listener.close()
        os.close(self._fd)

    @property
    def _states(self) -> int:
        return (_CONFIG + self.processes * _AREA) // _CELL

    def __reduce__(self) -> tuple[object, ...]:
        return _attach, (reduction.DupFd(self._fd), self.workers, self.slots, self._listeners)


class _Handle(Protocol):
    """A descriptor on its way into a child."""

    def detach(self) -> int: ...


def _attach(handle: _Handle, workers: int, slots: int, listeners: Mapping[str, socket.socket]) -> SharedBlock:
    return SharedBlock(handle.detach(), workers, slots, listeners)


def _size(workers: int, slots: int) -> int:
    processes = FIRST_WORKER + workers
    return _CONFIG + processes * _AREA + _CELL * (2 * processes + 2 * workers * slots)


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create("zonegitd")
        except OSError:
            pass  # a sandbox may forbid it
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
