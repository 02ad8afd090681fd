"""Reads queries: header, question and EDNS (RFC 1035 §4.1, RFC 6891, RFC 9619).

`parse` never raises. It refuses compression pointers in a question, bytes after the last record, and more than one
OPT. For a packet that it can't read it returns a `Query` with rcode FORMERR and what was read up to the fault.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct
from typing import Final, Protocol

from zonegit.errors import InvalidData
from zonegit.model.names import MAX_LABEL, MAX_NAME, ROOT, WireName, lower
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
    """The response codes that this server sends (RFC 1035 §4.1.1, RFC 2136 §2.2, RFC 6891 §9)."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10
    BADVERS = 16


def rcode_text(rcode: int) -> str:
    """The name of a response code, or its number if it has none here."""
    return Rcode(rcode).name if rcode in set(Rcode) else f"rcode {rcode}"


@dataclass(slots=True)
class Query:
    """What a packet asks. `rcode` is FORMERR if the packet is malformed; other fields may be empty then."""

    ident: bytes
    flags: int
    question: bytes = b""
    """As in the packet, with its case; empty if it can't be read."""
    name: WireName = ROOT
    """Lowercase."""
    qtype: int = 0
    qclass: int = 0
    rcode: Rcode = Rcode.NOERROR
    edns: bool = False
    version: int = 0
    do: bool = False
    size: int = MIN_UDP
    """The largest UDP response that the client accepts, in bytes; at least 512 (RFC 6891 §6.2.3)."""
    options: dict[int, bytes] = field(default_factory=dict)
    """EDNS options: code -> data. If a code occurs twice, the first one counts."""

    @property
    def opcode(self) -> int:
        return (self.flags & OPCODE) >> 11

    @property
    def bare_size(self) -> int:
        """The size of a packet with the same question, an OPT without options under EDNS, and nothing else."""
        return HEADER_SIZE + len(self.question) + _OPT_SIZE * self.edns


class Sender(Protocol):
    """Who sent a query, as far as the choice of a version needs it: an `access.requestor.Requestor`."""

    @property
    def client(self) -> bytes:
        """The address that the query came from, 4 or 16 bytes; empty for nobody in particular."""
        ...

    @property
    def question(self) -> Query | None:
        """The query, once it is parsed."""
        ...

    @property
    def origin(self) -> tuple[bytes, int]:
        """The address that decides, 4 or 16 bytes, and how many bits of it are known."""
        ...

    @property
    def decided(self) -> dict[Hashable, int | None]:
        """What each zone's routes decided for this query."""
        ...

    def extend_scope(self, bits: int) -> None:
        """Note that the answer depends on the first `bits` bits of `origin`, at least."""
        ...


def parse(packet: bytes) -> Query | None:
    """Read a query; None if it must not be answered: it has no whole header, or is a response."""
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
            _read_opt(packet, at, query)  # a query without a question may ask for a cookie (RFC 7873 §5.4)
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
    """Read the question into `query`. Returns where it ends, or 0 if it can't be read."""
    at = HEADER_SIZE
    end = len(packet) - 5
    while at <= end:
        label = packet[at]
        if not label:
            break
        if label > MAX_LABEL:  # a pointer, or an unknown label type
            return 0
        at += 1 + label
    else:
        return 0
    at += 5
    if at - HEADER_SIZE > MAX_NAME + _QUESTION.size:
        return 0
    question = packet[HEADER_SIZE:at]
    query.question = question
    query.name = WireName(lower(question[:-4]))
    query.qtype, query.qclass = _QUESTION.unpack_from(packet, at - 4)
    return at


def _read_records(packet: bytes, at: int, query: Query, before: int, additional: int) -> None:
    """Skip the records after the question, and read the OPT among the additional ones."""
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
    """Read an OPT record into `query`. Returns where it ends, or 0 if it is cut short."""
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
    """The options by code; None if the last is cut short."""
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
    """Where a record ends, or 0 if it is cut short, or is an OPT whose owner isn't the root."""
    size = len(packet)
    at = skip_name(packet, at)
    if not at or at + 10 > size or packet[at : at + 2] == OPT.to_bytes(2, "big"):
        return 0
    end: int = at + 10 + int.from_bytes(packet[at + 8 : at + 10], "big")
    return end if end <= size else 0


def skip_name(message: bytes, at: int) -> int:
    """Where the name at `at` ends, compressed or not; 0 if it is cut short or has an unknown label type."""
    size = len(message)
    while at < size:
        label = message[at]
        if label >= 0xC0:
            return at + 2
        if label > MAX_LABEL:
            return 0
        at += 1 + label
        if not label:
            return at
    return 0


def read_name(message: bytes, at: int) -> tuple[WireName, int]:
    """The name at `at`, with its pointers followed, and where it ends there.

    Each pointer must lead further back than the one before (RFC 1035 §4.1.4), so no chain of them is endless.
    `InvalidData` for one that doesn't, an unknown label type, and a name of more than 255 bytes; `IndexError` where
    the message ends early.
    """
    name = bytearray()
    start = at
    end = 0
    while label := message[at]:
        if label >= 0xC0:
            end = end or at + 2
            at = (label & 0x3F) << 8 | message[at + 1]
            if at >= start:
                raise InvalidData("a compression pointer doesn't point back")
            start = at
        elif label > MAX_LABEL or len(name) + 1 + label >= MAX_NAME:
            raise InvalidData("a name has an unknown label type or is too long")
        else:
            name += message[at : at + 1 + label]
            at += 1 + label
    return WireName(bytes(name) + b"\0"), end or at + 1


def opt_record(udp_size: int, rcode: int, *, do: bool, options: bytes = b"") -> bytes:
    """The OPT of a response: unknown flags are zero, DO is echoed (RFC 6891 §6.1.4, RFC 3225 §3)."""
    return _OPT_HEAD + _OPT.pack(udp_size, rcode >> 4, 0, _DO if do else 0, len(options)) + options
