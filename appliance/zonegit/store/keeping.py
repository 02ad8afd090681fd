"""Who relies on objects that no ref names yet, and who deletes such objects: never both at once.

A pull, or the import of a large zone, finds objects here or stores some ahead, and names them later. As long as it
does, it holds a shared lock on one byte of the data file (an open file description lock, fcntl(2)): the kernel lets
go of it however its holder ends. `gc` deletes only while it holds that lock alone, a few milliseconds at a time.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

_OBJECTS: Final = 1 << 62
_COLLECTOR: Final = _OBJECTS + 1
"""The bytes that stand for kept objects, and for the one `gc`; far behind the end of any file."""
_LOCK: Final = struct.Struct("@hhqqi4x")
"""Linux' `struct flock`: type, whence, start, length, pid."""


@contextmanager
def keeping(file: int) -> Iterator[None]:
    """Have nothing deleted from an open data file's repository. Waits for a deletion that is going on."""
    own = _opened(file, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without such locks, on which nothing is deleted either
            fcntl.fcntl(own, fcntl.F_OFD_SETLKW, _LOCK.pack(fcntl.F_RDLCK, os.SEEK_SET, _OBJECTS, 1, 0))
        yield
    finally:
        os.close(own)


@contextmanager
def alone(file: int) -> Iterator[bool]:
    """Whether nobody keeps anything, and nobody begins to before this ends. Never waits."""
    with _held(file, _OBJECTS) as held:
        yield held


@contextmanager
def collecting(file: int) -> Iterator[bool]:
    """Whether nobody else collects what nothing names, before this ends."""
    with _held(file, _COLLECTOR) as held:
        yield held


@contextmanager
def _held(file: int, place: int) -> Iterator[bool]:
    own = _opened(file, os.O_RDWR)
    try:
        try:
            fcntl.fcntl(own, fcntl.F_OFD_SETLK, _LOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, place, 1, 0))
            held = True
        except OSError:
            held = False
        yield held
    finally:
        os.close(own)


def _opened(file: int, flags: int) -> int:
    """The file opened once more: such a lock belongs to one opening of a file, and threads have their own."""
    return os.open(f"/proc/self/fd/{file}", flags | os.O_CLOEXEC)
