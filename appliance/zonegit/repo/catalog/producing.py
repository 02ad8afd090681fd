"""Commits to the catalogs that zonegitd makes, and remembers which these are.

The catalog zone itself says which zone has which member node. Settings of the repository have the rest: which zones
are such catalogs, so that nobody else commits to them, and since when a zone that moved stays in its old catalog.
"""

import json
from collections.abc import Iterable, Mapping
from os import uname
from typing import Final

from zonegit.model.names import parse_apex
from zonegit.model.rrset import RRKey
from zonegit.repo.catalog.made import MOVED, made_catalogs
from zonegit.repo.catalog.making import catalog_entries, member_rrsets
from zonegit.repo.catalog.values import Catalog, Member
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.importing import commit_records
from zonegit.repo.mirrors import made_setting
from zonegit.repo.results import Committed, Position
from zonegit.repo.writing import Intent, commit_changes
from zonegit.zonefile.canonical_entries import CanonicalEntries

_WHO: Final = "zonegitd"
_NAMED: Final = 100
"""Zones that a commit's message names."""


def keep_listing(context: Context, made: Iterable[str], moved: Mapping[tuple[str, str], int]) -> None:
    """Remember which catalogs are made here, and which zones moved to another one."""
    wanted = frozenset(made)
    text = json.dumps([[catalog, zone, since] for (catalog, zone), since in sorted(moved.items())])
    with context.store.write() as writer:
        for name in made_catalogs(writer) ^ wanted:
            writer.set_setting(made_setting(name), b"1" if name in wanted else None)
        writer.set_setting(MOVED, text.encode() if moved else None)


def commit_catalog(
    context: Context, place: Position, old: Catalog | None, members: Mapping[str, Member]
) -> Committed:
    """Have a catalog list these members instead of those of `old`; without it, begin the zone.

    `Refused` if others write the zone.
    """
    name = f"{_WHO} <{_WHO}@{uname().nodename}>"
    intent = Intent(_message({} if old is None else old.members, members), name, False, is_made_here=True)
    if old is None:
        entries = CanonicalEntries.checked(catalog_entries(members.values()))
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
