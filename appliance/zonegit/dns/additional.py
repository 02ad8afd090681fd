"""Addresses that an answer's reader will ask for next (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1), from held zones.

Left out when they don't fit. Names below a cut are given for NS only: there they are glue. Where SVCB and HTTPS
lead, aliases are followed: CNAMEs, and the records of AliasMode.

All this is optional, and a zone's owner chooses how dear it is: it ends in front of the first name that would take
more than an answer's `Allowance`, which counts labels, so that it ends at the same name every time. It also ends
where half of what the query may yet cost is spent: it is no reason for SERVFAIL.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, NamedTuple

from zonegit.dns.blocks import RR_FIXED, Node, rdata_of, split
from zonegit.dns.budget import LED
from zonegit.dns.cache import LARGEST
from zonegit.dns.draft import Draft
from zonegit.dns.held import Held
from zonegit.dns.paths import path
from zonegit.dns.zones import Zone
from zonegit.errors import OverBudget
from zonegit.model.names import ROOT, WireName, lower
from zonegit.model.rdata import AAAA, CNAME, DNAME, HTTPS, MX, NS, SRV, SVCB, A, name_end

SERVICES: Final = frozenset((SVCB, HTTPS))
_TARGET: Final = {NS: 0, MX: 2, SRV: 6}
"""Bytes before the target's name in RDATA."""
LEADING: Final = SERVICES.union(_TARGET)
"""Types whose records lead to names."""
ALIAS_MODE: Final = b"\0\0"
"""The priority of SVCB and HTTPS records that only lead elsewhere (RFC 9460 §2.4.2)."""
_MOST_RECORDS: Final = 64
"""Records of an answer whose targets are taken: several may lead to one name."""
MOST_NAMES: Final = 16
"""Names that are looked at for one answer,"""
MOST_LABELS: Final = 128
"""and labels of these: each is looked up among the zones, and at each below the apex a cut may stand."""
_DEEPEST: Final = 8
"""Aliases that are followed from one target."""


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


def add_additional(held: Held, zone: Zone, rtype: int, owner: WireName, node: Node, draft: Draft) -> None:
    """Add the addresses of what this RRset of the answer points to, of a type that is `LEADING`; `node` holds it
    and stands at `owner`.
    """
    budget = held.budget
    spare = budget.left // 2
    budget.left -= spare
    try:
        if rtype in SERVICES:
            _add_services(held, zone, rtype, owner, node, draft)
        else:
            _add_addresses(held, zone, rtype, node, draft)
    except OverBudget:
        budget.left = 0
    finally:
        budget.left += spare


def _add_addresses(held: Held, zone: Zone, rtype: int, node: Node, draft: Draft) -> None:
    allowance = Allowance()
    for target in _targets(rtype, node[rtype][1]):
        if not allowance.takes(target):
            return
        _put(draft, target, (A, AAAA), _given_at(held, zone, target, draft, glue=rtype == NS))


class _Step(NamedTuple):
    """A name to look at."""

    name: WireName
    alias: bool
    """Whether a record in AliasMode led here, so that a client goes on with the SVCB records that stand here."""
    depth: int


def _add_services(held: Held, zone: Zone, rtype: int, owner: WireName, node: Node, draft: Draft) -> None:
    """Add what a client looks for behind SVCB or HTTPS records: addresses, and the aliases that lead to them."""
    steps = list(islice(_steps(owner, node[rtype][1], 0), _MOST_RECORDS))
    if any(step.name == owner for step in steps):
        _put(draft, owner, (A, AAAA), node)
    ahead = deque(steps)
    seen = {part[0] for part in draft.answer}
    allowance = Allowance()
    while ahead:
        step = ahead.popleft()
        if step.name in seen:
            continue
        if not allowance.takes(step.name):
            return
        seen.add(step.name)
        found = _given_at(held, zone, step.name, draft, glue=False)
        if CNAME in found:
            _put(draft, step.name, (CNAME,), found)
            following: Iterable[_Step] = [_Step(WireName(rdata_of(found[CNAME][1])), step.alias, step.depth + 1)]
        else:
            _put(draft, step.name, (rtype, A, AAAA), found)
            goes_on = step.alias and rtype in found
            following = _steps(step.name, found[rtype][1], step.depth + 1) if goes_on else ()
        if step.depth < _DEEPEST:
            ahead.extend(islice(following, max(0, MOST_NAMES - len(ahead))))


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


def leads_to_owner(rrs: bytes) -> bool:
    """Whether the target of some SVCB or HTTPS record is `.`."""
    at = 0
    while at < len(rrs):
        if not rrs[at + RR_FIXED + 2]:
            return True
        at += RR_FIXED + int.from_bytes(rrs[at + 10 : at + RR_FIXED], "big")
    return False


def _targets(rtype: int, rrs: bytes) -> list[WireName]:
    """The first names that the records point to, each once."""
    skip = RR_FIXED + _TARGET[rtype]
    found = dict.fromkeys(WireName(lower(rr[skip:])) for rr in islice(split(rrs), _MOST_RECORDS))
    found.pop(ROOT, None)
    return list(found)


def _put(draft: Draft, owner: WireName, rtypes: tuple[int, ...], node: Node) -> None:
    for rtype in rtypes:
        if rtype in node:
            draft.put(draft.additional, owner, rtype, node)


def _given_at(held: Held, zone: Zone, name: WireName, draft: Draft, *, glue: bool) -> Node:
    """The RRsets at a name that may be given to the client; {} where there are none."""
    home = held.route(name, 0, draft.client)
    if home is None:
        draft.mixed = draft.mixed or held.by_client
        return {}
    if home is not zone:
        draft.mixed = True
    if home.expired:
        return {}
    try:
        home.pay(LED * len(name))
        return _data_at(home, name, glue=glue)
    except Exception as error:
        if home is zone:
            raise
        held.on_trouble(error)
        draft.lacking = True
        return {}


def _data_at(zone: Zone, name: WireName, *, glue: bool) -> Node:
    """The RRsets at a name; {} where there are none, or where they aren't this zone's to give."""
    known = zone.targets
    node = known.get((name, glue))
    if node is None:
        node = _read_at(zone, name, glue=glue)
        if sum(len(rrs) for _, rrs in node.values()) <= LARGEST:
            known[name, glue] = node
    return node


def _read_at(zone: Zone, name: WireName, *, glue: bool) -> Node:
    if name == zone.apex:
        return zone.top()
    steps = path(name, zone.apex)
    last = steps[-1][0]
    if glue:
        return zone.node(last) or {}
    if DNAME in zone.top():
        return {}
    for key, start, node in zone.down(steps, {}):
        if NS in node or (DNAME in node and start):
            return {}
        if key == last:
            return node
    return {}
