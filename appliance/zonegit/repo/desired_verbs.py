"""The part of `Repository` that takes desired states and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.model.names import absolute, to_text
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from collections.abc import Collection

    from zonegit.model.ids import ObjectId
    from zonegit.repo.edit_again import EditedAgain
    from zonegit.repo.editable import Editable
    from zonegit.repo.plan import Plan
    from zonegit.repo.planning import Planned
    from zonegit.repo.results import Committed
    from zonegit.repo.signed import Signatures
    from zonegit.repo.writing import CommitOptions
    from zonegit.zonefile.reader import ParsedZone


class DesiredVerbs(RepositoryReader):
    """`apply`, `edit`, and plans."""

    def apply(self, wanted: ParsedZone, *, source: str, **options: Unpack[CommitOptions]) -> Committed:
        """Make a zone, or the part of it that was read, hold what a zone file says, by the least change.

        The serial is the branch's next one, whatever the file's SOA says. `NotFound` for a zone that isn't here.
        `source` is what the commit's message calls the file.
        """
        from zonegit.repo import desired
        from zonegit.repo.writing import intent_of

        place = self._context.target(to_text(wanted.apex), options.get("branch"))
        intent = intent_of(options, desired.message(source, wanted), None, operation="apply")
        return desired.apply(self._context, place, wanted, intent)

    def editable(
        self,
        name: str | None = None,
        *,
        zone: str | None = None,
        branch: str | None = None,
        signatures: Signatures = "keep",
    ) -> Editable:
        """A branch's tip, or a name of it and what is below, to be changed elsewhere and given to `edit`.

        `Refused` where no change could be committed: for a zone that is mirrored, or signed elsewhere.
        """
        from zonegit.repo.editable import editable

        return editable(self._context, self._context.target(zone, branch), name, signatures)

    def edit(self, wanted: ParsedZone, *, base: ObjectId, **options: Unpack[CommitOptions]) -> Committed:
        """Commit what somebody changed of `base`, a commit, with what the branch changed since kept.

        `wanted` is what the version, or the part of it, became. `MergeConflict` where the branch contradicts it.
        """
        from zonegit.repo import desired
        from zonegit.repo.writing import intent_of

        place = self._context.target(to_text(wanted.apex), options.get("branch"))
        message = f"Edit {to_text(absolute(wanted.below, wanted.apex))}"
        return desired.apply(
            self._context, place, wanted, intent_of(options, message, None, operation="edit"), base=base
        )

    def edit_again(
        self, wanted: ParsedZone, *, base: ObjectId, branch: str | None = None, signatures: Signatures = "keep"
    ) -> EditedAgain:
        """What to edit after a conflict of `edit`: `wanted` merged with the branch's tip, and what conflicts.

        Where they conflict the merge has what `wanted` has. `edit` commits it with its own base.
        """
        from zonegit.repo.edit_again import edit_again

        place = self._context.target(to_text(wanted.apex), branch)
        return edit_again(self._context, place, wanted, base, signatures)

    def plan(self, wanted: ParsedZone, *, source: str, **options: Unpack[CommitOptions]) -> Planned:
        """Work out what `apply` would do, for `apply_plan` to do later; `Plan.encode` makes a file of it.

        A plan has no steps where the zone holds the state already.
        """
        from zonegit.repo import desired, planning
        from zonegit.repo.writing import intent_of

        place = self._context.target(to_text(wanted.apex), options.get("branch"))
        intent = intent_of(options, desired.message(source, wanted), None, operation="apply")
        return planning.make_plan(self._context, place, wanted, intent)

    def apply_plan(
        self,
        plan: Plan,
        *,
        who: str | None = None,
        message: str | None = None,
        dry_run: bool = False,
        strict: Collection[str] = (),
        sign: bool | None = False,
        not_before: int | None = None,
    ) -> Committed:
        """Do exactly what a plan says. `Conflict`, with the commits that came since, where the branch has moved.

        The author is who made the plan, unless `who` is given.
        """
        from zonegit.repo import planning
        from zonegit.repo.writing import intent_of

        how: CommitOptions = {"who": who, "message": message, "dry_run": dry_run, "strict": strict, "sign": sign}
        how["signatures"] = plan.signatures
        how["not_before"] = not_before
        author = None if who else plan.author
        intent = intent_of(how, plan.message, None, operation="apply", author=author)
        return planning.carry_out(self._context, plan, intent)

    def rebase_plan(self, plan: Plan, *, strict: Collection[str] = ()) -> Planned:
        """A plan that does the same over the branch's tip as it is now. `MergeConflict`.

        It has no steps where the branch has all of the change already.
        """
        from zonegit.repo import planning
        from zonegit.repo.writing import intent_of

        intent = intent_of(
            {"signatures": plan.signatures, "strict": strict}, plan.message, None, author=plan.author
        )
        return planning.rebase(self._context, plan, intent)
