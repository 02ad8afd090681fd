"""Memory shared by all processes of one daemon: counters, states, the configuration.

The supervisor creates one `SharedBlock` and passes it to each child that it spawns. The block outlives the
children, so counters keep their values when a child is replaced. It holds

- two rows of integers per DNS worker (UDP and TCP answer on threads of their own), plain u64 that only their
  owner writes;
- one area of labelled series per process: `block.samples(HTTP)`, see `Samples`;
- the pid, readiness and open connections of each process;
- the zone that each thread is reading, and the zones that no process may read (`ops.crumbs`);
- the configuration as of the last accepted reload: a child calls `block.config()` on SIGHUP;
- the listening sockets that the supervisor created or inherited: `block.listener("metrics")`;
- the process's ends of the channels to other processes: `block.channel_ends("updater")` (`daemon.channels`).

It is an anonymous file (memfd, or an unlinked temporary file) that disappears with the last process.
"""

import mmap
import os
import pickle
import socket
import struct
from collections.abc import Mapping, MutableSequence, Sequence
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
PUBLISHER: Final = 4
UPDATER: Final = 5
REFRESHER: Final = 6
FIRST_WORKER: Final = 7
"""Indices of the daemon's processes. DNS worker n is `FIRST_WORKER + n`; after the last one come the http processes
beyond the first."""

UDP_ROW: Final = 0
TCP_ROW: Final = 1

_AREA: Final = 256 << 10
_CONFIG: Final = 32 << 20
"""Bytes for each of two configurations; a page takes memory when it is written."""
_CELL: Final = 8
_AREAS: Final = _CELL + 2 * _CONFIG
"""Offset of the areas: after the number of the current configuration, and the two buffers for configurations."""
_STATE: Final = 6
"""Cells of a process's state: pid, readiness, open connections, served zones, milliseconds of its last beat, the
number of the configuration that it goes by."""
_SIZE: Final = struct.Struct("<Q")

ChannelEnds = Mapping[str, Sequence[socket.socket]]
"""A process's ends of channels, by the process that receives requests from them."""


