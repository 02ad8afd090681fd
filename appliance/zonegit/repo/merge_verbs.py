"""The calls of a `Repository` that combine histories: `merge`, `revert`, `cherry-pick`, and going on with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.repo.position import merge_setting
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.going_on import Resolutions
    from zonegit.repo.merges import FastForward, Side
    from zonegit.repo.results import Committed, Position, Unfinished
    from zonegit.repo.writing import CommitOptions


class MergeVerbs(RepositoryReader):
    """Merges by record. One that conflicts moves nothing and raises `MergeConflict`; it can go on afterwards."""

    def merge(
        self,
        revision: str,
        *,
        ff: FastForward = "allow",
        prefer: Side | None = None,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Merge a branch, tag, id or `remote/branch` into a branch. `prefer` says which side holds at conflicts.

        `old` and `new` are alike where all of it is there already. `strict=("none",)` accepts warnings that neither
        side has. `Refused` without a common ancestor.
        """
        from zonegit.repo import merges

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return merges.merge(self._context, place, revision, ff, prefer, options)

    def revert(self, *revisions: str, mainline: int = 0, **options: Unpack[CommitOptions]) -> list[Committed]:
        """Take commits or ranges `A..B` back, each by a commit of its own; of a range the newest first.

        `mainline` is the parent of a merge, from 1, to which it is reverted. A commit that changes nothing comes
        back with `old` and `new` alike. `MergeConflict.done` has the commits that were made before it.
        """
        from zonegit.repo import picking

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return picking.pick(self._context, place, "revert", revisions, mainline, False, options)

    def cherry_pick(
        self, *revisions: str, mainline: int = 0, note_origin: bool = False, **options: Unpack[CommitOptions]
    ) -> list[Committed]:
        """Make the changes of commits or ranges again, the oldest of a range first; authors and messages are kept.

        `note_origin` adds the line `(cherry picked from commit …)`. All else is as in `revert`.
        """
        from zonegit.repo import picking

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return picking.pick(self._context, place, "cherry-pick", revisions, mainline, note_origin, options)

    def unfinished(self) -> Unfinished | None:
        """The user's stopped operation, and what is left to be resolved."""
        with self._store.read() as reader:
            if reader.setting(merge_setting(self._context.seat)) is None:
                return None
        from zonegit.repo import going_on

        return going_on.unfinished(self._context)

    def stopped_at(self) -> Position | None:
        """The zone and branch of the user's stopped operation."""
        with self._store.read() as reader:
            if reader.setting(merge_setting(self._context.seat)) is None:
                return None
        from zonegit.repo.stopped import the_stopped

        return the_stopped(self._context).place

    def resolve_conflicts(
        self, operation: str, resolutions: Resolutions, every: Side | None = None, *, dry_run: bool = False
    ) -> Unfinished:
        """Keep choices `(name, type, "ours" | "theirs" | "base" | "both")`, or one side for all that is left."""
        from zonegit.repo import going_on

        return going_on.resolve(self._context, operation, resolutions, every, dry_run=dry_run)

    def continue_stopped(
        self,
        operation: str,
        resolutions: Resolutions = (),
        every: Side | None = None,
        **options: Unpack[CommitOptions],
    ) -> list[Committed]:
        """Merge again with the branch's tip, and go on. `MergeConflict` for what is left; choices are kept."""
        from zonegit.repo import going_on

        with self._store.keeping():
            return going_on.go_on(self._context, operation, resolutions, every, options)

    def skip_stopped(self, operation: str, **options: Unpack[CommitOptions]) -> list[Committed]:
        """Leave out the commit at which a revert or cherry-pick stopped, and go on behind it."""
        from zonegit.repo import going_on

        with self._store.keeping():
            return going_on.skip(self._context, operation, options)

    def abort_stopped(self, operation: str, *, dry_run: bool = False) -> str:
        """Forget what stopped; returns what it was called. The branch keeps the commits that it has."""
        from zonegit.repo import going_on

        return going_on.abort(self._context, operation, dry_run=dry_run)
