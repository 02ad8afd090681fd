"""The calls of a `Repository` about signatures, and about the settings that they need."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zonegit.model.commit import Commit, Tag
    from zonegit.repo.results import Committed, Revision
    from zonegit.repo.signatures import AllowedSigners, Signature


class SigningVerbs(RepositoryReader):
    """Signing commits afterwards, and verifying them."""

    def settings(self) -> dict[str, str]:
        """The user's settings, by their keys (`repo.settings`)."""
        from zonegit.repo.settings import settings

        with self._store.read() as reader:
            return settings(reader, self._context.seat)

    def configure(self, key: str, value: str | None) -> None:
        """Set a key of the user's settings, or with None remove it. `UsageError`."""
        from zonegit.repo.settings import change_setting

        with self._store.write() as writer:
            change_setting(writer, self._context.seat, key, value)

    def allowed_signers(self, path: Path | None = None) -> AllowedSigners | None:
        """Who may sign, from this file, else from that of the settings; None without any. `AllowedSignersError`."""
        from zonegit.repo.settings import ALLOWED_SIGNERS
        from zonegit.ssh.files import read_allowed_signers

        chosen = path or self.settings().get(ALLOWED_SIGNERS)
        return read_allowed_signers(Path(chosen)) if chosen else None

    def signature(self, made: Commit | Tag, allowed: AllowedSigners | None) -> Signature:
        """The verdict on the signature of a commit or tag; without allowed signers no key is trusted."""
        from zonegit.repo.settings import ALLOWED_SIGNERS
        from zonegit.repo.signatures import AllowedSigners, State, signature_of

        if allowed is not None:
            return signature_of(made, allowed)
        found = signature_of(made, AllowedSigners([]))
        if found.state is not State.UNKNOWN_KEY:
            return found
        return found._replace(reason=f"the key is not known ({ALLOWED_SIGNERS} is not set)")

    def chain(self, revision: str, *, zone: str | None = None) -> Iterator[Revision]:
        """A commit and all its ancestors, newest first; of a range `A..B`, those that B has and A hasn't."""
        from zonegit.repo.history import Range, ancestry
        from zonegit.repo.revisions import split_range

        if ".." in revision:
            chosen = split_range(revision)
            of, without = (
                tuple(self._context.resolve(each, zone) for each in side) for side in (chosen.of, chosen.without)
            )
        else:
            of, without = (self._context.resolve(revision, zone),), ()
        return ancestry(self._context.nodes.source, Range(of, without))

    def sign_commit(
        self,
        revision: str = "HEAD",
        *,
        zone: str | None = None,
        branch: str | None = None,
        who: str | None = None,
        dry_run: bool = False,
    ) -> Committed:
        """Replace the tip of a branch by the same commit with the user's signature.

        `Refused` if anything else has the commit: another branch, a tag, a peer.
        """
        from zonegit.repo.sign_commit import sign_commit

        place = self._context.target(zone, branch)
        with self._store.keeping():
            target = self._context.resolve(revision, place.zone) if revision != "HEAD" else None
            return sign_commit(self._context, place, target, who, dry_run)
