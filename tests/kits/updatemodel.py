"""RFC 2136 §3 as its pseudocode has it, over a plain map of records: slow, and written apart from zonegit's."""

from dataclasses import dataclass, field

from updatekinds import ANY, APEX, IN, NONE, Message, Record
from zonegit.errors import InvalidRecord
from zonegit.model.names import from_text, is_at_or_below, lower
from zonegit.model.rdata import CNAME, DNAME, NS, SOA, canonical, soa_serial, with_serial
from zonegit.zonefile.rdata.fitting import misfit

FORMERR, NXDOMAIN, YXDOMAIN, YXRRSET, NXRRSET, NOTZONE = 1, 3, 6, 7, 8, 10
_APEX = from_text(APEX)
_META = frozenset({0, 41, *range(128, 256)})
_MAY_BE_BESIDE = frozenset({24, 25, 30, 46, 47, 50})
RRsets = dict[tuple[bytes, int], tuple[int, frozenset[bytes]]]
"""Owner and type to the TTL and the RDATAs; the SOA with serial 0."""


@dataclass
class Model:
    """A zone."""

    rrsets: RRsets = field(default_factory=dict)
    serial: int = 0
    """The served one."""

    def update(self, message: Message) -> tuple[int, RRsets, int | None]:
        """The rcode, what the zone becomes, and the serial that an SOA asks for."""
        try:
            asked = [_read(each, (IN,)) for each in message.prerequisites]
            wanted = [_read(each, (IN, NONE)) for each in message.operations]
        except InvalidRecord:
            return FORMERR, self.rrsets, None
        rcode = self._prerequisites(asked) or _prescan(wanted)
        if rcode:
            return rcode, self.rrsets, None
        return 0, *_operate(dict(self.rrsets), wanted, self.serial)

    def _prerequisites(self, records: list[Record]) -> int:
        """§3.2.5."""
        temporary: dict[tuple[bytes, int], set[bytes]] = {}
        for each in records:
            name = any(owner == each.owner for owner, _ in self.rrsets)
            rrset = (each.owner, each.rtype) in self.rrsets
            if each.ttl:
                return FORMERR
            if not is_at_or_below(each.owner, _APEX):
                return NOTZONE
            if each.rclass in (ANY, NONE) and each.rdata:
                return FORMERR
            if each.rclass == ANY and not (name if each.rtype == 255 else rrset):
                return NXDOMAIN if each.rtype == 255 else NXRRSET
            if each.rclass == NONE and (name if each.rtype == 255 else rrset):
                return YXDOMAIN if each.rtype == 255 else YXRRSET
            if each.rclass == IN:
                temporary.setdefault((each.owner, each.rtype), set()).add(each.rdata)
            elif each.rclass not in (ANY, NONE):
                return FORMERR
        for key, rdatas in temporary.items():
            found = self.rrsets.get(key, (0, frozenset()))[1]
            if key == (_APEX, SOA):
                found = frozenset(with_serial(each, self.serial) for each in found)
            if found != rdatas:
                return NXRRSET
        return 0


def _read(each: Record, valued: tuple[int, ...]) -> Record:
    rdata = each.rdata
    if each.rclass in valued and each.rtype not in _META:
        rdata = canonical(each.rtype, rdata)
        if why := misfit(each.rtype, rdata):
            raise InvalidRecord(why)
    if each.rtype in (41, 250):
        raise InvalidRecord("neither OPT nor TSIG")
    return each._replace(owner=lower(each.owner), rdata=rdata)


def _prescan(records: list[Record]) -> int:
    """§3.4.1.3."""
    for each in records:
        if not is_at_or_below(each.owner, _APEX):
            return NOTZONE
        meta = each.rtype in _META
        if each.rclass == IN and meta:
            return FORMERR
        if each.rclass == ANY and (each.ttl or each.rdata or (meta and each.rtype not in (0, 255))):
            return FORMERR
        if each.rclass == NONE and (each.ttl or meta):
            return FORMERR
        if each.rclass not in (IN, ANY, NONE):
            return FORMERR
    return 0


def _operate(zone: RRsets, records: list[Record], serial: int) -> tuple[RRsets, int | None]:
    """§3.4.2.7, and an SOA as §3.4.2.2 has it."""
    asked: int | None = None
    for each in records:
        key = owner, rtype = each.owner, each.rtype
        ttl, rdatas = zone.get(key, (0, frozenset()))
        types = {known for name, known in zone if name == owner}
        if each.rclass == ANY:
            gone = types if rtype == 255 else {rtype}
            for known in gone - ({SOA, NS} if owner == _APEX else set()):
                zone.pop((owner, known), None)
        elif each.rclass == NONE:
            last = owner == _APEX and rtype == NS and rdatas == {each.rdata}
            if rtype != SOA and not last and rdatas - {each.rdata}:
                zone[key] = ttl, rdatas - {each.rdata}
            elif rtype != SOA and not last:
                zone.pop(key, None)
        elif rtype == SOA:
            new = soa_serial(each.rdata)
            if owner == _APEX and 0 < (new - (serial if asked is None else asked)) % (1 << 32) < 1 << 31:
                asked = new
                zone[key] = each.ttl, frozenset({with_serial(each.rdata, 0)})
        elif not _kept_apart(rtype, types):
            more = frozenset() if rtype in (CNAME, DNAME) else rdatas
            zone[key] = each.ttl if each.ttl < 1 << 31 else 0, more | {each.rdata}
    return zone, asked


def _kept_apart(rtype: int, types: set[int]) -> bool:
    """Whether a record may not come beside these types."""
    if rtype == CNAME:
        return bool(types - _MAY_BE_BESIDE - {CNAME})
    return CNAME in types and rtype not in _MAY_BE_BESIDE


def has_data_below_a_dname(zone: RRsets) -> bool:
    """What zonegit refuses."""
    tops = [owner for owner, rtype in zone if rtype == DNAME]
    return any(owner != top and is_at_or_below(owner, top) for owner, _ in zone for top in tops)
