"""What a `Repository` does to many records at once, in one zone or in several, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Unpack

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.batch import Step
    from zonegit.repo.everywhere import Joint, JointOptions
    from zonegit.repo.results import Committed


class JointVerbs(RepositoryReader):
    """Calls that commit to all zones that they are about, or to none.

    A zone in which nothing changes gets no commit. `strict` may be a function: what is strict in which zone.
    """

    def batch(self, steps: Iterable[Step], **options: Unpack[JointOptions]) -> list[Committed]:
        """Take steps in their order, each on what those before it left; one commit for each zone.

        The versions that they lead to are checked, not those between. An error begins with `batch:N:`, N being the
        line of the step (`Step.line`), and then nothing was written.
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
        """Give all RRsets whose owners match a shell's pattern this TTL (`repo.ttls`). `NotFound` where none does.

        DNSSEC records are left alone; the SOA, too, unless it is the type that is named.
        """
        from zonegit.repo.ttls import set_ttl

        return set_ttl(self._context, pattern, ttl, rtype, options, all_zones=all_zones)

    def rename(self, old: str, new: str, *, all_zones: bool = False, **options: Unpack[JointOptions]) -> Joint:
        """Move a name, what is below it, and what points there; with `all_zones` what points there from any zone.

        `NotFound` where nothing stands at or below `old`, `Conflict` where something does at or below `new`,
        `Refused` for an apex, and for a name of another zone without `all_zones`.
        """
        from zonegit.repo.renaming import rename

        return rename(self._context, old, new, options, all_zones=all_zones)
