"""Reads a response: its flags, and the records of its sections with all names complete."""

from collections.abc import Iterator
from struct import error as StructError  # noqa: N812 - a class
from typing import Final, NamedTuple

from zonegit.dns.wire.encode import COMPRESSED
from zonegit.dns.wire.message import HEADER, HEADER_SIZE, Rcode, read_name
from zonegit.errors import InvalidData
from zonegit.model.names import WireName
from zonegit.model.rdata import OPT
from zonegit.model.rrset import FIXED

_RCODE: Final = 15


class Record(NamedTuple):
    """One record of a response."""

    owner: WireName
    rtype: int
    ttl: int
    rdata: bytes
    """Uncompressed."""


class ResponseOpt(NamedTuple):
    """The OPT record of a response (RFC 6891 §6.1.3)."""

    udp_size: int
    version: int
    do: bool
    options: tuple[tuple[int, bytes], ...]
    """Code and data of each."""


class Response(NamedTuple):
    """A response to one question."""

    ident: int
    flags: int
    """The second field of the header (RFC 1035 §4.1.1)."""
    rcode: int
    """With the upper bits, which are in the OPT record."""
    question: tuple[WireName, int] | None
    """Name, as the client wrote it, and type."""
    answer: list[Record]
    authority: list[Record]
    additional: list[Record]
    """Without the OPT record."""
    opt: ResponseOpt | None

    @property
    def status(self) -> str:
        """The name of the rcode."""
        return Rcode(self.rcode).name if self.rcode in set(Rcode) else f"RCODE{self.rcode}"


def read_response(message: bytes) -> Response:
    """Read a whole response. `InvalidData` if it is malformed."""
    try:
        return _read(message)
    except (StructError, IndexError):
        raise InvalidData("the DNS message is cut short") from None


def _read(message: bytes) -> Response:
    ident, flags, questions, *counts = HEADER.unpack_from(message)
    at = HEADER_SIZE
    question = None
    if questions:
        name, at = read_name(message, at)
        question = name, int.from_bytes(message[at : at + 2], "big")
        at += 4
    sections: list[list[Record]] = []
    rcode = flags & _RCODE
    opt: ResponseOpt | None = None
    for count in counts:
        section: list[Record] = []
        for _ in range(count):
            owner, at = read_name(message, at)
            rtype, rclass, ttl, size = FIXED.unpack_from(message, at)
            at += FIXED.size
            if rtype == OPT:
                rcode |= ttl >> 24 << 4
                opt = ResponseOpt(
                    rclass, ttl >> 16 & 0xFF, bool(ttl & 0x8000), tuple(_options(message[at : at + size]))
                )
            else:
                section.append(Record(owner, rtype, ttl, _rdata(message, at, rtype, size)))
            at += size
        sections.append(section)
    if at != len(message):
        raise InvalidData("the DNS message is cut short or has bytes after its last record")
    answer, authority, additional = sections
    return Response(ident, flags, rcode, question, answer, authority, additional, opt)


def _rdata(message: bytes, at: int, rtype: int, size: int) -> bytes:
    layout = COMPRESSED.get(rtype)
    end = at + size
    if layout is None:
        return message[at:end]
    skip, names, _ = layout
    out = message[at : at + skip]
    at += skip
    for _ in range(names):
        name, at = read_name(message, at)
        out += name
    if at > end:
        raise InvalidData("RDATA ends inside of a name")
    return out + message[at:end]


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        code, size = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        yield code, data[at + 4 : at + 4 + size]
        at += 4 + size
