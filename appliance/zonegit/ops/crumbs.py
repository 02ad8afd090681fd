"""Which zone each thread is reading, where it can be found after the process died of that.

A damaged page can make LMDB read behind the end of its file, which ends the process (SIGBUS, SIGSEGV), or abort.
A thread that reads a zone notes its apex first and clears the note afterwards, so the note of a process that died
names the zone. The supervisor adds it to the zones that are left out, which the next process takes note of.
"""

from typing import Final

_CELL: Final = 8
_NOTE: Final = 256
"""Bytes of a note: the size of an apex, 0 for none, and the apex."""
_THREADS: Final = 2
"""Threads of a process that read zones."""
MOST: Final = 64
"""Zones that can be left out."""


def size(processes: int) -> int:
    """Bytes of memory for so many processes."""
    return _CELL * processes + _NOTE * (MOST + _THREADS * processes)


class Crumbs:
    """Over zeroed shared memory: the zones left out, the notes, and which processes are to be careful."""

    def __init__(self, memory: memoryview) -> None:
        self._memory = memory

    def note(self, process: int, thread: int = 0) -> "Note":
        """The note of a thread."""
        return Note(self._at(MOST + _THREADS * process + thread))

    def clear(self, process: int) -> list[bytes]:
        """The apexes that a process was reading; forgotten afterwards."""
        notes = [self.note(process, thread) for thread in range(_THREADS)]
        found = [note.apex for note in notes if note.apex]
        for note in notes:
            note.clear()
        return found

    @property
    def left_out(self) -> list[bytes]:
        """The zones that aren't to be read."""
        return [note.apex for note in map(Note, map(self._at, range(MOST))) if note.apex]

    def leave_out(self, apex: bytes) -> bool:
        """Add one; False when there is no room."""
        if apex in self.left_out:
            return True
        for number in range(MOST):
            note = Note(self._at(number))
            if not note.apex:
                note.set(apex)
                return True
        return False

    def take_back(self, apex: bytes | None = None) -> None:
        """Let a zone, or all of them, be read again."""
        for number in range(MOST):
            note = Note(self._at(number))
            if apex in (None, note.apex):
                note.clear()

    def is_careful(self, process: int) -> bool:
        """Whether a process is to note every single reading."""
        return bool(self._memory[_CELL * (process - self._processes)])

    def set_careful(self, process: int, careful: bool) -> None:
        self._memory[_CELL * (process - self._processes)] = careful

    @property
    def _processes(self) -> int:
        return (len(self._memory) - _NOTE * MOST) // (_CELL + _NOTE * _THREADS)

    def _at(self, number: int) -> memoryview:
        return self._memory[_NOTE * number : _NOTE * (number + 1)]


class Note:
    """A zone's apex, or none. As a context it stands for the time of a reading."""

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
