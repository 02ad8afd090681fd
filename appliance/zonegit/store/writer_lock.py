"""The lock that a writer takes before LMDB's own: waiting has a timeout, Ctrl-C ends it, and it can name the
holder.

LMDB's writer lock is a mutex in shared memory. A process waits for it inside the library, without a timeout and
without handling signals, and can't find out who holds it. This lock is flock(2) on the data file: the kernel
releases it however its holder ends, and lists the holder in /proc/locks. Whoever holds this lock gets LMDB's
without waiting.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Final, NamedTuple

from zonegit.errors import StoreBusy
from zonegit.model.foreign import one_line

_REPORT_AFTER: Final = 1.0
_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.02
"""Seconds between two tries."""
_COMMAND: Final = 100
"""Characters of a command that are shown."""


def _ignore(_message: str) -> None:
    """Report nothing."""


class Patience(NamedTuple):
    """How long to wait for another writer, and how to report the wait."""

    seconds: float | None = None
    """None: forever; 0: not at all."""
    report: Callable[[str], None] = _ignore
    """Called once, with a message, after a second of waiting."""


ENDLESS: Final = Patience()


class WriterLock:
    """The lock of one data file, between processes and between the threads of this one."""

    def __init__(self, path: Path, file: int) -> None:
        """`file` is a descriptor of the data file of the repository at `path`; `close` closes it."""
        self._path = path
        self._file = file
        self._thread = threading.Lock()

    @contextmanager
    def held(self, patience: Patience, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the lock. `StoreBusy` if another writer holds it for longer than `patience`.

        `check` is called between two attempts; an exception from it ends the wait.
        """
        self._take(patience, check)
        try:
            yield
        finally:
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)
            self._thread.release()

    def close(self) -> None:
        os.close(self._file)

    def _take(self, patience: Patience, check: Callable[[], None]) -> None:
        started = monotonic()
        reported = False
        pause = _FIRST_PAUSE
        while not self._try(pause):
            check()
            waited = monotonic() - started
            if patience.seconds is not None and waited >= patience.seconds:
                raise StoreBusy(
                    f"{self._holder()} is writing to the repository at {self._path}; nothing was written: "
                    "try again, or wait longer with --lock-timeout"
                )
            if waited >= _REPORT_AFTER and not reported:
                reported = True
                patience.report(f"waiting for {self._holder()}, which is writing to the repository at {self._path}")
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, pause: float) -> bool:
        """Take the lock, or return False after `pause` seconds.

        The threads' lock comes first: flock belongs to the open file, which threads share, so it doesn't exclude
        them.
        """
        if not self._thread.acquire(timeout=pause):
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._thread.release()
            sleep(pause)
            return False
        except OSError:
            pass  # a file system without flock, where only LMDB's own lock protects
        except BaseException:
            self._thread.release()
            raise
        return True

    def _holder(self) -> str:
        """A description of the process that holds the lock, as far as known."""
        pid = _owner(os.fstat(self._file).st_ino)
        if pid == os.getpid() or self._thread.locked():
            return "another thread of this process"
        return _described(pid) if pid else "another process"


def _owner(inode: int) -> int:
    """The pid in /proc/locks for the flock on a file; 0 if there is none."""
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return 0
    for words in map(str.split, lines):  # `1: FLOCK  ADVISORY  WRITE 4711 08:01:131 0 EOF`
        if words[1:4] == ["FLOCK", "ADVISORY", "WRITE"] and words[5].rpartition(":")[2] == str(inode):
            return max(int(words[4]), 0)
    return 0


def _described(pid: int) -> str:
    """`zonegit import big.zone (pid 4711, user alice)`."""
    user = ""
    try:
        user = f", user {user_name(Path(f'/proc/{pid}').stat().st_uid)}"
        command = _command(pid)
    except OSError:
        command = ""
    return f"{command or 'a process'} (pid {pid}{user})"


def _command(pid: int) -> str:
    """A process's command without the interpreter; for a child of the daemon, the daemon's."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    if "--multiprocessing-fork" in words:
        return _command(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        del words[0]
    words[0] = Path(words[0]).name
    text = " ".join(words)
    return one_line(text, _COMMAND)


def user_name(uid: int) -> str:
    """A user's name, or the uid if the system doesn't know the user."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
