"""The calls of `Repository` that bring back what was before: `undo`, `redo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.results import TakenBack
    from zonegit.repo.writing import CommitOptions


class UndoVerbs(RepositoryReader):
    """What `Repository` offers as the way back."""

    def undo(self, **options: Unpack[CommitOptions]) -> TakenBack:
        """Take the last operation on a branch back: a new commit with the content from before it.

        The next call undoes the operation before that one. `Refused` where none is left.
        """
        from zonegit.repo import operations
        from zonegit.repo.writing import intent_of

        place = self._context.target(options.get("zone"), options.get("branch"))
        return operations.undo(self._context, place, intent_of(options, "", None))

    def redo(self, **options: Unpack[CommitOptions]) -> TakenBack:
        """Make the operation again that `undo` took back last. `Refused` once another one came after it."""
        from zonegit.repo import operations
        from zonegit.repo.writing import intent_of

        place = self._context.target(options.get("zone"), options.get("branch"))
        return operations.redo(self._context, place, intent_of(options, "", None))
