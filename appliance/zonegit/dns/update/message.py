"""Reads UPDATE messages, and makes the responses to them (RFC 2136 §2 and §3.8).

Refused as a whole: a message that can't be read, has another zone section than one SOA of class IN, RDATA that
doesn't fit its type, or bytes after its last record. A record that the RFC refuses only when its turn comes is a
`Fault`: an owner outside of the zone; a class, a TTL, a length of RDATA or a type that has no meaning there.
"""

from collections.abc import Iterator
from struct import error as StructError  # noqa: N812 - a class
from typing import Final, NamedTuple, TypeVar

from zonegit.dns.wire.message import HEADER, HEADER_SIZE, OPCODE, QR, Query, Rcode, opt_record, parse, skip_name
from zonegit.dns.wire.names import Names
from zonegit.errors import InvalidData
from zonegit.model.names import Owner, WireName, is_at_or_below, lower, to_text
from zonegit.model.rdata import ANY, CLASS_IN, META_TYPES, OPT, SOA, canonical, expanded
from zonegit.model.rrset import FIXED, MAX_TTL
from zonegit.repo.updating.values import Fault, Form, Operation, Prerequisite, Update, UpdateRcode
from zonegit.zonefile.rdata.fitting import misfit
from zonegit.zonefile.types import type_text

_T = TypeVar("_T")
_NONE: Final = 254
_ANY: Final = 255
_ADDITIONAL: Final = (OPT, 250)
"""Types of records that aren't part of any section's data: OPT and TSIG."""
_UPDATE: Final = 5 << 11
_UDP_SIZE: Final = 1232
_ABOUT_EXISTENCE: Final = {
    (_ANY, True): Form.NAME_IS_IN_USE,
    (_ANY, False): Form.RRSET_EXISTS,
    (_NONE, True): Form.NAME_IS_NOT_IN_USE,
    (_NONE, False): Form.RRSET_DOES_NOT_EXIST,
}
"""The class, and whether the type is ANY -> the prerequisite (RFC 2136 §2.4)."""


class Unreadable(Exception):
    """An UPDATE that is answered with `rcode` whatever the zone holds. Never leaves the daemon."""

    def __init__(self, rcode: Rcode, why: str) -> None:
        super().__init__(why)
        self.rcode = rcode


class _Record(NamedTuple):
    """A record as it stands in the message."""

    owner: WireName
    """Lowercase."""
    rtype: int
    rclass: int
    ttl: int
    size: int
    """Of the RDATA in the message."""
    rdata: bytes
    """Canonical; empty where none is expected, whatever there is."""


def read_update(packet: bytes) -> Update:
    """Read an UPDATE, whose opcode was looked at before. The additional section is only skipped.

    `Unreadable` with FORMERR, or with NOTAUTH for another class than IN. The time is bounded by the packet's size.
    """
    try:
        return _read(packet)
    except (StructError, IndexError):
        raise Unreadable(Rcode.FORMERR, "the message is cut short") from None
    except InvalidData as error:
        raise Unreadable(Rcode.FORMERR, str(error)) from None


def response(packet: bytes, rcode: int) -> bytes:
    """The response to a message with a whole header: its zone section, and an OPT if it has one."""
    query = parse(packet) or Query(packet[:2], _UPDATE)
    head = HEADER.pack(0, QR | query.flags & OPCODE | rcode & 15, bool(query.question), 0, 0, query.edns)[2:]
    opt = opt_record(_UDP_SIZE, rcode, do=query.do) if query.edns else b""
    return query.ident + head + query.question + opt


def is_response(packet: bytes, ident: bytes) -> bool:
    """Whether a packet is the response to an UPDATE with this id, as far as its header says."""
    return len(packet) >= HEADER_SIZE and packet[:2] == ident and packet[2] & 0xF8 == (QR | _UPDATE) >> 8


def _read(packet: bytes) -> Update:
    _, _, zones, prerequisites, operations, additional = HEADER.unpack_from(packet)
    names = Names()
    apex, at = _read_zone(packet, names, zones)
    asked, at = _read_section(packet, names, at, prerequisites, (CLASS_IN,))
    wanted, at = _read_section(packet, names, at, operations, (CLASS_IN, _NONE))
    for _ in range(additional):
        at = _skipped(packet, at)
    if at != len(packet):
        raise InvalidData("there are bytes after the last record")
    return Update(
        apex,
        tuple(_up_to_fault(_prerequisite(apex, record) for record in asked)),
        tuple(_up_to_fault(_operation(apex, record) for record in wanted)),
    )


