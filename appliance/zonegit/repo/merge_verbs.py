"""The part of `Repository` that combines histories: `merge`, `revert`, `cherry-pick`, and how they continue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.repo.position import merge_setting
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.merges import FastForward, Side
    from zonegit.repo.results import Committed, Position, Unfinished
    from zonegit.repo.sequencer import Resolutions
    from zonegit.repo.writing import CommitOptions


class MergeVerbs(RepositoryReader):
    """Merges by record. A conflict changes nothing and raises `MergeConflict`; the operation can be continued."""

    def merge(
        self,
        revision: str,
        *,
        ff: FastForward = "allow",
        prefer: Side | None = None,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Merge a branch, tag, id or `remote/branch` into a branch. `prefer` names the side that wins conflicts.

        If there is nothing to merge, `old` and `new` are equal. `strict=("none",)` accepts warnings that neither
        side has. `Refused` without a common ancestor.
        """
        from zonegit.repo import merges

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return merges.merge(self._context, place, revision, ff, prefer, options)

    def rebase(self, revision: str, **options: Unpack[CommitOptions]) -> Committed:
        """Apply the commits that only a branch has on top of another version, all of them or none.

        If the branch already contains that version, `old` and `new` are equal. `MergeConflict` changes nothing.
        Merge commits are left out. Use it only for commits that nobody else has: they are replaced by new ones.
        """
        from zonegit.repo import rebasing

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return rebasing.rebase(self._context, place, revision, options)

    def revert(self, *revisions: str, mainline: int = 0, **options: Unpack[CommitOptions]) -> list[Committed]:
        """Revert commits or ranges `A..B`, each by its own commit; of a range, the newest first.

        `mainline` is the parent (from 1) to which a merge is reverted. If a revert changes nothing, its `old` and
        `new` are equal. `MergeConflict.done` has the commits that were made before the conflict.
        """
        from zonegit.repo import picking

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return picking.pick(self._context, place, "revert", revisions, mainline, False, options)

    def cherry_pick(
        self, *revisions: str, mainline: int = 0, note_origin: bool = False, **options: Unpack[CommitOptions]
    ) -> list[Committed]:
        """Apply the changes of commits or ranges, of a range the oldest first. Authors and messages are kept.

        `note_origin` adds the line `(cherry picked from commit …)`. Otherwise as `revert`.
        """
        from zonegit.repo import picking

        place = self._context.target(options.get("zone"), options.get("branch"))
        with self._store.keeping():
            return picking.pick(self._context, place, "cherry-pick", revisions, mainline, note_origin, options)

    def unfinished(self) -> Unfinished | None:
        """The user's stopped operation with its unresolved conflicts; None if there is none."""
        with self._store.read() as reader:
            if reader.setting(merge_setting(self._context.seat)) is None:
                return None
        from zonegit.repo import sequencer

        return sequencer.unfinished(self._context)

    def stopped_at(self) -> Position | None:
        """The zone and branch of the user's stopped operation; None if there is none."""
        with self._store.read() as reader:
            if reader.setting(merge_setting(self._context.seat)) is None:
                return None
        from zonegit.repo.stopped import the_stopped

        return the_stopped(self._context).place

    def resolve_conflicts(
        self, operation: str, resolutions: Resolutions, every: Side | None = None, *, dry_run: bool = False
    ) -> Unfinished:
        """Record choices `(name, type, "ours" | "theirs" | "base" | "both")`, or one side for all that is left."""
        from zonegit.repo import sequencer

        return sequencer.resolve(self._context, operation, resolutions, every, dry_run=dry_run)

    def continue_stopped(
        self,
        operation: str,
        resolutions: Resolutions = (),
        every: Side | None = None,
        **options: Unpack[CommitOptions],
    ) -> list[Committed]:
        """Merge again with the branch's tip and continue. `MergeConflict` if conflicts remain; choices are kept."""
        from zonegit.repo import sequencer

        with self._store.keeping():
            return sequencer.go_on(self._context, operation, resolutions, every, options)

    def skip_stopped(self, operation: str, **options: Unpack[CommitOptions]) -> list[Committed]:
        """Skip the commit at which a revert or cherry-pick stopped, and continue with the next one."""
        from zonegit.repo import sequencer

        with self._store.keeping():
            return sequencer.skip(self._context, operation, options)

    def abort_stopped(self, operation: str, *, dry_run: bool = False) -> str:
        """Give up the stopped operation and return its revision. The branch keeps the commits made so far."""
        from zonegit.repo import sequencer

        return sequencer.abort(self._context, operation, dry_run=dry_run)
