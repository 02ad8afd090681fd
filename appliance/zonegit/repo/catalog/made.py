"""Reads the catalogs that zonegitd makes, and what it remembers of them. `producing` writes that."""

import json
from typing import Final

from zonegit.errors import CorruptStore, NotFound
from zonegit.model.rrset import RRset
from zonegit.repo.catalog.reading import read_catalog
from zonegit.repo.catalog.values import Broken, Catalog
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.mirrors import made_setting
from zonegit.repo.results import Position
from zonegit.store.port import Reader
from zonegit.tree import walk

MOVED: Final = "catalog-moved"
"""The setting that says which zones moved to another catalog."""


def made_catalogs(reader: Reader) -> frozenset[str]:
    """The catalogs that this node makes, by their canonical names."""
    every = made_setting("")
    return frozenset(name.removeprefix(every) for name, _ in reader.settings(every))


def moved_members(reader: Reader) -> dict[tuple[str, str], int]:
    """Which zones moved to another catalog, and when: `listing.Listing.moved`. `CorruptStore`."""
    value = reader.setting(MOVED)
    try:
        found = [] if value is None else json.loads(value)
        return {(catalog, zone): int(since) for catalog, zone, since in found}
    except (ValueError, TypeError):
        raise CorruptStore("the state of the catalogs was changed on disk; 'zonegit fsck'") from None


def catalog_at(context: Context, place: Position) -> Catalog | Broken | None:
    """What a branch says as a catalog; None if it doesn't exist."""
    try:
        content = context.tip(place)
    except NotFound:
        return None
    return catalog_in(content, place.zone)


def catalog_in(content: Content, zone: str) -> Catalog | Broken:
    """What a version says as a catalog."""
    found = walk.entries(content.tree.nodes, content.tree.root)
    return read_catalog(zone, (RRset.decode(payload) for _, payload in found))
