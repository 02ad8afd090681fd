"""The calls of `Repository` about catalog zones: what is made, what is followed, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from zonegit.model.names import parse_apex, to_text
from zonegit.repo.reading import RepositoryReader

if TYPE_CHECKING:
    from zonegit.repo.catalog.following import Held
    from zonegit.repo.catalog.summaries import CatalogSummary, MemberSummary
    from zonegit.repo.catalog.values import Broken, Catalog


class CatalogVerbs(RepositoryReader):
    """What `Repository` offers about catalogs."""

    def catalogs(self, *, only_followed: bool = False) -> list[CatalogSummary]:
        """The catalogs that are made or followed here, by name."""
        from zonegit.repo.catalog.made import made_catalogs
        from zonegit.repo.catalog.membership import catalog_states
        from zonegit.repo.catalog.summaries import CatalogSummary

        with self._context.store.read() as reader:
            followed = catalog_states(reader)
            made = () if only_followed else made_catalogs(reader)
        found = [
            CatalogSummary(name, state.serial if state.commit else None, state.members, state, state.broken)
            for name, state in followed.items()
        ]
        return sorted([*found, *map(self._made, made)])

    def catalog_members(self, name: str) -> list[MemberSummary]:
        """The zones that a catalog lists, and those that came from it. `NotFound` if it isn't here."""
        from zonegit.repo.catalog.membership import catalog_states, members_here
        from zonegit.repo.catalog.summaries import MemberSummary
        from zonegit.repo.catalog.values import Catalog

        found = self.read_catalog(name)
        with self._context.store.read() as reader:
            state = catalog_states(reader).get(found.name)
            here = {zone: member for zone, (owner, member) in members_here(reader).items() if owner == found.name}
        listed = found.members if isinstance(found, Catalog) else here
        clashes = dict(state.clashes) if state is not None else {}
        serials = {each.zone: each.serial for each in self.zones() if each.zone not in clashes}
        return [
            MemberSummary(member, serials.get(zone), clashes.get(zone, ""), zone in listed)
            for zone, member in sorted({**listed, **here}.items())
        ]

    def read_catalog(self, name: str, revision: str | None = None) -> Catalog | Broken:
        """What a version of a zone says as a catalog: by default its default branch's. `NotFound`."""
        from zonegit.repo.catalog.made import catalog_in

        place = self.position(name)
        return catalog_in(self._context.content(revision or place.branch, place.zone), place.zone)

    def allow_removals(self, name: str, *, dry_run: bool = False) -> Held:
        """Let the removals through that a followed catalog's version waits with. `NotFound`, `Refused`."""
        from zonegit.repo.catalog.membership import allow_removals

        return allow_removals(self._context.store, to_text(parse_apex(name)), dry_run=dry_run)

    def catalog_of(self, zone: str) -> str | None:
        """The followed catalog that a zone (canonical name) came from; None if it came from none."""
        from zonegit.repo.catalog.membership import member_here

        with self._context.store.read() as reader:
            found = member_here(reader, zone)
        return None if found is None else found[0]

    def _made(self, name: str) -> CatalogSummary:
        from zonegit.repo.catalog.made import catalog_in
        from zonegit.repo.catalog.summaries import CatalogSummary
        from zonegit.repo.catalog.values import Broken

        content = self._context.tip(self.position(name))
        found, serial = catalog_in(content, name), content.revision.commit.serial
        if isinstance(found, Broken):
            return CatalogSummary(name, serial, 0, None, found.reasons)
        return CatalogSummary(name, serial, len(found.members), None)
