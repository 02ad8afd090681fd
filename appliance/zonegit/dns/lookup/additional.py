"""Addresses that a client will ask for next (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1), from the served zones.

Left out if they don't fit. Names below a cut are given for NS only: there they are glue. From the targets of SVCB
and HTTPS, aliases are followed: CNAMEs, and records in AliasMode.

All this is optional, and a zone's owner chooses how much work it is. So it ends before the first name that exceeds
the answer's `Allowance`, which counts labels so that it ends at the same name every time. It also ends when half of
the query's remaining budget is spent: additional data never causes SERVFAIL.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from zonegit.dns.cache import LARGEST
from zonegit.dns.lookup.descent import Match, descend, path
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import RR_FIXED, Node, rdata_of, split
from zonegit.dns.zone.query_budget import TARGET_BYTE
from zonegit.dns.zone.served_zones import ServedZones
from zonegit.dns.zone.zone_state import ZoneState
from zonegit.errors import OverBudget
from zonegit.model.names import ROOT, WireName, lower
from zonegit.model.rdata import AAAA, CNAME, HTTPS, MX, NS, SRV, SVCB, A, name_end, name_layout

SERVICES: Final = frozenset((SVCB, HTTPS))
_TARGET: Final = {rtype: name_layout(rtype)[0] for rtype in (NS, MX, SRV)}
"""Bytes before the target's name in RDATA."""
WITH_TARGETS: Final = SERVICES.union(_TARGET)
"""Types whose records point to names that a client will look up next."""
ALIAS_MODE: Final = b"\0\0"
"""The priority of SVCB and HTTPS records that are aliases (RFC 9460 §2.4.2)."""
_MOST_RECORDS: Final = 64
"""Records of an answer whose targets are looked at; several may point to one name."""
MOST_NAMES: Final = 16
"""Names that are looked at for one answer."""
MOST_LABELS: Final = 128
"""Labels of these names: each is looked up among the zones, and each below the apex may be a cut."""
_DEEPEST: Final = 8
"""The longest chain of aliases that is followed from a target."""


class Allowance:
    """What may still be looked at for one answer."""

    __slots__ = ("_labels", "_names")

    def __init__(self) -> None:
        self._names = MOST_NAMES
        self._labels = MOST_LABELS

    def takes(self, name: WireName) -> bool:
        """Whether one more name may be looked at."""
        if self._names <= 0 or self._labels < 0:
            return False
        self._names -= 1
        at = 0
        while size := name[at]:
            self._labels -= 1
            at += 1 + size
        return self._labels >= 0


def add_additional(
    zones: ServedZones, zone: ZoneState, rtype: int, owner: WireName, node: Node, draft: Draft
) -> None:
    """Add the addresses of the names that an RRset of the answer points to. `rtype` is one of `WITH_TARGETS`;
    `node` has all RRsets at `owner`, this one included.
    """
    budget = zones.budget
    spare = budget.left // 2
    budget.left -= spare
    try:
        if rtype in SERVICES:
            _add_services(zones, zone, rtype, owner, node, draft)
        else:
            _add_addresses(zones, zone, rtype, node, draft)
    except OverBudget:
        budget.left = 0
    finally:
        budget.left += spare


def _add_addresses(zones: ServedZones, zone: ZoneState, rtype: int, node: Node, draft: Draft) -> None:
    allowance = Allowance()
    for target in _targets(rtype, node[rtype][1]):
        if not allowance.takes(target):
            return
        _put(draft, target, (A, AAAA), _additional_at(zones, zone, target, draft, glue=rtype == NS))


class _Step(NamedTuple):
    """A name to look at."""

    name: WireName
    alias: bool
    """Whether a record in AliasMode points here, so that a client continues with the SVCB records here."""
    depth: int


