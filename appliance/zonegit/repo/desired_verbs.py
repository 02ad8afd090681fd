"""The part of `Repository` that takes desired states and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.model.names import absolute, to_text
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.model.ids import ObjectId
    from zonegit.repo.results import Committed
    from zonegit.repo.writing import CommitOptions
    from zonegit.zonefile.reader import ParsedZone


class DesiredVerbs(RepositoryReader):
    """`apply`, `plan` and what goes with them."""

    def apply(
        self,
        wanted: ParsedZone,
        *,
        source: str,
        base: ObjectId | None = None,
        operation: str = "apply",
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Make a zone, or the part of it that was read, hold what a zone file says, by the least change.

        The serial is the branch's next one, whatever the file's SOA says. With `base`, the commit over which the
        file was written, only what it changes of that is done, over whatever the branch changed since
        (`MergeConflict` where the two contradict each other). `NotFound` for a zone that isn't here. `source` is
        what the commit's message calls the file.
        """
        from zonegit.repo import desired
        from zonegit.repo.writing import intent_of

        zone = to_text(wanted.apex)
        place = self._context.target(zone, options.get("branch"))
        to = f" to {to_text(absolute(wanted.below, wanted.apex))}" if wanted.below else ""
        message = f"{operation.capitalize()} {source}{to}"
        intent = intent_of(options, message, None, operation=operation)
        return desired.apply(self._context, place, wanted, intent, base)
