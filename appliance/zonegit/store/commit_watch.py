"""Waits for commits to a repository, whichever process makes them.

LMDB announces no commit. So every writer sets the times of the data file to now once its transaction can be read
(`Files.announce`), which inotify(7) reports as IN_ATTRIB. What LMDB itself writes before that is IN_MODIFY, which
isn't watched for. An announcement may be missing, as of a writer that was killed: whoever waits has to look again
after some time anyway.
"""

import ctypes
import os
from select import POLLIN, poll
from typing import Final

_IN_ATTRIB: Final = 0x4  # <sys/inotify.h>
_POLL: Final = 0.005
"""The most seconds of a wait where the kernel reports nothing."""
_READ: Final = 4096
"""Bytes. Equal events are reported once, so that there are never more."""


class CommitWatch:
    """For one thread that waits; `wake` may be called from any."""

    def __init__(self, data: int) -> None:
        """`data`: a descriptor of the data file, which may be closed afterwards."""
        self._woken: Final = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._events: Final = _watching(data)
        self._poll: Final = poll()
        for descriptor in self._descriptors:
            self._poll.register(descriptor, POLLIN)

    @property
    def _descriptors(self) -> list[int]:
        return [self._woken] if self._events is None else [self._woken, self._events]

    def wait(self, seconds: float) -> bool:
        """Wait for a commit, or `wake`, since the last wait. False if there was none for so many seconds.

        Where the kernel reports nothing, that is the answer after 5 ms at the latest.
        """
        ready = self._poll.poll(1000 * (seconds if self._events is not None else min(seconds, _POLL)))
        for descriptor, _ in ready:
            os.read(descriptor, _READ)
        return bool(ready)

    def wake(self) -> None:
        """Have `wait` return."""
        os.eventfd_write(self._woken, 1)

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


def _watching(data: int) -> int | None:
    """A descriptor that reports what `Files.announce` does; None if there is none, as where a limit is reached."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "inotify_init1"):
        return None
    events: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if events < 0:
        return None
    if libc.inotify_add_watch(events, f"/proc/self/fd/{data}".encode(), _IN_ATTRIB) < 0:
        os.close(events)
        return None
    return events
