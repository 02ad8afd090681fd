"""Reading a query: header, question and EDNS (RFC 1035 §4.1, RFC 6891, RFC 9619), with struct alone.

`parse` never raises. It refuses to read names with compression pointers in a question, records behind the counts
of the header, and more than one OPT; what it can't read becomes a FORMERR that still carries what was read.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final

from zonegit.model.names import ROOT, WireName, lower
from zonegit.model.rdata import OPT

HEADER: Final = Struct(">HHHHHH")
HEADER_SIZE: Final = 12
QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
OPCODE: Final = 0x7800
MIN_UDP: Final = 512
MAX_MESSAGE: Final = 65535

_QUESTION: Final = Struct(">HH")
_OPT: Final = Struct(">HBBHH")  # what follows OPT's name and type: size, extended rcode, version, flags, rdlength
_OPTION: Final = Struct(">HH")
_OPT_HEAD: Final = b"\x00\x00\x29"
_OPT_SIZE: Final = 11
_DO: Final = 0x8000


class Transport(IntEnum):
    """What carried a query."""

    UDP = 0
    TCP = 1
    TLS = 2


class Rcode(IntEnum):
    """RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9: the ones that this server sends."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    NOTAUTH = 9
    BADVERS = 16


@dataclass(slots=True)
class Query:
    """What a packet asks. `rcode` is what its form alone calls for; behind an error the fields may be empty."""

    ident: bytes
    flags: int
    question: bytes = b""
    """As it stood in the packet, in its own case; empty when it couldn't be read."""
    name: WireName = ROOT
    """Lowercase."""
    qtype: int = 0
    qclass: int = 0
    rcode: Rcode = Rcode.NOERROR
    edns: bool = False
    version: int = 0
    do: bool = False
    size: int = MIN_UDP
    """The largest UDP response that the client takes, in bytes; never below 512 (RFC 6891 §6.2.3)."""
    options: dict[int, bytes] = field(default_factory=dict)
    """EDNS options: code -> data. Of several with one code the first counts."""
    signer: WireName | None = None
    """The TSIG key that it came signed with. The signature was verified and stripped before this was read."""
    reserve: int = 0
    """Bytes that the response's signature will take."""

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE) >> 11

    @property
    def bare_size(self) -> int:
        """Bytes of a packet that has its question, an OPT without options where it has EDNS, and nothing else."""
        return HEADER_SIZE + len(self.question) + _OPT_SIZE * self.edns


def parse(packet: bytes) -> Query | None:
    """Read a query; None when it must not be answered: no whole header, or a response."""
    if len(packet) < HEADER_SIZE:
        return None
    _, flags, questions, answers, authority, additional = HEADER.unpack_from(packet)
    if flags & QR:
        return None
    query = Query(packet[:2], flags)
    at = HEADER_SIZE
    if questions == 1:
        at = _read_question(packet, query)
    if questions != 1 or not at:
        query.rcode = Rcode.FORMERR
        if not (questions or answers or authority) and additional == 1 and packet[at : at + 3] == _OPT_HEAD:
            _read_opt(packet, at, query)  # a cookie may be asked for with no question (RFC 7873 §5.4)
    elif answers or authority or additional > 1:
        _read_records(packet, at, query, answers + authority, additional)
    elif additional:
        if packet[at : at + 3] != _OPT_HEAD:
            _read_records(packet, at, query, 0, 1)
        elif _read_opt(packet, at, query) != len(packet):
            query.rcode = Rcode.FORMERR
    elif at != len(packet):
        query.rcode = Rcode.FORMERR
    return query


def _read_question(packet: bytes, query: Query) -> int:
    """Take the question in; where it ends, or 0 when it can't be read."""
    at = HEADER_SIZE
    end = len(packet) - 5
    while at <= end:
        label = packet[at]
        if not label:
            break
        if label > 63:
            return 0
        at += 1 + label
    else:
        return 0
    at += 5
    if at - HEADER_SIZE > 259:
        return 0
    question = packet[HEADER_SIZE:at]
    query.question = question
    query.name = WireName(lower(question[:-4]))
    query.qtype, query.qclass = _QUESTION.unpack_from(packet, at - 4)
    return at


def _read_records(packet: bytes, at: int, query: Query, before: int, additional: int) -> None:
    """Walk over the records behind the question and take the one OPT among the additional ones."""
    opts = 0
    for index in range(before + additional):
        if index >= before and packet[at : at + 3] == _OPT_HEAD:
            opts += 1
            at = _read_opt(packet, at, query)
        else:
            at = _skip_record(packet, at)
        if not at or opts > 1:
            query.rcode = Rcode.FORMERR
            return
    if at != len(packet):
        query.rcode = Rcode.FORMERR


def _read_opt(packet: bytes, at: int, query: Query) -> int:
    """Take an OPT record in; where it ends, or 0 when it is cut short."""
    start = at + _OPT_SIZE
    if start > len(packet):
        return 0
    size, _, version, flags, length = _OPT.unpack_from(packet, at + 3)
    query.edns = True
    query.version = version
    query.do = flags >= _DO
    if size > MIN_UDP:
        query.size = size
    if length:
        options = _read_options(packet[start : start + length])
        if options is None or start + length > len(packet):
            return 0
        query.options = options
    return start + int(length)


def _read_options(options: bytes) -> dict[int, bytes] | None:
    """The options by their codes; None when the last is cut short."""
    found: dict[int, bytes] = {}
    at = 0
    last = len(options) - _OPTION.size
    while at <= last:
        code, size = _OPTION.unpack_from(options, at)
        at += _OPTION.size
        if code not in found:
            found[code] = options[at : at + size]
        at += size
    return found if at == len(options) else None


def _skip_record(packet: bytes, at: int) -> int:
    """Where a record ends, or 0 when it is cut short. An OPT whose owner isn't the root can't be read either."""
    size = len(packet)
    while at < size:
        label = packet[at]
        if label >= 0xC0:
            at += 2
            break
        if label > 63:
            return 0
        at += 1 + label
        if not label:
            break
    if at + 10 > size or packet[at : at + 2] == OPT.to_bytes(2, "big"):
        return 0
    end: int = at + 10 + int.from_bytes(packet[at + 8 : at + 10], "big")
    return end if end <= size else 0


def opt_record(udp_size: int, rcode: int, *, do: bool, options: bytes = b"") -> bytes:
    """The OPT of a response: unknown flags zero, DO echoed (RFC 6891 §6.1.4, RFC 3225 §3)."""
    return _OPT_HEAD + _OPT.pack(udp_size, rcode >> 4, 0, _DO if do else 0, len(options)) + options
