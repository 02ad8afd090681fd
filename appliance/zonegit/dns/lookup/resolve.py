"""The answering algorithm of RFC 1034 §4.3.2, as clarified by RFC 2181, 4592, 4035, 6672, 8020 and 8482.

`descent.locate` says where a name ends in a zone; here is what each of its outcomes is answered with. Aliases are
followed through all zones that are served.
"""

from typing import Final

from zonegit.dns.lookup.additional import WITH_TARGETS, add_additional
from zonegit.dns.lookup.aliases import follow_cname, follow_dname
from zonegit.dns.lookup.descent import Absent, Cut, Match, Redirect, Wildcard, locate
from zonegit.dns.lookup.negative import no_data, nxdomain, prove_wildcard_answer, wildcard_no_data
from zonegit.dns.lookup.referral import refer
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Node
from zonegit.dns.zone.query_budget import TARGET_BYTE
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.dns.zone.zone_state import Visited, ZoneState
from zonegit.model.names import WireName
from zonegit.model.rdata import ANY, CNAME, NSEC, RRSIG

_BESIDE_CNAME: Final = (RRSIG, NSEC)
"""Types that may stand beside a CNAME (RFC 4035 §2.5): a query for one is answered at the alias."""


def resolve(zones: ServedZones, zone: ZoneState, draft: Draft) -> None:
    """Fill the draft: answer its name and type, which belong to `zone`."""
    visited: Visited = {}
    target = _answer(zones, zone, draft.name, draft, visited)
    if target is not None:
        _follow(zones, zone, target, draft, {zone: visited})


def _follow(
    zones: ServedZones, zone: ZoneState, first: WireName, draft: Draft, visited: dict[ZoneState, Visited]
) -> None:
    """Add what stands at the target of an alias in `zone`, and so on along the chain, until it ends, loops or
    leaves the served zones."""
    passed = {draft.name}
    target: WireName | None = first
    while target is not None and target not in passed:
        home = zones.find(target, draft.qtype, draft.sender)
        if home is None:
            draft.spans_zones = draft.spans_zones or zones.by_client  # another client may see the target
            return
        if home is not zone:
            draft.spans_zones = True
        if home.expired:
            return
        passed.add(target)
        answer = _answer if home is zone else _answer_from_another
        target = answer(zones, home, target, draft, visited.setdefault(home, {}))


def _answer_from_another(
    zones: ServedZones, zone: ZoneState, name: WireName, draft: Draft, visited: Visited
) -> WireName | None:
    """The same as `_answer`, in another zone than the query's. If that can't be read, the chain ends before it:
    damage in one zone must not reach the answers of another."""
    before = draft.state()
    try:
        return _answer(zones, zone, name, draft, visited)
    except Exception as error:
        zones.on_trouble(error)
        draft.back_to(before)
        draft.incomplete = True
        return None


def _answer(zones: ServedZones, zone: ZoneState, name: WireName, draft: Draft, visited: Visited) -> WireName | None:
    """Add what one zone has for one name. Returns the target if that is an alias to follow, else None."""
    if name is not draft.name:
        zone.pay(TARGET_BYTE * len(name))
    found = locate(zone, name, draft.qtype, visited)
    match found:
        case Match():
            draft.name_exists = name is draft.name
            return _at_node(zones, zone, name, found, draft)
        case Cut():
            draft.name_exists = not found.start and name is draft.name
            refer(zone, name, found, draft)
            return None
        case Redirect():
            return follow_dname(name, found.start, found.node, draft)
        case Wildcard():
            return _at_wildcard(zones, zone, name, found, draft)
        case Absent():
            nxdomain(zone, found, draft)
            return None


def _at_node(zones: ServedZones, zone: ZoneState, name: WireName, found: Match, draft: Draft) -> WireName | None:
    """Answer from the RRsets at the name itself."""
    key, node = found
    if _add_answer(zones, zone, name, node, draft):
        return None
    if CNAME in node and draft.qtype not in _BESIDE_CNAME:
        return follow_cname(name, node, draft)
    no_data(zone, key, node, draft)
    return None


def _at_wildcard(
    zones: ServedZones, zone: ZoneState, name: WireName, found: Wildcard, draft: Draft
) -> WireName | None:
    """Answer from the source of synthesis (RFC 4592 §3.3.1).

    The signatures are the wildcard's own, and under DO it is proved that no closer match exists (RFC 4035 §3.1.3.3,
    RFC 5155 §7.2.6).
    """
    node = found.node
    target = None
    if not _add_answer(zones, zone, name, node, draft):
        if CNAME not in node or draft.qtype in _BESIDE_CNAME:
            wildcard_no_data(zone, found, draft)
            return None
        target = follow_cname(name, node, draft)
        if target is None:
            return None
    prove_wildcard_answer(zone, found, draft)
    return target


def _add_answer(zones: ServedZones, zone: ZoneState, name: WireName, node: Node, draft: Draft) -> bool:
    """Add the RRset of the type asked for, if it exists; for ANY add one or all (RFC 8482 §4.1, §4.4)."""
    qtype = draft.qtype
    if qtype == ANY and node:
        if draft.full_any:
            draft.answer += [(name, rtype, *found) for rtype, found in node.items()]
            return True
        qtype = _one_of(node)
    if qtype not in node:
        return False
    draft.put(draft.answer, name, qtype, node)
    if qtype in WITH_TARGETS:
        add_additional(zones, zone, qtype, name, node, draft)
    return True


def _one_of(node: Node) -> int:
    """The type of the one RRset that answers ANY (RFC 8482 §4.1): the first that isn't RRSIG or NSEC."""
    return next((rtype for rtype in node if rtype not in (RRSIG, NSEC)), next(iter(node)))