def _read_zone(packet: bytes, names: Names, count: int) -> tuple[WireName, int]:
    """The zone section (RFC 2136 §2.3 and §3.1), and where it ends."""
    if count != 1:
        raise InvalidData(f"the zone section has {count} records instead of one")
    apex, at = names.read(packet, HEADER_SIZE)
    rtype, rclass = int.from_bytes(packet[at : at + 2], "big"), int.from_bytes(packet[at + 2 : at + 4], "big")
    if rtype != SOA:
        raise InvalidData(f"the zone section has type {type_text(rtype)} instead of SOA")
    if rclass != CLASS_IN:
        raise Unreadable(Rcode.NOTAUTH, f"the zone's class is {rclass}, and only IN is served")
    return WireName(lower(apex)), at + 4


def _read_section(
    packet: bytes, names: Names, at: int, count: int, valued: tuple[int, ...]
) -> tuple[list[_Record], int]:
    """The records of a section, and where it ends. RDATA means something in the classes `valued`."""
    records: list[_Record] = []
    for _ in range(count):
        owner, at = names.read(packet, at)
        rtype, rclass, ttl, size = FIXED.unpack_from(packet, at)
        at += FIXED.size
        end = at + size
        if end > len(packet):
            raise InvalidData("a record is cut short")
        if rtype in _ADDITIONAL:
            raise InvalidData(f"{type_text(rtype)} belongs into the additional section")
        rdata = b""
        if rclass in valued and rtype not in META_TYPES:
            rdata = canonical(rtype, expanded(rtype, packet, at, end, names.read))
            if why := misfit(rtype, rdata):
                raise InvalidData(why)
        records.append(_Record(WireName(lower(owner)), rtype, rclass, ttl, size, rdata))
        at = end
    return records, at


def _skipped(packet: bytes, at: int) -> int:
    """Where the record ends that begins at `at`."""
    at = skip_name(packet, at)
    if not at:
        raise InvalidData("a name in the additional section can't be read")
    _, _, _, size = FIXED.unpack_from(packet, at)
    return at + FIXED.size + int(size)


def _up_to_fault(found: Iterator[_T]) -> Iterator[_T]:
    for each in found:
        yield each
        if isinstance(each, Fault):
            return


def _owner(apex: WireName, record: _Record) -> Owner | None:
    """The record's owner relative to the apex; None outside of the zone."""
    name = record.owner
    return Owner(name[: len(name) - len(apex)]) if is_at_or_below(name, apex) else None


def _prerequisite(apex: WireName, record: _Record) -> Prerequisite | Fault:
    """RFC 2136 §3.2.5."""
    owner = _owner(apex, record)
    if record.ttl:
        return _fault(record, "a prerequisite with a TTL")
    if owner is None:
        return _outside(apex, record)
    if record.rclass == CLASS_IN:
        return Prerequisite(Form.RRSET_EXISTS_WITH_VALUE, owner, record.rtype, record.rdata)
    form = _ABOUT_EXISTENCE.get((record.rclass, record.rtype == ANY))
    if form is None or record.size:
        return _fault(record, "a prerequisite whose class means nothing" if form is None else "RDATA of no use")
    return Prerequisite(form, owner, record.rtype)


def _operation(apex: WireName, record: _Record) -> Operation | Fault:
    """RFC 2136 §3.4.1.3."""
    owner = _owner(apex, record)
    if owner is None:
        return _outside(apex, record)
    if record.rtype in META_TYPES and not (record.rclass == _ANY and record.rtype in (0, ANY)):
        return _fault(record, "an update of a type that no record has")
    if record.rclass == CLASS_IN:
        ttl = record.ttl if record.ttl <= MAX_TTL else 0  # RFC 2181 §8
        return Operation(Form.ADD_TO_RRSET, owner, record.rtype, ttl, record.rdata)
    if record.rclass not in (_ANY, _NONE) or record.ttl:
        return _fault(record, "a deletion with a TTL" if record.ttl else "an update whose class means nothing")
    if record.rclass == _NONE:
        return Operation(Form.DELETE_RR, owner, record.rtype, 0, record.rdata)
    if record.size:
        return _fault(record, "RDATA of no use")
    return Operation(Form.DELETE_ALL_RRSETS if record.rtype == ANY else Form.DELETE_RRSET, owner, record.rtype)


def _fault(record: _Record, what: str) -> Fault:
    return Fault(UpdateRcode.FORMERR, f"{what}: {to_text(record.owner)} {type_text(record.rtype)}")


def _outside(apex: WireName, record: _Record) -> Fault:
    return Fault(UpdateRcode.NOTZONE, f"{to_text(record.owner)} is outside of the zone {to_text(apex)}")
