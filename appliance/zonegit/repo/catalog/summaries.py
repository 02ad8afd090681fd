"""What is shown of catalogs and their members."""

from typing import NamedTuple

from zonegit.repo.catalog.membership import CatalogState
from zonegit.repo.catalog.values import Member


class CatalogSummary(NamedTuple):
    """A catalog that is made or followed here."""

    name: str
    serial: int | None
    """Of its served version; None if it isn't here yet."""
    members: int
    """Zones that it lists, if it is made here; else zones here that came from it."""
    followed: CatalogState | None
    """What became of its last version; None for one that is made here."""
    broken: tuple[str, ...] = ()


class MemberSummary(NamedTuple):
    """A zone that a catalog lists, or that came from it."""

    member: Member
    serial: int | None
    """None: the zone isn't here, or not yet."""
    clash: str = ""
    """Why the zone isn't taken from the catalog; empty if it is."""
    is_listed: bool = True
    """Whether the catalog lists it now; if not, its removal waits."""
