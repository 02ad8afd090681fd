"""What is read of a packet, and what is refused (RFC 1035 §4.1, RFC 6891, RFC 9619)."""

import struct

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnskit import Server, make_query, version
from dnszones import ORG
from zonegit.dns.wire.message import Rcode, parse

NAME = b"\x03WWW\x07example\x03org\x00"
QUESTION = NAME + b"\x00\x01\x00\x01"
OPT = b"\x00\x00\x29\x10\x00\x00\x00\x80\x00\x00\x00"
RECORD = b"\xc0\x0c\x00\x06\x00\x01" + bytes(4) + b"\x00\x05RDATA"


def packet(
    body: bytes, *, flags: int = 0x0100, counts: tuple[int, int, int, int] = (1, 0, 0, 0), ident: int = 4711
) -> bytes:
    return struct.pack(">HHHHHH", ident, flags, *counts) + body


def test_reads_a_question_and_edns() -> None:
    query = parse(packet(QUESTION + OPT, counts=(1, 0, 0, 1)))
    assert query is not None
    assert (query.name, query.question, query.qtype, query.qclass) == (NAME.lower(), QUESTION, 1, 1)
    assert (query.rcode, query.edns, query.version, query.do, query.size) == (Rcode.NOERROR, True, 0, True, 4096)


def test_small_udp_sizes_count_as_512() -> None:
    query = parse(packet(QUESTION + OPT[:3] + b"\x00\x10" + OPT[5:], counts=(1, 0, 0, 1)))
    assert query is not None
    assert query.size == 512


def test_finds_options_wherever_they_stand() -> None:
    options = b"\x00\x0a\x00\x02ab\x00\x03\x00\x00\x00\x0a\x00\x01c"
    query = parse(packet(QUESTION + OPT[:-2] + struct.pack(">H", len(options)) + options, counts=(1, 0, 0, 1)))
    assert query is not None
    assert query.rcode == Rcode.NOERROR
    assert query.options == {10: b"ab", 3: b""}, "of two with one code the first"


