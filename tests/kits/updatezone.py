"""The records of a server's zone, and how UPDATEs give them to another server."""

from typing import NamedTuple

from updatekinds import APEX, IN, NONE, Message, Record
from zonegit.model.names import from_text, to_text
from zonegit.model.rdata import NS, SOA, soa_serial, with_serial


class RR(NamedTuple):
    """A record of a zone."""

    owner: bytes
    rtype: int
    ttl: int
    rdata: bytes

    def __str__(self) -> str:
        return f"{to_text(self.owner)} {self.ttl} TYPE{self.rtype} {self.rdata.hex()}"


def serial_of(zone: frozenset[RR]) -> int:
    """The serial of its SOA."""
    (serial,) = (soa_serial(each.rdata) for each in zone if each.rtype == SOA)
    return serial


def brought_back(zone: frozenset[RR], wanted: frozenset[RR], serial: int) -> list[Message]:
    """UPDATEs that make a server's zone this one, with a serial that is ahead.

    Where TTLs differ, the RRset goes first, because Knot doesn't take the TTL of a record that it has. The NS
    records of the apex can't all go, so they get theirs with a record that goes again.
    """
    apex = from_text(APEX)
    (soa,) = (each for each in wanted if each.rtype == SOA)
    differ = {(each.owner, each.rtype) for each in zone ^ wanted if each.rtype != SOA}
    go = [_removed(each) for each in zone if (each.owner, each.rtype) in differ and each[:2] != (apex, NS)]
    come = [_added(each) for each in sorted(wanted) if (each.owner, each.rtype) in differ]
    come.append(_added(soa._replace(rdata=with_serial(soa.rdata, serial))))
    found = [Message((), (*go, *come))]
    if (apex, NS) in differ:
        ttl = next(each.ttl for each in wanted if each[:2] == (apex, NS))
        spare = RR(apex, NS, ttl, from_text("spare.example.net."))
        kept = {each.rdata for each in wanted if each[:2] == (apex, NS)}
        surplus = [each for each in zone if each[:2] == (apex, NS) and each.rdata not in kept]
        found = [
            Message((), (_added(spare),)),
            Message((), (*go, *come, *map(_removed, [*surplus, spare]), come[-1])),
        ]
    return found


def _removed(each: RR) -> Record:
    return Record(each.owner, each.rtype, NONE, 0, each.rdata)


def _added(each: RR) -> Record:
    return Record(each.owner, each.rtype, IN, each.ttl, each.rdata)
