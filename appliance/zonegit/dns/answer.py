"""The answering algorithm of RFC 1034 §4.3.2, as clarified by RFC 2181, 4592, 4035, 6672, 8020 and 8482.

From the apex down: the first delegation or DNAME on the way decides; else the node, an empty non-terminal, a
wildcard below the closest encloser, or nothing. Aliases lead on through the zones that are held (`chain`).
"""

from typing import Final

from zonegit.dns.additional import LEADING, add_additional
from zonegit.dns.blocks import Node
from zonegit.dns.budget import LED
from zonegit.dns.chain import follow_cname, follow_dname
from zonegit.dns.draft import Draft
from zonegit.dns.held import Held
from zonegit.dns.negative import no_data, no_data_at_wildcard, no_name, prove_no_closer
from zonegit.dns.paths import path
from zonegit.dns.referral import refer
from zonegit.dns.zones import Met, Zone
from zonegit.model.names import APEX_KEY, OwnerKey, WireName
from zonegit.model.rdata import ANY, CNAME, DNAME, DS, NS, NSEC, NSEC3, RRSIG

_BESIDE_CNAME: Final = (RRSIG, NSEC)
"""Types that stand at an alias itself (RFC 4035 §2.5): a question for one is not led on."""


def resolve(held: Held, zone: Zone, draft: Draft) -> None:
    """Fill the draft for its name and type, which `zone` is the one for."""
    name = draft.name
    passed = {name}
    current = zone
    met: dict[Zone, Met] = {}
    while True:
        answer = _answer if current is zone else _go_on
        target = answer(held, current, name, draft, met.setdefault(current, {}))
        if target is None or target in passed:
            return
        home = held.route(target, draft.qtype, draft.client)
        if home is None:
            draft.mixed = draft.mixed or held.by_client  # another client may be shown where this leads
            return
        if home is not zone:
            draft.mixed = True
        if home.expired:
            return
        passed.add(target)
        name, current = target, home


def _go_on(held: Held, zone: Zone, name: WireName, draft: Draft, met: Met) -> WireName | None:
    """The same in a zone that an alias led into. If it can't be read, the chain ends in front of it: its damage is
    none of the zone's that was asked.
    """
    before = draft.state()
    try:
        return _answer(held, zone, name, draft, met)
    except Exception as error:
        held.on_trouble(error)
        draft.back_to(before)
        draft.lacking = True
        return None


def _answer(held: Held, zone: Zone, name: WireName, draft: Draft, met: Met) -> WireName | None:
    """Add what one zone says about one name; where an alias leads, or None at the end of the chain."""
    if name is not draft.name:
        zone.pay(LED * len(name))
    node = zone.top()
    cut = len(name) - len(zone.apex)
    if not cut:
        return _at_node(held, zone, name, APEX_KEY, node, draft)
    if DNAME in node:
        return follow_dname(name, cut, node, draft)
    encloser = APEX_KEY
    steps = path(name, zone.apex)
    for key, start, found in zone.down(steps, met):
        node = found
        if NSEC3 in node:
            node = _without_hashes(node)
            if not node and not zone.has_below(key):
                break
        if NS in node and (start or draft.qtype != DS):
            draft.exact = not start and name is draft.name
            refer(zone, WireName(name[start:]), key, node, draft)
            return None
        if DNAME in node and start:
            return follow_dname(name, start, node, draft)
        encloser = key
    if encloser != steps[-1][0]:
        return _at_wildcard(held, zone, name, steps[-1][0], encloser, draft)
    return _at_node(held, zone, name, encloser, node, draft)


def _without_hashes(node: Node) -> Node:
    """What stands at a name; a hashed owner alone is no name of its zone (RFC 5155 §7.2.8)."""
    return {rtype: found for rtype, found in node.items() if rtype not in (NSEC3, RRSIG)}


def _at_node(held: Held, zone: Zone, name: WireName, key: OwnerKey, node: Node, draft: Draft) -> WireName | None:
    """The name is there, as `node` or, when that is {}, as an empty non-terminal."""
    draft.exact = name is draft.name
    if _take(held, zone, name, node, draft):
        return None
    if CNAME in node and draft.qtype not in _BESIDE_CNAME:
        return follow_cname(name, node, draft)
    no_data(zone, key, node, draft)
    return None


def _at_wildcard(
    held: Held, zone: Zone, name: WireName, key: OwnerKey, encloser: OwnerKey, draft: Draft
) -> WireName | None:
    """The name isn't there: answer from the source of synthesis (RFC 4592 §3.3.1), or deny the name.

    Signatures stay the wildcard's own; nothing closer exists, as is shown (RFC 4035 §3.1.3.3, RFC 5155 §7.2.6).
    """
    node = zone.wildcard(encloser)
    if node is None:
        no_name(zone, key, encloser, draft)
        return None
    target = None
    if not _take(held, zone, name, node, draft):
        if CNAME not in node or draft.qtype in _BESIDE_CNAME:
            no_data_at_wildcard(zone, key, encloser, node, draft)
            return None
        target = follow_cname(name, node, draft)
        if target is None:
            return None
    prove_no_closer(zone, key, encloser, draft)
    return target


def _take(held: Held, zone: Zone, name: WireName, node: Node, draft: Draft) -> bool:
    """Add the RRset of the type that was asked for, if it is there; of ANY one, or all (RFC 8482 §4.1, §4.4)."""
    qtype = draft.qtype
    if qtype == ANY and node:
        if draft.whole:
            draft.answer += [(name, rtype, *found) for rtype, found in node.items()]
            return True
        qtype = _one_of(node)
    if qtype not in node:
        return False
    draft.put(draft.answer, name, qtype, node)
    if qtype in LEADING:
        add_additional(held, zone, qtype, name, node, draft)
    return True


def _one_of(node: Node) -> int:
    """The one RRset that answers ANY (RFC 8482 §4.1): the first that isn't there for DNSSEC's sake."""
    return next((rtype for rtype in node if rtype not in (RRSIG, NSEC)), next(iter(node)))
