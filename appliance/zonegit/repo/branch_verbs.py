"""The calls of a `Repository` about branches and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.repo.reading import RepositoryReader
from zonegit.repo.results import Position

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.repo.results import Committed
    from zonegit.repo.signed import Signatures


class BranchVerbs(RepositoryReader):
    """Creating, moving, renaming and deleting them."""

    def create_branch(
        self,
        name: str,
        start: str = "HEAD",
        *,
        zone: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
        sign: bool | None = False,
    ) -> ObjectId:
        """Create a branch at a revision; returns its tip. `Conflict` if there is one of this name."""
        from zonegit.repo import branches_tags

        place = self._context.target(zone)
        target = self._context.resolve(start, zone)
        return branches_tags.create_branch(self._context, place, name, target, who, dry_run, sign)

    def delete_branch(
        self,
        name: str,
        *,
        zone: str | None = None,
        force: bool = False,
        who: str | None = None,
        dry_run: bool = False,
        tombstone: bool = False,
        sign: bool | None = False,
    ) -> ObjectId:
        """Delete a branch and return its last tip. Its reflog stays.

        `Refused` for HEAD's branch and for a zone's only one; without `force` also if it has commits that HEAD's
        branch lacks. With `tombstone` it leaves a tombstone, which tells peers that it was removed
        (`repo.tombstones`).
        """
        from zonegit.repo import branches_tags

        place = self._context.target(zone)
        return branches_tags.delete_branch(
            self._context, place, name, who, dry_run, force, tombstone=tombstone, sign=sign
        )

    def rename_branch(
        self,
        new: str,
        old: str | None = None,
        *,
        zone: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
        tombstone: bool = False,
        sign: bool | None = False,
    ) -> Position:
        """Rename a branch (default: HEAD's) and return its new position. Every HEAD that names it follows.

        `Conflict` if there is a branch of the new name. The old name keeps its reflog; with `tombstone` it also
        leaves a tombstone.
        """
        from zonegit.repo.rename_branch import rename_branch

        place = self._context.target(zone, old)
        rename_branch(self._context, place, new, who, dry_run, tombstone=tombstone, sign=sign)
        return Position(place.zone, new)

    def create_tag(
        self,
        name: str,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        message: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
        sign: bool | None = False,
    ) -> ObjectId:
        """Create a tag and return the id that it points to: a commit, or with a message a new tag object.

        If `revision` is a tag object of this name, left by a deleted tag, the tag points to that object again. Only
        a tag object can be signed.
        """
        from zonegit.repo import branches_tags

        place = self._context.target(zone)
        return branches_tags.create_tag(self._context, place, name, revision, message, who, dry_run, sign)

    def delete_tag(
        self, name: str, *, zone: str | None = None, who: str | None = None, dry_run: bool = False
    ) -> ObjectId:
        """Delete a tag; returns what it pointed to, a commit or a tag object."""
        from zonegit.repo import branches_tags

        return branches_tags.delete_tag(self._context, self._context.target(zone), name, who, dry_run)

    def reset(
        self,
        revision: str,
        *,
        zone: str | None = None,
        branch: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
        signatures: Signatures = "keep",
        keep_history: bool = False,
        sign: bool | None = False,
    ) -> Committed:
        """Reset a branch to a commit. Its serial still rises: see `repo.reset`.

        With `keep_history` the present tip stays in its history, so that other nodes that write the zone follow.
        """
        from zonegit.repo import reset

        place = self._context.target(zone, branch)
        with self._store.keeping():
            target = self._context.resolve(revision, zone)
            return reset.reset(self._context, place, target, who, dry_run, signatures, keep_history, sign)
