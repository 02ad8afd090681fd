"""The lines of `log --graph`: a column for each line of descent, as git draws them.

A `Graph` is told of commits, newest first, and gives for each what stands ahead of its text: first the row of the
commit, then rows in which its parents find their columns, then the same row again for as long as there is text.
"""

from collections.abc import Iterator, Sequence
from typing import Final

_GAP: Final = 2
"""Characters from one column to the next."""


class Graph:
    """The columns, each with the commit that it leads to."""

    def __init__(self) -> None:
        self._columns: list[bytes] = []

    def lines(self, commit: bytes, parents: Sequence[bytes], text: Sequence[str]) -> Iterator[str]:
        """The lines of a commit's text behind what is drawn, all of it indented alike."""
        first, turns = self._rows(commit, parents)
        after = _row(dict.fromkeys(range(0, _GAP * len(self._columns), _GAP), "|"))
        rows = [first, *turns]
        width = max(map(len, [*rows, after])) + 1
        rows += [after] * (len(text) - len(rows))
        for at, row in enumerate(rows):
            yield f"{row:<{width}}{text[at] if at < len(text) else ''}".rstrip()

    def between(self) -> str:
        """An empty line between two commits."""
        return _row(dict.fromkeys(range(0, _GAP * len(self._columns), _GAP), "|"))

    def _rows(self, commit: bytes, parents: Sequence[bytes]) -> tuple[str, list[str]]:
        """The row of a commit, and those in which lines go on from it."""
        if commit not in self._columns:
            self._columns.append(commit)
        columns = self._columns
        at = columns.index(commit)
        marks = dict.fromkeys(range(0, _GAP * len(columns), _GAP), "|")
        marks[_GAP * at] = "*"
        first = _row(marks)
        joined = [columns.index(parent) for parent in parents if parent in columns]
        fresh = [parent for parent in parents if parent not in columns]
        turns: list[str] = []
        for number, to in enumerate(joined):
            ends = not fresh and number == len(joined) - 1
            if ends and to > at:  # the column on the right comes over, rather than this one going there
                columns[at] = columns[to]
                at, to = to, at
            turns += self._join(at, to, ends=ends)
        if fresh:
            columns[at : at + 1] = fresh
            turns += self._spread(at, len(fresh) - 1)
        elif not joined:
            turns += self._closed(at)
            del columns[at]
        return first, turns

    def _join(self, at: int, to: int, *, ends: bool) -> Iterator[str]:
        """A line from a commit into another column; where it `ends` there, its own column closes."""
        columns = len(self._columns)
        others = [column for column in range(columns) if not ends or column != at]
        closed = False
        now = at
        while now != to:
            step = 1 if to > now else -1
            marks = {_GAP * column: "|" for column in (range(columns - 1) if closed else others)}
            if ends and not closed and step < 0:
                marks = {_GAP * column: "|" for column in range(at)}
                marks |= {_GAP * column - 1: "/" for column in range(at + 1, columns)}
                closed = True
            marks[_GAP * now + step] = "/" if step < 0 else "\\"
            yield _row(marks)
            now += step
        if ends:
            if not closed:
                yield from self._closed(at)
            del self._columns[at]

    def _closed(self, at: int) -> Iterator[str]:
        """What stands right of a column that closes moves there."""
        columns = len(self._columns)
        if at < columns - 1:
            marks = {_GAP * column: "|" for column in range(at)}
            yield _row(marks | {_GAP * column - 1: "/" for column in range(at + 1, columns)})

    def _spread(self, at: int, more: int) -> Iterator[str]:
        """Room for more parents right of the first one."""
        columns = len(self._columns) - more
        for row in range(more):
            marks = {_GAP * column: "|" for column in range(at + row + 1)}
            marks[_GAP * (at + row) + 1] = "\\"
            marks |= {_GAP * (column + row) + 1: "\\" for column in range(at + 1, columns)}
            yield _row(marks)


def _row(marks: dict[int, str]) -> str:
    return "".join(marks.get(at, " ") for at in range(max(marks, default=-1) + 1))
