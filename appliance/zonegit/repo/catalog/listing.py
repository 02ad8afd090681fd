"""What the catalogs that this node makes list, as its zones come and go (RFC 9432 §4.3, §5)."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final, NamedTuple

from zonegit.repo.catalog.values import Catalog, Member

COO_KEPT: Final = 30 * 86_400
"""Seconds for which a zone that moved to another catalog stays in the old one: every consumer has to see it there,
with the name of the new one, before it may go (§4.3.1)."""


class Listed(NamedTuple):
    """How a zone of this node is to be listed."""

    catalog: str
    groups: tuple[str, ...] = ()


class Listing(NamedTuple):
    """What every catalog is to list."""

    members: Mapping[str, Mapping[str, Member]]
    """By catalog, then by zone."""
    moved: Mapping[tuple[str, str], int]
    """(old catalog, zone) of zones that moved to another catalog -> when, in Unix seconds."""


def next_listing(
    wanted: Mapping[str, Listed],
    made: Mapping[str, Catalog],
    moved: Mapping[tuple[str, str], int],
    begun_again: frozenset[str],
    ended: frozenset[str],
    tag: bytes,
    now: int,
) -> Listing:
    """What the catalogs are to list after what `made` says that they list now.

    A zone keeps its member node for as long as it is listed, also when it moves to another catalog, so that no
    consumer loses what it has of it. A zone that was removed and added again (`begun_again`) gets a new one, so
    that every consumer begins it again. A catalog that is in no zone's settings any more
    (`ended`) goes on listing its zones, except that those that have another one move there: consumers would remove
    what an edit of the configuration drops. `tag`: unique bytes from which new nodes are named.
    """
    members: dict[str, dict[str, Member]] = {
        name: {} for name in {*made, *(each.catalog for each in wanted.values())}
    }
    still: dict[tuple[str, str], int] = {}
    for zone, listed in wanted.items():
        known = _known(zone, listed.catalog, made) if zone not in begun_again else None
        ident = known.ident if known is not None else _ident(zone, tag)
        members[listed.catalog][zone] = Member(zone, ident, listed.groups)
    for name, catalog in made.items():
        for zone, member in catalog.members.items():
            target = wanted.get(zone)
            if target is None and name in ended:
                members[name][zone] = member
            if target is None or target.catalog == name or zone in begun_again:
                continue
            since = moved.get((name, zone), now)
            if now - since < COO_KEPT:
                still[name, zone] = since
                members[name][zone] = member._replace(coo=target.catalog)
    return Listing(members, still)


def _known(zone: str, catalog: str, made: Mapping[str, Catalog]) -> Member | None:
    """The zone's member in its catalog, or else in another one, from which it comes."""
    if catalog in made and zone in made[catalog].members:
        return made[catalog].members[zone]
    return next((each.members[zone] for each in made.values() if zone in each.members), None)


def _ident(zone: str, tag: bytes) -> bytes:
    return blake2b(zone.encode(), key=tag[:64], digest_size=8).hexdigest().encode()
