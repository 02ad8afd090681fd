"""Commits to the catalogs that zonegitd makes, and remembers which these are.

The catalog zone itself says which zone has which member node. Settings of the repository have the rest: which zones
are such catalogs, so that nobody else commits to them, and since when a zone that moved stays in its old catalog.
"""

import json
from collections.abc import Iterable, Mapping
from os import uname
from typing import Final

from zonegit.errors import CorruptStore, NotFound
from zonegit.model.names import parse_apex
from zonegit.model.rrset import RRKey, RRset
from zonegit.repo.catalog.making import catalog_entries, member_rrsets
from zonegit.repo.catalog.reading import read_catalog
from zonegit.repo.catalog.values import Broken, Catalog, Member
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.importing import commit_records
from zonegit.repo.mirrors import made_setting
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import Intent, commit_changes
from zonegit.store.port import Reader
from zonegit.tree import walk

_MOVED: Final = "catalog-moved"
_WHO: Final = "zonegitd"
_NAMED: Final = 100
"""Zones that a commit's message names."""


def made_catalogs(reader: Reader) -> frozenset[str]:
    """The catalogs that this node makes, by their canonical names."""
    every = made_setting("")
    return frozenset(name.removeprefix(every) for name, _ in reader.settings(every))


def moved_members(reader: Reader) -> dict[tuple[str, str], int]:
    """Which zones moved to another catalog, and when: `listing.Listing.moved`. `CorruptStore`."""
    value = reader.setting(_MOVED)
    try:
        found = [] if value is None else json.loads(value)
        return {(catalog, zone): int(since) for catalog, zone, since in found}
    except (ValueError, TypeError):
        raise CorruptStore("the state of the catalogs was changed on disk; 'zonegit fsck'") from None


def keep_listing(context: Context, made: Iterable[str], moved: Mapping[tuple[str, str], int]) -> None:
    """Remember which catalogs are made here, and which zones moved to another one."""
    wanted = frozenset(made)
    text = json.dumps([[catalog, zone, since] for (catalog, zone), since in sorted(moved.items())])
    with context.store.write() as writer:
        for name in made_catalogs(writer) ^ wanted:
            writer.set_setting(made_setting(name), b"1" if name in wanted else None)
        writer.set_setting(_MOVED, text.encode() if moved else None)


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


def commit_catalog(
    context: Context, place: Position, old: Catalog | None, members: Mapping[str, Member]
) -> Committed:
    """Have a catalog list these members instead of those of `old`; without it, begin the zone.

    `Refused` if others write the zone.
    """
    name = f"{_WHO} <{_WHO}@{uname().nodename}>"
    intent = Intent(_message({} if old is None else old.members, members), name, False, is_made_here=True)
    if old is None:
        entries = catalog_entries(members.values())
        return commit_records(context, parse_apex(place.zone), place.branch, entries, intent._replace(serial=1))

    def changes(_: Content) -> Mapping[RRKey, bytes | None]:
        return member_changes(old.members, members)

    return commit_changes(context, place, changes, intent)


def member_changes(old: Mapping[str, Member], new: Mapping[str, Member]) -> dict[RRKey, bytes | None]:
    """The RRsets that differ between two lists of members."""
    differ = [zone for zone in old.keys() | new.keys() if old.get(zone) != new.get(zone)]
    gone = (old[zone] for zone in differ if zone in old)
    changes: dict[RRKey, bytes | None] = {rrset.key: None for member in gone for rrset in member_rrsets(member)}
    came = (new[zone] for zone in differ if zone in new)
    changes |= {rrset.key: rrset.encode() for member in came for rrset in member_rrsets(member)}
    return changes


def _message(old: Mapping[str, Member], new: Mapping[str, Member]) -> str:
    """What came, what went, and what changed."""
    came = sorted(new.keys() - old.keys())
    gone = sorted(old.keys() - new.keys())
    differ = sorted(zone for zone in old.keys() & new.keys() if old[zone] != new[zone])
    parts = [_part("list", came), _part("remove", gone), _part("change", differ)]
    subject = ", ".join(part for part in parts if part) or "begin the catalog"
    lines = [f"{sign} {zone}" for sign, zones in (("+", came), ("-", gone), ("*", differ)) for zone in zones]
    more = [f"and {len(lines) - _NAMED} more"] if len(lines) > _NAMED else []
    return "\n".join([f"catalog: {subject}", *(["", *lines[:_NAMED], *more] if len(lines) > 1 else [])])


def _part(verb: str, zones: list[str]) -> str:
    return "" if not zones else f"{verb} {zones[0]}" if len(zones) == 1 else f"{verb} {len(zones)} zones"
