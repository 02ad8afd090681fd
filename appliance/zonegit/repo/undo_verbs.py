"""The part of `Repository` that brings back earlier content: `undo`, `redo`, `restore_records`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.content import Content
    from zonegit.repo.records import Changes
    from zonegit.repo.results import Committed, TakenBack
    from zonegit.repo.writing import CommitOptions


class UndoVerbs(RepositoryReader):
    """Calls that bring back earlier content."""

    def undo(self, **options: Unpack[CommitOptions]) -> TakenBack:
        """Undo the last operation on a branch: make a new commit with the content from before it.

        The next call undoes the operation before that one. `Refused` if none is left. What the operation did in
        other zones stays, and is returned.
        """

        from zonegit.repo import undo
        from zonegit.repo.alongside import alongside
        from zonegit.repo.writing import intent_of

        place = self._context.target(options.get("zone"), options.get("branch"))
        done = undo.undo(self._context, place, intent_of(options, "", None))
        return done._replace(alongside=alongside(self._context, place, done.operation))

    def redo(self, **options: Unpack[CommitOptions]) -> TakenBack:
        """Redo the operation that `undo` undid last. `Refused` if another operation followed it."""
        from zonegit.repo import undo
        from zonegit.repo.writing import intent_of

        place = self._context.target(options.get("zone"), options.get("branch"))
        return undo.redo(self._context, place, intent_of(options, "", None))

    def restore_records(
        self,
        name: str,
        rtype: int | None = None,
        *,
        source: str,
        below: bool = False,
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Restore the records at a name (with `below`, also below it) from the revision `source`, as one commit.

        Records that weren't there then are deleted. With a type, only that RRset changes. `NotFound` if neither
        version has any.
        """
        from zonegit.model.ids import short
        from zonegit.repo.content import Content
        from zonegit.repo.context import owner_of
        from zonegit.repo.restoring import restored
        from zonegit.repo.signed import is_signed
        from zonegit.repo.writing import commit_changes, intent_of
        from zonegit.zonefile.types import type_text

        place = self._context.target(options.get("zone"), options.get("branch"))
        then = Content.of(self._context.nodes, self._context.resolve(source, place.zone))
        signatures = options.get("signatures", "keep")

        def change(content: Content) -> Changes:
            dnssec = signatures == "break" or (signatures == "keep" and is_signed(content.tree))
            owner = owner_of(name, content.apex)
            return restored(content, then, owner, rtype, below=below, dnssec=dnssec)

        what = f"{name} {type_text(rtype)}" if rtype else name
        message = f"restore {what}{' and below' if below else ''} from {short(then.revision.id)}"
        return commit_changes(self._context, place, change, intent_of(options, message, None, operation="restore"))
