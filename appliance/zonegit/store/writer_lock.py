"""The lock that a writer takes before LMDB's own: waiting has a bound, ends with Ctrl-C, and names the holder.

LMDB's lock is a mutex in shared memory: whoever waits for it does so inside of the library, without end and deaf to
signals, and nobody can tell who holds it. This one is flock(2) on the data file. The kernel releases it however its
holder ends, and lists the holder in /proc/locks. Whoever has it takes LMDB's lock without waiting.
"""

import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Final

from zonegit.errors import StoreBusy
from zonegit.model.foreign import one_line

_TOLD_AFTER: Final = 1.0
_FIRST_PAUSE: Final = 0.001
_LONGEST_PAUSE: Final = 0.02
"""Seconds between two tries."""
_COMMAND: Final = 100
"""Characters of a command that are shown."""


def _untold(_message: str) -> None:
    """Whoever waits doesn't say so."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for another writer, and who is told of it."""

    seconds: float | None = None
    """None: without end; 0: not at all."""
    told: Callable[[str], None] = _untold
    """Called with a message once a second is over."""


ENDLESS: Final = Patience()


class WriterLock:
    """Of one data file; its threads wait for each other too."""

    def __init__(self, path: Path, file: int) -> None:
        """`file` is the open data file of the repository at `path`; it is closed with this."""
        self._path = path
        self._file = file
        self._thread = threading.Lock()

    @contextmanager
    def held(self, patience: Patience, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """`StoreBusy` when another writer had it for longer than that. `check` is called between two tries; what it
        raises ends the wait.
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
        told = False
        pause = _FIRST_PAUSE
        while not self._try(pause):
            check()
            waited = monotonic() - started
            if patience.seconds is not None and waited >= patience.seconds:
                raise StoreBusy(
                    f"{self._holder()} is writing to the repository at {self._path}; nothing was written: "
                    "try again, or wait longer with --lock-timeout"
                )
            if waited >= _TOLD_AFTER and not told:
                told = True
                patience.told(f"waiting for {self._holder()}, which is writing to the repository at {self._path}")
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _try(self, pause: float) -> bool:
        """Take it, or wait so many seconds for the next try."""
        if not self._thread.acquire(timeout=pause):
            return False
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._thread.release()
            sleep(pause)
            return False
        except OSError:
            pass  # a file system without flock: LMDB's own lock is left
        except BaseException:
            self._thread.release()
            raise
        return True

    def _holder(self) -> str:
        """The process that holds it, as far as that can be known."""
        pid = _owner(os.fstat(self._file).st_ino)
        if pid == os.getpid() or self._thread.locked():
            return "another thread of this process"
        return _described(pid) if pid else "another process"


def _owner(inode: int) -> int:
    """The process that /proc/locks names for the flock on a file; 0 if it names none."""
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
    """A process's command without its interpreter; the daemon's for one of its children."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
    if "--multiprocessing-fork" in words:
        return _command(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
    if len(words) > 1 and Path(words[0]).name.startswith("python"):
        del words[0]
    words[0] = Path(words[0]).name
    text = " ".join(words)
    return one_line(text, _COMMAND)


def user_name(uid: int) -> str:
    """A user's name, or the number of one that the system doesn't know."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
