"""The calls of `Repository` about what is served of a branch: `publish`, `stop_publishing`, `publications`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.model.names import parse_apex, to_text
from zonegit.model.refs import DEFAULT_BRANCH, RefKind
from zonegit.repo.reading import RepositoryReader
from zonegit.repo.results import Position

if TYPE_CHECKING:
    from zonegit.repo.dnssec.parents import Ask
    from zonegit.repo.publishing.policy import PublishPolicy, Validate
    from zonegit.repo.publishing.reading import Publication
    from zonegit.repo.results import Revision
    from zonegit.repo.reviews import Opinion, Review


class PublishVerbs(RepositoryReader):
    """What `Repository` offers about publishing."""

    def publish(
        self,
        policy: PublishPolicy,
        validate: Validate,
        *,
        zone: str | None = None,
        branch: str | None = None,
        dry_run: bool = False,
        ask_parent: Ask | None = None,
    ) -> Publication:
        """Serve the newest commit of a branch that passes the policy's gate, and note what holds the others.

        A branch that is served from its tip is published as it is. A zone with a policy for DNSSEC is signed, if
        there is somebody to `ask_parent` for its DS records; `DnssecError` without. The keys must be readable.
        """
        from zonegit.repo.publishing.publish import publish

        sign = None
        if ask_parent is not None and policy.dnssec is not None:
            from zonegit.repo.dnssec.parents import Parents
            from zonegit.repo.dnssec.stage import SigningStage

            sign = SigningStage(self._context, Parents(ask_parent, waits=True))
        place = self._published(zone, branch)
        return publish(self._context, place, policy, validate, dry_run=dry_run, sign=sign)

    def stop_publishing(self, *, zone: str | None = None, branch: str | None = None) -> None:
        """Serve a branch from its tip again."""
        from zonegit.repo.publishing.publish import stop_publishing

        stop_publishing(self._context, self._published(zone, branch))

    def publications(self, zone: str | None = None) -> list[Publication]:
        """Where the branches with a policy are published; those of one zone, or of all."""
        name = "" if zone is None else self._context.place(zone).zone
        with self._context.store.read() as reader:
            if not reader.ref_keys(f"refs/{RefKind.PUBLISHED}/{name}".encode(), lambda _: None):
                return []  # as after most commits, for which nothing more is imported
            from zonegit.repo.publishing.reading import publication, published_branches

            return [publication(reader, place) for place in published_branches(reader, name)]

    def review(
        self,
        commit: Revision,
        opinion: Opinion,
        *,
        who: str | None = None,
        message: str | None = None,
        force: bool = False,
        dry_run: bool = False,
    ) -> Review:
        """Sign a review of a commit, and keep it in the place of an earlier one. `UsageError` without a key."""
        from zonegit.repo.reviews import review

        return review(self._context, commit, opinion, who=who, message=message, force=force, dry_run=dry_run)

    def reviews(self, zone: str | None = None) -> list[Review]:
        """All reviews of a zone's commits, whether they count or not."""
        from zonegit.repo.reviews import reviews

        with self._context.store.read() as reader:
            return list(reviews(reader, self._context.place(zone).zone))

    def not_judged(self, zone: str | None = None) -> dict[str, Revision]:
        """By branches of a zone, the tips that are neither published nor held: no publisher has looked yet."""
        from zonegit.repo.publishing.reading import not_judged

        name = self._context.place(zone).zone
        with self._context.store.read() as reader:
            return dict(not_judged(reader, name))

    def waits_for(self, zone: str | None = None, branch: str | None = None) -> Revision | None:
        """The commit with the latest time to come that a branch's tip waits for; None if it waits for none."""
        from zonegit.repo.publishing.reading import waits_for

        place = self._context.place(zone, branch)
        with self._context.store.read() as reader:
            return waits_for(reader, place, self._context.now())

    def _published(self, zone: str | None, branch: str | None) -> Position:
        """The branch that is meant, which may be gone."""
        if zone is None or to_text(parse_apex(zone)) in self.zone_names():
            return self._context.place(zone, branch)
        return Position(to_text(parse_apex(zone)), branch or DEFAULT_BRANCH)
