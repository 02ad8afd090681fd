"""The lines of `log --graph`: one column for each line of descent, as git draws them.

A `Graph` is given commits, newest first, and yields the graph in front of each commit's text: first the row of the
commit, then rows that lead to the columns of its parents, then one repeated row for the rest of the text.
"""

from collections.abc import Iterator, Sequence
from typing import Final

_GAP: Final = 2
"""Characters from one column to the next."""


class Graph:
    """The open columns; each leads to a commit that is still to come."""

    def __init__(self) -> None:
        self._columns: list[bytes] = []

    def lines(self, commit: bytes, parents: Sequence[bytes], text: Sequence[str]) -> Iterator[str]:
        """The lines of a commit: the graph, and the text in one column to its right."""
        first, turns = self._rows(commit, parents)
        after = _row(dict.fromkeys(range(0, _GAP * len(self._columns), _GAP), "|"))
        rows = [first, *turns]
        width = max(map(len, [*rows, after])) + 1
        rows += [after] * (len(text) - len(rows))
        for at, row in enumerate(rows):
            yield f"{row:<{width}}{text[at] if at < len(text) else ''}".rstrip()

    def between(self) -> str:
        """The line between two commits."""
        return _row(dict.fromkeys(range(0, _GAP * len(self._columns), _GAP), "|"))

    def _rows(self, commit: bytes, parents: Sequence[bytes]) -> tuple[str, list[str]]:
        """The row of a commit, and the rows that lead from it to its parents."""
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
            if ends and to > at:  # move the right column to the left, as git does, not this one to the right
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
        """The rows of a line into another column; if the line `ends` there, its own column closes."""
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
        """Close a column: the columns to its right move left."""
        columns = len(self._columns)
        if at < columns - 1:
            marks = {_GAP * column: "|" for column in range(at)}
            yield _row(marks | {_GAP * column - 1: "/" for column in range(at + 1, columns)})

    def _spread(self, at: int, more: int) -> Iterator[str]:
        """Open columns for `more` parents, to the right of the first one."""
        columns = len(self._columns) - more
        for row in range(more):
            marks = {_GAP * column: "|" for column in range(at + row + 1)}
            marks[_GAP * (at + row) + 1] = "\\"
            marks |= {_GAP * (column + row) + 1: "\\" for column in range(at + 1, columns)}
            yield _row(marks)


def _row(marks: dict[int, str]) -> str:
    return "".join(marks.get(at, " ") for at in range(max(marks, default=-1) + 1))
