"""The calls of `Repository` about proposals: `propose`, `withdraw`, `proposals`, `outlook`, `land`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from zonegit.model.ids import ObjectId
    from zonegit.repo.merges import FastForward
    from zonegit.repo.proposals.judged import Judged, Tally
    from zonegit.repo.proposals.outlook import Outlook
    from zonegit.repo.proposals.propose import Proposed
    from zonegit.repo.proposals.reading import Proposal
    from zonegit.repo.publishing.policy import PublishPolicy, Validate
    from zonegit.repo.results import Committed
    from zonegit.repo.writing import CommitOptions
    from zonegit.ssh.allowed_signers import AllowedSigners


class ProposalVerbs(RepositoryReader):
    """What `Repository` offers about proposals. A proposal's name is its number, mostly."""

    def propose(
        self,
        *,
        zone: str | None = None,
        branch: str | None = None,
        into: str | None = None,
        who: str | None = None,
        message: str | None = None,
        sign: bool | None = False,
        dry_run: bool = False,
    ) -> Proposed:
        """Propose to merge a branch's tip into another branch (None: the default one).

        An open proposal of the same branches by the same proposer gets the new tip. `Refused` if there is nothing
        to merge.
        """
        from zonegit.repo.proposals.propose import propose

        source = self._context.target(zone, branch)
        return propose(self._context, source, into, who=who, message=message, sign=sign, dry_run=dry_run)

    def withdraw(
        self,
        name: str,
        *,
        zone: str | None = None,
        who: str | None = None,
        message: str | None = None,
        sign: bool | None = False,
        dry_run: bool = False,
    ) -> Proposed:
        """Take a proposal back. `Refused` for that of somebody else."""
        from zonegit.repo.proposals.propose import withdraw

        place = self._context.target(zone, name).zone
        return withdraw(self._context, name, place, who=who, message=message, sign=sign, dry_run=dry_run)

    def proposals(self, zone: str | None = None) -> list[Proposal]:
        """All proposals of a zone, by number, each with its state."""
        from zonegit.repo.proposals.reading import proposals

        with self._context.store.read() as reader:
            return proposals(reader, self._context.place(zone).zone)

    def proposal(self, name: str, *, zone: str | None = None) -> Proposal:
        """The proposal with a number, or with a number and some digits: `7/03ab`. `NotFound`.

        `Refused` if several have it.
        """
        from zonegit.repo.proposals.reading import named

        with self._context.store.read() as reader:
            return named(reader, self._context.place(zone).zone, name)

    def outlook(
        self, proposal: Proposal, policy: PublishPolicy | None = None, validate: Validate | None = None
    ) -> Outlook:
        """What would change if a proposal landed now; with a policy also what would hold it."""
        from zonegit.repo.proposals.outlook import outlook

        return outlook(self._context, proposal, policy, validate)

    def judged(self, proposal: Proposal, approvers: AllowedSigners | None) -> list[Judged]:
        """The reviews of a proposal, and which of them count. `approvers`: None if no policy says whose do."""
        from zonegit.repo.proposals.judged import judged

        with self._context.store.read() as reader:
            return judged(reader, proposal, approvers)

    def tallies(self, zone: str, found: Iterable[Proposal], approvers: AllowedSigners) -> Mapping[ObjectId, Tally]:
        """How many reviews count, by the tips of proposals."""
        from zonegit.repo.proposals.judged import tallies

        with self._context.store.read() as reader:
            return tallies(reader, zone, found, approvers)

    def land(
        self,
        proposal: Proposal,
        policy: PublishPolicy | None = None,
        *,
        ff: FastForward = "allow",
        **options: Unpack[CommitOptions],
    ) -> Committed:
        """Merge a proposal into its target, wherever HEAD is. `MergeConflict` changes nothing.

        `Refused` if it isn't open, or if a review that counts under the policy rejects it. If it has landed, `old`
        and `new` are equal.
        """
        from zonegit.repo.proposals.land import land

        with self._store.keeping():
            return land(self._context, proposal, policy, ff, options)
