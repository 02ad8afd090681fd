"""The descent of RFC 1034 §4.3.2, step 3, from a zone's apex towards a name. Its outcome is a value.

`locate` is for answers: if the name doesn't exist, it looks for a wildcard (RFC 4592). `descend` ignores wildcards:
additional data is never synthesized.
"""

from typing import NamedTuple, cast

from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.zone_state import Visited, ZoneState
from zonegit.model.names import APEX_KEY, OwnerKey, WireName
from zonegit.model.rdata import DNAME, DS, NS, NSEC3, RRSIG

Steps = list[tuple[OwnerKey, int]]
"""Owners from the one below the apex down to a name: the key of each, and where its own name starts in the name."""


class Cut(NamedTuple):
    """A delegation at the name or above it: the zone's authority ends there (step 3b)."""

    key: OwnerKey
    start: int
    """Where the cut's own name starts in the name; 0 for a cut at the name itself."""
    node: Node


class Redirect(NamedTuple):
    """A DNAME above the name: it redirects all names below its owner (RFC 6672 §3.2)."""

    start: int
    """Where the owner of the DNAME starts in the name; never 0."""
    node: Node


class Match(NamedTuple):
    """The name exists (step 3a). A CNAME may stand there: whether it is followed depends on the type."""

    key: OwnerKey
    node: Node
    """{} at an empty non-terminal (RFC 4592 §2.2.2)."""


class Wildcard(NamedTuple):
    """The name doesn't exist; the wildcard below its closest encloser, the source of synthesis, does (step 3c)."""

    key: OwnerKey
    """Of the name; the wildcard's is `encloser + b"*\\0"`."""
    encloser: OwnerKey
    node: Node
    """The wildcard's RRsets; {} where it is an empty non-terminal."""


class Absent(NamedTuple):
    """The name doesn't exist. From `locate` it also means that no wildcard covers it."""

    key: OwnerKey
    encloser: OwnerKey
    """The closest encloser (RFC 4592 §3.3.1)."""


def locate(
    zone: ZoneState, name: WireName, qtype: int, visited: Visited
) -> Cut | Redirect | Match | Wildcard | Absent:
    """Find what decides the answer to a query for `name` and `qtype` in this zone. `name` is lowercase, and the
    zone's apex or below it.

    A hashed owner is no name of its zone (RFC 5155 §7.2.8): the node of the result lacks its NSEC3 records and
    RRSIGs. `qtype` matters only if it is DS: at a cut that is the parent's own data, so the name is a `Match`
    there, not a `Cut` (RFC 4035 §3.1.4.1). `visited` holds what this query has read of the zone, and is added to:
    pass {} for a single descent.

    The query's budget pays for what is read. `CorruptStore` and `OverBudget`, as from `ZoneState`.
    """
    found = descend(zone, name, qtype, visited)
    if isinstance(found, Absent):
        node = zone.wildcard(found.encloser)
        if node is not None:
            return Wildcard(found.key, found.encloser, node)
    return found


def descend(zone: ZoneState, name: WireName, qtype: int, visited: Visited) -> Cut | Redirect | Match | Absent:
    """The same, but wildcards are ignored: `Absent` says nothing about them."""
    node = zone.apex_node()
    below = len(name) - len(zone.apex)
    if not below:
        return Match(APEX_KEY, node)
    if DNAME in node:
        return Redirect(below, node)
    encloser = APEX_KEY
    steps = path(name, zone.apex)
    for key, start, node in zone.down(steps, visited):
        if NSEC3 in node:
            node = _without_hashes(node)
            if not node and not zone.has_below(key):
                break
        if NS in node and (start or qtype != DS):  # `start` is 0 at the name itself
            return Cut(key, start, node)
        if DNAME in node and start:
            return Redirect(start, node)
        encloser = key
    last = steps[-1][0]
    return Match(last, node) if encloser == last else Absent(last, encloser)


def _without_hashes(node: Node) -> Node:
    """The RRsets at a hashed owner without those of the NSEC3 chain."""
    return {rtype: found for rtype, found in node.items() if rtype not in (NSEC3, RRSIG)}


def path(name: WireName, apex: WireName) -> Steps:
    """The steps from an apex down to a name at it or below it; none for the apex itself."""
    starts = []
    at = 0
    cut = len(name) - len(apex)
    while at < cut:
        starts.append(at)
        at += 1 + name[at]
    key = b""
    found = []
    for start in reversed(starts):
        label = name[start + 1 : start + 1 + name[start]]
        if 0 in label or 1 in label:  # integers: a byte string is first tried as one, for ten times the time
            label = label.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")
        key += label + b"\0"
        found.append((key, start))
    return cast(Steps, found)  # a call of `OwnerKey` for each would take a third of the time