class SharedBlock:
    """The shared memory. Use `create`; it can only be pickled into a child that is being spawned."""

    def __init__(
        self,
        fd: int,
        workers: int,
        slots: int,
        listeners: Mapping[str, socket.socket],
        http_workers: int = 1,
        channels: ChannelEnds | None = None,
    ) -> None:
        self.workers = workers
        self.http = (HTTP, *range(FIRST_WORKER + workers, FIRST_WORKER + workers + http_workers - 1))
        """Indices of the http processes."""
        self.slots = slots
        self._fd = fd
        self._listeners = dict(listeners)
        self._channels = channels or {}
        self._map = mmap.mmap(fd, _size(workers, slots, http_workers))
        self._cells = memoryview(self._map).cast("Q")
        self._read: tuple[int, Config] | None = None
        """The number of the configuration that was read last, and the configuration."""

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
        # typing can't express that a memoryview of u64 is a mutable sequence of integers.
        return cast(MutableSequence[int], self._cells[start : start + self.slots])

    def totals(self, slots: int | None = None) -> list[int]:
        """Each slot (or each of the first `slots`) summed over all rows."""
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
    def senders(self) -> tuple[int, ...]:
        """The indices of the processes that clients send requests to, and that may pass them on to another."""
        return (*range(FIRST_WORKER, FIRST_WORKER + self.workers), *self.http)

    @property
    def processes(self) -> int:
        """The number of processes, and of areas."""
        return FIRST_WORKER + self.workers + len(self.http) - 1

    def enter(self, process: int, pid: int) -> None:
        """Record that a process has started and isn't ready yet; pid 0: that it has ended."""
        at = self._states + _STATE * process
        self._cells[at], self._cells[at + 1], self._cells[at + 2] = pid, 0, 0

    def set_ready(self, process: int, ready: bool = True) -> None:
        """Record that a process is ready, or no longer is."""
        self._cells[self._states + _STATE * process + 1] = int(ready)

    def is_ready(self, process: int) -> bool:
        return bool(self._cells[self._states + _STATE * process + 1])

    def note_connections(self, process: int, count: int) -> None:
        """Record how many connections a process has open."""
        self._cells[self._states + _STATE * process + 2] = count

    def connections(self, process: int) -> int:
        return self._cells[self._states + _STATE * process + 2]

    def note_zones(self, process: int, count: int) -> None:
        """Record how many zones a DNS worker serves."""
        self._cells[self._states + _STATE * process + 3] = count

    def zones(self, process: int) -> int:
        return self._cells[self._states + _STATE * process + 3]

    def beat(self, process: int) -> None:
        """Record the heartbeat of a process: its periodic work is done."""
        self._cells[self._states + _STATE * process + 4] = int(monotonic() * 1000)

    def last_beat(self, process: int) -> float:
        """The last heartbeat by the monotonic clock, in seconds; 0: none. It survives the process."""
        return self._cells[self._states + _STATE * process + 4] / 1000

    @property
    def has_newer_config(self) -> bool:
        """Whether a configuration was published since this process read one."""
        return self._read is None or self._read[0] != self._cells[0]

    def note_config(self, process: int) -> None:
        """Record that all answers of a process go by the configuration that it has read, from now on."""
        self._cells[self._states + _STATE * process + 5] = self._read[0] if self._read is not None else 0

    @property
    def is_config_in_force(self) -> bool:
        """Whether every DNS worker that is running goes by the current configuration."""
        starts = (self._states + _STATE * (FIRST_WORKER + worker) for worker in range(self.workers))
        return all(self._cells[at + 5] == self._cells[0] or not self._cells[at + 1] for at in starts)

    @property
    def crumbs(self) -> Crumbs:
        """The record of zones whose reading killed a process."""
        start = self._states * _CELL + _CELL * (_STATE * self.processes + 2 * self.workers * self.slots)
        return Crumbs(memoryview(self._map)[start : start + crumbs.size(self.processes)])

    def pids(self) -> list[int]:
        """The pids of the running processes, the supervisor first."""
        cells = self._cells[self._states : self._states + _STATE * self.processes : _STATE]
        return [pid for pid in cells if pid]

    def publish(self, config: Config) -> None:
        """Publish a configuration for the children. Only the supervisor calls this.

        `ConfigError` if it is too large; then the previous one stays.
        """
        data = pickle.dumps(config)
        if len(data) > _CONFIG - _SIZE.size:
            raise ConfigError(f"the configuration has {len(data):,} bytes; at most {_CONFIG:,} are allowed")
        number = self._cells[0] + 1
        at = _place(number)
        self._map[at + _SIZE.size : at + _SIZE.size + len(data)] = data
        self._map[at : at + _SIZE.size] = _SIZE.pack(len(data))
        self._cells[0] = number

    def config(self) -> Config:
        """The configuration of the start or the last accepted reload, with the ports that were actually bound."""
        known = self._read
        while known is None or known[0] != self._cells[0]:
            number = self._cells[0]
            at = _place(number)
            (size,) = _SIZE.unpack(self._map[at : at + _SIZE.size])
            data = self._map[at + _SIZE.size : at + _SIZE.size + size]
            if self._cells[0] == number:  # otherwise the buffer may have been overwritten meanwhile
                known = self._read = number, pickle.loads(data)  # noqa: S301  our own parent's
        return known[1]

    def listener(self, name: str) -> socket.socket | None:
        """The bound, listening TCP socket for `metrics` or `replication`; None if it isn't configured."""
        return self._listeners.get(name)

    def without_listeners(self) -> "SharedBlock":
        """The same memory, for a child that needs no listeners."""
        return self._with({})

    def with_listener(self, name: str) -> "SharedBlock":
        """The same memory, for a child that serves on the listener of this name, if it exists."""
        return self._with({known: sock for known, sock in self._listeners.items() if known == name})

    def channel_ends(self, receiver: str) -> Sequence[socket.socket]:
        """This process's ends of the channels to `receiver`: one, or all of them in the receiver itself."""
        return self._channels.get(receiver, ())

    def with_channels(self, ends: ChannelEnds) -> "SharedBlock":
        """The same memory and listeners, for a child with these ends of channels."""
        return self._with(self._listeners, ends)

    def _with(self, listeners: Mapping[str, socket.socket], channels: ChannelEnds | None = None) -> "SharedBlock":
        return SharedBlock(self._fd, self.workers, self.slots, listeners, len(self.http), channels)

    def close(self) -> None:
        """Close the memory and the listeners."""
        for listener in self._listeners.values():
            listener.close()
        os.close(self._fd)

    @property
    def _states(self) -> int:
        return (_AREAS + self.processes * _AREA) // _CELL

    def __reduce__(self) -> tuple[object, ...]:
        passed = self.workers, self.slots, self._listeners, len(self.http), self._channels
        return _attach, (reduction.DupFd(self._fd), *passed)


class _Handle(Protocol):
    """A descriptor that is being passed to a child."""

    def detach(self) -> int: ...


def _attach(
    handle: _Handle,
    workers: int,
    slots: int,
    listeners: Mapping[str, socket.socket],
    http_workers: int,
    channels: ChannelEnds,
) -> SharedBlock:
    return SharedBlock(handle.detach(), workers, slots, listeners, http_workers, channels)


def _size(workers: int, slots: int, http_workers: int) -> int:
    processes = FIRST_WORKER + workers + http_workers - 1
    cells = _STATE * processes + 2 * workers * slots
    return _AREAS + processes * _AREA + _CELL * cells + crumbs.size(processes)


def _place(number: int) -> int:
    """Offset of the configuration with this number: two buffers alternate, so that the current one is complete."""
    return _CELL + number % 2 * _CONFIG


def _anonymous_file() -> int:
    if hasattr(os, "memfd_create"):
        try:
            return os.memfd_create("zonegitd")
        except OSError:
            pass  # a sandbox may forbid it
    from tempfile import TemporaryFile

    with TemporaryFile() as file:
        return os.dup(file.fileno())