@pytest.mark.parametrize(
    "name", [b"\x3f" + b"a" * 63 + b"\0", (b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0"]
)
def test_reads_the_longest_label_and_the_longest_name(name: bytes) -> None:
    query = parse(packet(name + b"\x00\x01\x00\x01"))
    assert query is not None
    assert (query.rcode, query.name) == (Rcode.NOERROR, name)


@pytest.mark.parametrize(
    "owner", [b"\xc0\x0c", b"\xff\xff", b"\x00", b"\x3f" + b"a" * 63 + b"\x00", b"\x01a\xc0\x0c"]
)
def test_passes_over_records_behind_the_question(owner: bytes) -> None:
    record = owner + RECORD[2:]
    query = parse(packet(QUESTION + record * 3 + OPT + record, counts=(1, 1, 1, 3)))
    assert query is not None
    assert (query.rcode, query.edns, query.do, query.size) == (Rcode.NOERROR, True, True, 4096)


@pytest.mark.parametrize(
    "data",
    [b"", b"\x00" * 11, packet(QUESTION, flags=0x8000), packet(QUESTION, flags=0xFFFF)],
    ids=["empty", "short", "response", "response with all flags"],
)
def test_gets_no_answer(data: bytes) -> None:
    assert parse(data) is None
    assert Server(version(ORG, "example.org.")).raw(data) is None


BAD = {
    "no question": packet(b"", counts=(0, 0, 0, 0)),
    "two questions (RFC 9619)": packet(QUESTION * 2, counts=(2, 0, 0, 0)),
    "question cut short": packet(QUESTION[:-1]),
    "name cut short": packet(NAME[:-2]),
    "compressed question": packet(b"\xc0\x0c\x00\x01\x00\x01"),
    "label of 64 bytes": packet(b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01"),
    "name of 256 bytes": packet(b"\x3f" + b"a" * 63 + (b"\x3f" + b"b" * 63) * 3 + b"\x00\x00\x01\x00\x01"),
    "bytes behind the question": packet(QUESTION + b"x"),
    "bytes behind OPT": packet(QUESTION + OPT + b"x", counts=(1, 0, 0, 1)),
    "two OPTs (RFC 6891 §6.1.1)": packet(QUESTION + OPT * 2, counts=(1, 0, 0, 2)),
    "OPT with an owner (RFC 6891 §6.1.2)": packet(QUESTION + b"\x01a" + OPT, counts=(1, 0, 0, 1)),
    "OPT among the answers": packet(QUESTION + OPT, counts=(1, 1, 0, 0)),
    "OPT cut short": packet(QUESTION + OPT[:-1], counts=(1, 0, 0, 1)),
    "option cut short": packet(QUESTION + OPT[:-2] + b"\x00\x05\x00\x03\x00\x02a", counts=(1, 0, 0, 1)),
    "bytes behind other records": packet(QUESTION + RECORD + b"x", counts=(1, 0, 1, 0)),
    "two OPTs among other records": packet(QUESTION + OPT + RECORD + OPT, counts=(1, 0, 0, 3)),
    "OPT cut short behind other records": packet(QUESTION + RECORD + OPT[:-1], counts=(1, 0, 1, 1)),
    "RDATA cut short": packet(QUESTION + RECORD[:-1], counts=(1, 0, 1, 0)),
    "record with a label of 64 bytes": packet(QUESTION + b"\x40" + b"a" * 64 + RECORD, counts=(1, 0, 1, 0)),
    "record missing": packet(QUESTION, counts=(1, 0, 1, 0)),
    "record cut short": packet(QUESTION + b"\xc0\x0c\x00\x06\x00\x01", counts=(1, 0, 1, 0)),
}


@pytest.mark.parametrize("case", BAD)
def test_formerr(case: str) -> None:
    data = Server(version(ORG, "example.org.")).raw(BAD[case])
    assert data is not None
    response = dns.message.from_wire(data)
    assert response.rcode() == dns.rcode.FORMERR
    assert response.id == 4711
    assert not response.answer + response.authority


def test_formerr_says_what_could_be_read() -> None:
    data = Server(version(ORG, "example.org.")).raw(BAD["bytes behind OPT"])
    assert data is not None
    response = dns.message.from_wire(data)
    assert str(response.question[0].name) == "WWW.example.org."
    assert response.edns == 0


@pytest.mark.parametrize("opcode", [1, 2, 3, 4, 5, 6, 15])
def test_notimp(opcode: int) -> None:
    server = Server(version(ORG, "example.org."))
    data = server.raw(packet(NAME + b"\x00\x06\x00\x01" + OPT, flags=opcode << 11, counts=(1, 0, 0, 1)))
    assert data is not None
    response = dns.message.from_wire(data)
    assert response.rcode() == dns.rcode.NOTIMP
    assert response.opcode() == opcode
    assert response.edns == 0


@pytest.mark.parametrize("rtype", ["TYPE0", "OPT", "MAILB", "TKEY", "TSIG", "TYPE200", "TYPE65535"])
def test_types_that_no_zone_has(rtype: str) -> None:
    """There is no data of such a type, whatever the name: so say NSD and Knot DNS, too."""
    server = Server(version(ORG, "example.org."))
    assert server.ask("web.example.org.", rtype).rcode() == dns.rcode.NOERROR
    assert server.ask("no.example.org.", rtype).rcode() == dns.rcode.NXDOMAIN


def test_ixfr_that_is_no_transfer_is_refused() -> None:
    assert Server(version(ORG, "example.org.")).ask("example.org.", "IXFR").rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("rdclass", ["CH", "HS", "ANY", "NONE"])
def test_other_classes_are_refused(rdclass: str) -> None:
    query = dns.message.make_query("version.bind.", "TXT", rdclass, use_edns=0)
    data = Server(version(ORG, "example.org.")).raw(query.to_wire())
    assert data is not None
    assert dns.message.from_wire(data).rcode() == dns.rcode.REFUSED


def test_badvers() -> None:
    """RFC 6891 §6.1.3: BADVERS, and the version that is served."""
    query = make_query("example.org.", "SOA")
    query.use_edns(1)
    data = Server(version(ORG, "example.org.")).raw(query.to_wire())
    assert data is not None
    response = dns.message.from_wire(data)
    assert response.rcode() == dns.rcode.BADVERS
    assert response.edns == 0
    assert not response.answer


def test_unknown_options_and_flags_are_ignored() -> None:
    query = make_query("web.example.org.")
    options = [dns.edns.GenericOption(65001, b"x"), dns.edns.ECSOption("1.2.3.0")]
    query.use_edns(0, ednsflags=0x7FFF, options=options)
    data = Server(version(ORG, "example.org.")).raw(query.to_wire())
    assert data is not None
    response = dns.message.from_wire(data)
    assert response.rcode() == dns.rcode.NOERROR
    assert len(response.answer) == 1
    assert response.ednsflags == 0
    assert not response.options
