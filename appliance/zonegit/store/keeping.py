"""The lock that keeps `gc` from deleting objects that no ref reaches yet, but that somebody still needs.

A pull, or the import of a large zone, first finds or stores objects, and moves a ref to them later. Until then it
holds a shared lock on a byte of the data file (an open file description lock, fcntl(2)), which the kernel releases
however the process ends. `gc` deletes only while it holds that lock exclusively, a few milliseconds at a time.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_OBJECTS: Final = 1 << 62
_COLLECTOR: Final = _OBJECTS + 1
"""The bytes to lock: one for kept objects, one for the only `gc`, both far beyond the end of any file."""
_LOCK: Final = struct.Struct("@hhqqi4x")
"""Linux' `struct flock`: type, whence, start, length, pid."""


@contextmanager
def keeping(file: int) -> Iterator[None]:
    """Keep objects from being deleted. Waits for a deletion in progress. `file`: a descriptor of the data file."""
    own = _opened(file, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without such locks, on which `gc` deletes nothing either
            fcntl.fcntl(own, fcntl.F_OFD_SETLKW, _LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, _OBJECTS, 1, 0))
        yield
    finally:
        os.close(own)


@contextmanager
def alone(file: int) -> Iterator[bool]:
    """Lock out `keeping` for the duration; yields False, without waiting, if somebody keeps objects."""
    with _held(file, _OBJECTS) as held:
        yield held


@contextmanager
def collecting(file: int) -> Iterator[bool]:
    """Be the only `gc` for the duration; yields False, without waiting, if another one runs."""
    with _held(file, _COLLECTOR) as held:
        yield held


@contextmanager
def _held(file: int, offset: int) -> Iterator[bool]:
    own = _opened(file, os.O_RDWR)
    try:
        try:
            fcntl.fcntl(own, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0))
            held = True
        except OSError:
            held = False
        yield held
    finally:
        os.close(own)


def _opened(file: int, flags: int) -> int:
    """The file, opened again: a lock belongs to an open file description, so each thread's lock needs its own."""
    return os.open(f"/proc/self/fd/{file}", flags | os.O_CLOEXEC)
