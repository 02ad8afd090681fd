"""Where BIND or Knot DNS treats an UPDATE differently than RFC 2136 or zonegit does, and how."""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final, NamedTuple

from updatekinds import ANY, APEX, IN, NONE, Message, Record
from updatezone import RR
from zonegit.model.names import from_text, is_at_or_below, lower
from zonegit.model.rdata import AAAA, CDS, CNAME, DNAME, DS, NS, SOA, A, soa_serial
from zonegit.model.rrset import MAX_TTL

KEY: Final = 25
NOERROR, FORMERR, SERVFAIL, REFUSED, NXRRSET, NOTZONE = 0, 1, 2, 5, 8, 10
_APEX: Final = from_text(APEX)
_META: Final = frozenset({0, 41, *range(128, 256)})


class Outcome(NamedTuple):
    """What a server made of a message."""

    rcode: int
    zone: frozenset[RR]


class Case(NamedTuple):
    """A message on which zonegit and another server differ."""

    message: Message
    before: frozenset[RR]
    ours: Outcome
    theirs: Outcome

    @property
    def serial(self) -> int:
        return next(soa_serial(each.rdata) for each in self.before if each.rtype == SOA)

    def added(self, rtype: int) -> list[Record]:
        """The records of a type that the message adds."""
        return [each for each in self.message.operations if (each.rclass, each.rtype) == (IN, rtype)]


def _faults(message: Message) -> set[int]:
    """The rcodes for the records of a message that RFC 2136 §3.2.5 and §3.4.1.3 refuse whatever the zone holds."""
    found: set[int] = set()
    for each in message.prerequisites:
        odd = each.rclass not in (IN, ANY, NONE) or (each.rdata and (each.rclass != IN or each.rtype in _META))
        found |= {FORMERR} if odd or each.ttl else set()
    for each in message.operations:
        meta = each.rtype in _META and not (each.rclass == ANY and each.rtype in (0, 255))
        odd = each.rclass not in (IN, ANY, NONE) or meta or (each.rclass == ANY and each.rdata)
        found |= {FORMERR} if odd or (each.ttl and each.rclass != IN) else set()
    owners = {lower(each.owner) for each in (*message.prerequisites, *message.operations)}
    return found | ({NOTZONE} if any(not is_at_or_below(owner, _APEX) for owner in owners) else set())


def _faults_first(case: Case) -> bool:
    """BIND looks for what is wrong with any record before it looks at the zone."""
    return case.theirs.rcode in _faults(case.message) and case.theirs.zone == case.before


def _servers_without_address(case: Case) -> bool:
    """BIND refuses an UPDATE after which a name server of the apex is in the zone and has no address there."""
    hosts = {each.owner for each in case.ours.zone if each.rtype in (A, AAAA)}
    servers = {each.rdata for each in case.ours.zone if (each.owner, each.rtype) == (_APEX, NS)}
    lost = {name for name in servers - hosts if is_at_or_below(name, _APEX)}
    return bool(lost) and case.theirs == Outcome(REFUSED, case.before)


def _data_below_a_dname(case: Case) -> bool:
    """BIND lets data come below a DNAME, and a DNAME above data."""
    tops = [each.owner for each in case.theirs.zone if each.rtype == DNAME]
    owners = {lower(each.owner) for each in (*case.theirs.zone, *case.message.operations)}
    below = any(is_at_or_below(owner, top) and owner != top for owner in owners for top in tops)
    return below and case.ours == Outcome(REFUSED, case.before)


def _undefined_serial(case: Case) -> bool:
    """BIND fails at an SOA whose serial RFC 1982 can't compare with the zone's."""
    serials = [soa_serial(each.rdata) for each in case.added(SOA)]
    return case.theirs == Outcome(SERVFAIL, case.before) and bool(serials)


def _at_a_wildcard(case: Case) -> bool:
    """BIND ignores NS and DNAME records for a wildcard."""
    return any(each.owner.startswith(b"\1*") for each in (*case.added(NS), *case.added(DNAME)))


def _keys_of_no_delegation(case: Case) -> bool:
    """BIND drops DS records where there are no NS records."""
    servers = {each.owner for each in case.ours.zone if each.rtype == NS} - {_APEX}
    kept = {each for each in case.ours.zone if each.rtype != DS or each.owner in servers}
    found = kept != case.ours.zone and _but_soa(kept) == _but_soa(case.theirs.zone)
    return found and case.ours.rcode == case.theirs.rcode


