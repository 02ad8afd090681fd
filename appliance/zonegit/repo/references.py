"""Searches other zones of the repository, within bounds, for records that name something."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from zonegit.errors import ZonegitError
from zonegit.model.names import WireName, is_within, lower, owner_key, relative
from zonegit.model.rdata import HTTPS, SVCB, name_spans
from zonegit.model.rrset import RRset
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.position import default_branch, heads
from zonegit.repo.results import Position
from zonegit.repo.signed import DNSSEC_TYPES
from zonegit.tree import walk

RECORDS: Final = 100_000
"""The most records that are read: this takes a fraction of a second."""
_LEAST: Final = 100
"""Each zone counts as at least this many records, for the time to open it. So at most 1,000 zones are read."""
_AS_IS: Final = frozenset((SVCB, HTTPS, 107))  # LP
"""Types whose names keep their case."""


class Pointing(NamedTuple):
    """A branch with records that name the name that was searched for."""

    zone: str
    branch: str
    records: int


class Searched(NamedTuple):
    """The result of a search."""

    found: tuple[Pointing, ...] = ()
    unread: int = 0
    """Zones that weren't read: beyond the bounds, or damaged."""


def others(context: Context, home: Position) -> list[Position]:
    """One branch of each other zone: the one with the same name as `home`'s, else the default one."""
    found: dict[str, list[str]] = {}
    with context.store.read() as reader:
        for ref in heads(reader):
            found.setdefault(ref.zone, []).append(ref.name)
    found.pop(home.zone, None)
    return [
        Position(zone, home.branch if home.branch in branches else default_branch(branches))
        for zone, branches in sorted(found.items())
    ]


def search(context: Context, places: Iterable[Position], name: WireName) -> Searched:
    """Count the records in these branches that point to a name at or below `name`, or whose owner is one."""
    left, unread = RECORDS, 0
    found = []
    for place in places:
        if left < _LEAST:
            unread += 1
            continue
        try:
            content = context.tip(place)
            if content.zone.records > left:
                unread += 1
                continue
            left -= max(content.zone.records, _LEAST)
            if count := _count(content, name):
                found.append(Pointing(place.zone, place.branch, count))
        except ZonegitError:
            unread += 1
    return Searched(tuple(found), unread)


def may_name(rtype: int, payload: bytes, name: WireName) -> bool:
    """Whether a stored RRset may name something at or below `name`, which is lowercase."""
    return (lower(payload) if rtype in _AS_IS else payload).find(name) >= 0


def _count(content: Content, name: WireName) -> int:
    inside = owner_key(relative(name, content.apex)) if is_within(name, content.apex) else None
    total = 0
    for key, payload in walk.entries(content.tree.nodes, content.tree.root):
        rtype = int.from_bytes(key[-2:], "big")
        stands = inside is not None and key.startswith(inside)
        if rtype in DNSSEC_TYPES or not (stands or may_name(rtype, payload, name)):
            continue
        for rdata in RRset.decode(payload).rdatas:
            total += stands or any(is_within(rdata[start:end], name) for start, end in name_spans(rtype, rdata))
    return total
