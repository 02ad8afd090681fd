"""The part of `Repository` that changes many records at once, in one zone or several, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.batch import Step
    from zonegit.repo.joint import Joint, JointOptions
    from zonegit.repo.results import Committed


class JointVerbs(RepositoryReader):
    """Calls that commit to all zones that they apply to, or to none.

    A zone in which nothing changes gets no commit. `strict` may be a function from a zone to its strict checks.
    """

    def batch(self, steps: Iterable[Step], **options: Unpack[JointOptions]) -> list[Committed]:
        """Apply steps in order, each to the result of those before it, and make one commit for each zone.

        Only the final versions are checked, not the ones in between. The message of an error begins with
        `batch:N:`, N being the line of the step (`Step.line`); nothing is written then.
        """
        from zonegit.repo.batch import commit_batch

        return commit_batch(self._context, steps, options)

    def set_ttl(
        self,
        pattern: str,
        ttl: int,
        rtype: int | None = None,
        *,
        all_zones: bool = False,
        **options: Unpack[JointOptions],
    ) -> Joint:
        """Give all RRsets whose owners match a shell pattern this TTL (`repo.ttls`). `NotFound` if none matches.

        DNSSEC records keep their TTL, and so does the SOA unless `rtype` names it.
        """
        from zonegit.repo.ttls import set_ttl

        return set_ttl(self._context, pattern, ttl, rtype, options, all_zones=all_zones)

    def rename(self, old: str, new: str, *, all_zones: bool = False, **options: Unpack[JointOptions]) -> Joint:
        """Rename a name and all names below it, and update the records that point there; with `all_zones`, in all
        zones.

        `NotFound` if there are no records at or below `old`, `Conflict` if there are any at or below `new`,
        `Refused` for an apex, and without `all_zones` for a new name in another zone.
        """
        from zonegit.repo.renaming import rename

        return rename(self._context, old, new, options, all_zones=all_zones)
