"""What the catalogs that this node follows change here (RFC 9432 §5).

The state is which zones are members, and of which catalog. Nothing is taken over that exists here otherwise; a
broken catalog changes nothing; and a catalog that would remove more zones at once than it may, or all, is held.
"""

from collections.abc import Collection, Mapping, Set
from enum import StrEnum
from typing import NamedTuple

from zonegit.repo.catalog.values import Broken, Catalog, Member


class Held(NamedTuple):
    """Removals that wait for the operator."""

    removals: int
    """How many zones the catalog would remove now."""
    most: int
    """How many it may remove at once."""


class Following(NamedTuple):
    """A catalog that is followed."""

    found: Catalog | Broken
    max_removals: int | None = None
    """How many zones may go at once; None: ten, or a tenth of the members if that is more."""
    may_remove: bool = False
    """Whether the operator let its removals through."""


class Clash(StrEnum):
    """Why a zone that a catalog lists isn't taken from it (§5.2)."""

    BY_HAND = "exists here and came from no catalog"
    OTHER = "is a member of another catalog"
    CATALOG = "is a catalog itself"
    CONFIGURED = "has settings of its own here"


class Decided(NamedTuple):
    """What is to be done."""

    members: Mapping[str, tuple[str, Member]]
    """Zone -> its catalog, and the member there; all of them, as they are to be from now on."""
    removed: Set[str]
    """Zones that are to be removed; those that begin again are also among the members."""
    clashes: Mapping[str, tuple[str, Clash]]
    """Zone -> the catalog that lists it in vain, and why."""
    held: Mapping[str, Held]
    """By catalog."""


def decide(
    catalogs: Mapping[str, Following],
    members: Mapping[str, tuple[str, Member]],
    here: Collection[str],
    configured: Collection[str] = (),
) -> Decided:
    """What the catalogs change. `members`: as in the result; `here`: all zones that exist; `configured`: zones that
    have settings of their own, which take a zone out of its catalog, and leave it here. A catalog that isn't in
    `catalogs` keeps its members as they are.
    """
    members = {zone: each for zone, each in members.items() if zone not in configured}
    after = dict(members)
    removed: set[str] = set()
    held: dict[str, Held] = {}
    clashes: dict[str, tuple[str, Clash]] = {}
    sound = {name: each.found for name, each in catalogs.items() if isinstance(each.found, Catalog)}
    for name, catalog in sound.items():
        gone = _gone(catalog, members)
        hold = _hold(catalogs[name], gone, sum(owner == name for owner, _ in members.values()))
        if hold is None:
            removed.update(gone)
            for zone in gone:
                del after[zone]
        else:
            held[name] = hold
    for name, catalog in sound.items():
        for zone, member in catalog.members.items():
            known = after.get(zone)
            if known is None:
                clash = None if zone in removed else _clash(zone, catalogs, here, configured)
            elif known[0] != name:
                clash = None if _moves(zone, name, catalogs.get(known[0])) else Clash.OTHER
            elif known[1].ident != member.ident:
                continue  # it waits with the removals of its catalog
            else:
                clash = None
            if clash is not None:
                clashes[zone] = (name, clash)
                continue
            if known is not None and known[1].ident != member.ident:
                removed.add(zone)
            after[zone] = (name, member)
    return Decided(after, removed, clashes, held)


def _gone(catalog: Catalog, members: Mapping[str, tuple[str, Member]]) -> list[str]:
    """The members that a catalog removes: those it doesn't list any more, and those that begin again (§5.4)."""
    listed = catalog.members
    return [
        zone
        for zone, (name, member) in members.items()
        if name == catalog.name and (zone not in listed or listed[zone].ident != member.ident)
    ]


def _hold(following: Following, gone: list[str], known: int) -> Held | None:
    """What holds these removals. All members of a catalog at once are always too many."""
    most = following.max_removals if following.max_removals is not None else max(10, known // 10)
    most = min(most, known - 1)
    return Held(len(gone), most) if len(gone) > max(most, 0) and not following.may_remove else None


def _moves(zone: str, to: str, old: Following | None) -> bool:
    """Whether a member moves to another catalog: its old one says so now (§4.3.1)."""
    if old is None or not isinstance(old.found, Catalog):
        return False
    member = old.found.members.get(zone)
    return member is not None and member.coo == to


def _clash(
    zone: str, catalogs: Mapping[str, Following], here: Collection[str], configured: Collection[str]
) -> Clash | None:
    if zone in catalogs:
        return Clash.CATALOG
    if zone in configured:
        return Clash.CONFIGURED
    return Clash.BY_HAND if zone in here else None
