"""Records in shared memory which zone each thread is reading, to identify a zone whose reading kills the process.

A damaged page can make LMDB abort or read beyond the end of its file, which kills the process (SIGBUS, SIGSEGV).
A thread notes a zone's apex before reading the zone, and clears the note afterwards, so the note of a dead process
names the zone. The supervisor adds it to the zones that are left out, and the next process skips these.
"""

from typing import Final

_CELL: Final = 8
_NOTE: Final = 256
"""Bytes of a note: the size of the apex (0: none), and the apex."""
_THREADS: Final = 2
"""Threads per process that read zones."""
MOST: Final = 64
"""Most zones that can be left out."""


def size(processes: int) -> int:
    """Bytes of memory for this many processes."""
    return _CELL * processes + _NOTE * (MOST + _THREADS * processes)


class Crumbs:
    """A view of zeroed shared memory: the zones left out, the notes, and which processes have to be careful."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def note(self, process: int, thread: int = 0) -> "Note":
        """The note of a thread."""
        return Note(self._at(MOST + _THREADS * process + thread))

    def clear(self, process: int) -> list[bytes]:
        """The apexes that a process was reading; clears its notes."""
        notes = [self.note(process, thread) for thread in range(_THREADS)]
        found = [note.apex for note in notes if note.apex]
        for note in notes:
            note.clear()
        return found

    @property
    def left_out(self) -> list[bytes]:
        """The apexes of the zones that must not be read."""
        return [note.apex for note in map(Note, map(self._at, range(MOST))) if note.apex]

    def leave_out(self, apex: bytes) -> bool:
        """Add a zone; False if there is no room."""
        if apex in self.left_out:
            return True
        for number in range(MOST):
            note = Note(self._at(number))
            if not note.apex:
                note.set(apex)
                return True
        return False

    def take_back(self, apex: bytes | None = None) -> None:
        """Allow a zone to be read again; None: all zones."""
        for number in range(MOST):
            note = Note(self._at(number))
            if apex in (None, note.apex):
                note.clear()

    def is_careful(self, process: int) -> bool:
        """Whether a process has to note every single read."""
        return bool(self._memory[_CELL * (process - self._processes)])

    def set_careful(self, process: int, careful: bool) -> None:
        self._memory[_CELL * (process - self._processes)] = careful

    @property
    def _processes(self) -> int:
        return (len(self._memory) - _NOTE * MOST) // (_CELL + _NOTE * _THREADS)

    def _at(self, number: int) -> memoryview:
        return self._memory[_NOTE * number : _NOTE * (number + 1)]


class Note:
    """A zone's apex, or none. As a context manager, it is cleared at the end of the read."""

    __slots__ = ("_memory",)

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def __call__(self, apex: bytes) -> "Note":
        self.set(apex)
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self._memory[0] = 0

    def set(self, apex: bytes) -> None:
        self._memory[1 : 1 + len(apex)] = apex
        self._memory[0] = len(apex)

    def clear(self) -> None:
        self._memory[0] = 0

    @property
    def apex(self) -> bytes:
        """Empty for none."""
        return bytes(self._memory[1 : 1 + self._memory[0]])