def _add_services(
    zones: ServedZones, zone: ZoneState, rtype: int, owner: WireName, node: Node, draft: Draft
) -> None:
    """Add what a client needs to follow SVCB or HTTPS records: addresses, and the aliases that lead to them."""
    steps = list(islice(_steps(owner, node[rtype][1], 0), _MOST_RECORDS))
    if any(step.name == owner for step in steps):
        _put(draft, owner, (A, AAAA), node)
    queue = deque(steps)
    seen = {part[0] for part in draft.answer}
    allowance = Allowance()
    while queue:
        step = queue.popleft()
        if step.name in seen:
            continue
        if not allowance.takes(step.name):
            return
        seen.add(step.name)
        found = _additional_at(zones, zone, step.name, draft, glue=False)
        if CNAME in found:
            _put(draft, step.name, (CNAME,), found)
            following: Iterable[_Step] = [_Step(WireName(rdata_of(found[CNAME][1])), step.alias, step.depth + 1)]
        else:
            _put(draft, step.name, (rtype, A, AAAA), found)
            goes_on = step.alias and rtype in found
            following = _steps(step.name, found[rtype][1], step.depth + 1) if goes_on else ()
        if step.depth < _DEEPEST:
            queue.extend(islice(following, max(0, MOST_NAMES - len(queue))))


def _steps(owner: WireName, rrs: bytes, depth: int) -> Iterator[_Step]:
    """The targets of SVCB or HTTPS records. `.` is the owner in ServiceMode (RFC 9460 §2.5.2), else nothing."""
    for rr in split(rrs):
        rdata = rdata_of(rr)
        alias = rdata[:2] == ALIAS_MODE
        target = WireName(lower(rdata[2 : name_end(rdata, 2)]))
        if target != ROOT:
            yield _Step(target, alias, depth)
        elif not alias:
            yield _Step(owner, alias, depth)


def targets_owner(rrs: bytes) -> bool:
    """Whether the target of some SVCB or HTTPS record is `.`."""
    return any(not rr[RR_FIXED + 2] for rr in split(rrs))


def _targets(rtype: int, rrs: bytes) -> list[WireName]:
    """The names that the first records point to, each once."""
    skip = RR_FIXED + _TARGET[rtype]
    found = dict.fromkeys(WireName(lower(rr[skip:])) for rr in islice(split(rrs), _MOST_RECORDS))
    found.pop(ROOT, None)
    return list(found)


def _put(draft: Draft, owner: WireName, rtypes: tuple[int, ...], node: Node) -> None:
    for rtype in rtypes:
        if rtype in node:
            draft.put(draft.additional, owner, rtype, node)


def _additional_at(zones: ServedZones, zone: ZoneState, name: WireName, draft: Draft, *, glue: bool) -> Node:
    """The RRsets at a name for the additional section, from the zone that this client sees there; {} for none."""
    home = zones.find(name, 0, draft.sender)
    if home is None:
        draft.spans_zones = draft.spans_zones or zones.by_client
        return {}
    if home is not zone:
        draft.spans_zones = True
    if home.expired:
        return {}
    try:
        home.pay(TARGET_BYTE * len(name))
        return _data_at(home, name, glue=glue)
    except Exception as error:
        if home is zone:
            raise
        zones.on_trouble(error)
        draft.incomplete = True
        return {}


def _data_at(zone: ZoneState, name: WireName, *, glue: bool) -> Node:
    """The RRsets at a name; {} where there are none, or where they aren't this zone's to give."""
    known = zone.targets
    node = known.get((name, glue))
    if node is None:
        node = _read_at(zone, name, glue=glue)
        if sum(len(rrs) for _, rrs in node.values()) <= LARGEST:
            known[name, glue] = node
    return node


def _read_at(zone: ZoneState, name: WireName, *, glue: bool) -> Node:
    if name == zone.apex:
        return zone.apex_node()
    if glue:
        return zone.node(path(name, zone.apex)[-1][0]) or {}
    found = descend(zone, name, A, {})
    return found.node if isinstance(found, Match) else {}