def _another_case(case: Case) -> bool:
    """BIND takes a record that differs from the zone's only in the case of a name as another one."""
    return _but_soa(case.theirs.zone) == _but_soa(case.before) and case.ours == Outcome(
        case.theirs.rcode, case.before
    )


def _but_soa(zone: AbstractSet[RR]) -> set[RR]:
    return {each for each in zone if each.rtype != SOA}


def _high_ttl(case: Case) -> bool:
    """BIND and Knot keep a TTL with its highest bit, which RFC 2181 §8 takes for 0."""
    return any(each.rclass == IN and each.ttl > MAX_TTL for each in case.message.operations)


def _ttl_of_a_record_that_is_there(case: Case) -> bool:
    """Knot ignores the addition of a record that the zone has, its TTL, too."""
    ours, theirs = (
        {each._replace(ttl=0) for each in zone if each.rtype != SOA} for zone in (case.ours.zone, case.theirs.zone)
    )
    return case.ours.rcode == case.theirs.rcode == NOERROR and ours == theirs


def _as_it_comes(case: Case) -> bool:
    """Knot takes most of what RFC 2136 §3.2.5 and §3.4.1.3 call FORMERR: deletions with a TTL, types that no record
    has, RDATA that doesn't fit its type."""
    return case.ours == Outcome(FORMERR, case.before)


def _value_of_no_bytes(case: Case) -> bool:
    """Knot refuses records without any RDATA where there may be some, as for NULL."""
    found = any(
        each.rclass == IN and not each.rdata for each in (*case.message.prerequisites, *case.message.operations)
    )
    return found and case.theirs == Outcome(FORMERR, case.before)


def _rdata_of_no_use_first(case: Case) -> bool:
    """Knot looks for RDATA where there mustn't be any before it looks at the prerequisites."""
    return case.theirs == Outcome(FORMERR, case.before) and FORMERR in _faults(case.message)


def _occluded(case: Case) -> bool:
    """Knot refuses a DNAME beside the NS records of a delegation or beside a CNAME, data below the former, and data
    below a DNAME that goes in the same message."""
    tops = {each.owner for each in case.ours.zone if each.rtype == DNAME}
    tops |= {each.owner for each in case.before if each.rtype == DNAME}
    tops |= {lower(each.owner) for each in case.added(DNAME)}
    below = any(is_at_or_below(each.owner, top) for each in case.ours.zone for top in tops)
    return below and case.theirs == Outcome(REFUSED, case.before)


def _key_beside_cname(case: Case) -> bool:
    """Knot keeps KEY records and CNAMEs apart (RFC 2181 §10.1 allows both)."""
    aliases, keys = ({each.owner for each in case.ours.zone if each.rtype == rtype} for rtype in (CNAME, KEY))
    return not aliases.isdisjoint(keys)


def _keys_for_the_parent(case: Case) -> bool:
    """BIND refuses CDS records of the apex that no DNSKEY record fits."""
    return any(each[:2] == (_APEX, CDS) for each in case.ours.zone) and case.theirs == Outcome(REFUSED, case.before)


ODDS: Final[Mapping[str, tuple[Callable[[Case], bool], ...]]] = {
    "named": (
        _faults_first, _servers_without_address, _data_below_a_dname, _undefined_serial, _at_a_wildcard,
        _keys_of_no_delegation, _another_case, _high_ttl, _keys_for_the_parent,
    ),
    "knotd": (
        _ttl_of_a_record_that_is_there, _as_it_comes, _rdata_of_no_use_first, _occluded, _key_beside_cname,
        _value_of_no_bytes, _high_ttl,
    ),
}  # fmt: skip
"""By peer: the differences that are known."""


def kills_knot(message: Message, zone: frozenset[RR]) -> bool:
    """Whether knotd 3.2.6 would end at a message: an SOA elsewhere than at the apex, or a DNAME in the place of
    another one."""
    added = [(lower(each.owner), each.rtype) for each in message.operations if each.rclass == IN]
    aliases = [owner for owner, rtype in added if rtype == DNAME]
    aliases += {each.owner for each in zone if each.rtype == DNAME and (each.owner, DNAME) in added}
    return len(aliases) > len(set(aliases)) or any(rtype == SOA and owner != _APEX for owner, rtype in added)
