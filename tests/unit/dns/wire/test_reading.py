"""`read_response` reads what the responder writes as dnspython does, and refuses what isn't a whole message."""

import dns.message
import dns.rdatatype
import pytest

from dnskit import Server, make_query, version
from dnszones import NET, ORG
from zonegit.dns.wire.reading import Response, read_response
from zonegit.errors import InvalidData
from zonegit.model.names import to_text

NAMES = (
    "example.org.",
    "www.example.org.",
    "mx.example.org.",
    "sub.example.org.",
    "x.sub.example.org.",
    "no.such.",
)
TYPES = ("A", "NS", "SOA", "MX", "TXT", "ANY")


@pytest.fixture(scope="module")
def server() -> Server:
    return Server(version(ORG, "example.org."), version(NET, "example.net."))


def records(section) -> list[tuple[str, int, int, bytes]]:
    return [
        (str(rrset.name), int(rrset.rdtype), rrset.ttl, rdata.to_wire()) for rrset in section for rdata in rrset
    ]


def read(response: Response) -> list[list[tuple[str, int, int, bytes]]]:
    sections = response.answer, response.authority, response.additional
    return [[(to_text(owner), *rest) for owner, *rest in section] for section in sections]


@pytest.mark.parametrize("rtype", TYPES)
@pytest.mark.parametrize("name", NAMES)
def test_reads_what_dnspython_reads(server, name, rtype) -> None:
    packet = server.raw(make_query(name, rtype).to_wire()) or b""
    expected = dns.message.from_wire(packet)
    found = read_response(packet)
    assert [sorted(section) for section in read(found)] == [
        sorted(records(section)) for section in (expected.answer, expected.authority, expected.additional)
    ]
    assert (found.rcode, found.ident) == (expected.rcode(), expected.id)
    assert found.question is not None and to_text(found.question[0]) == name
    assert found.opt is not None and found.opt.udp_size == expected.payload


def test_a_message_that_is_cut_short_is_refused(server) -> None:
    packet = server.raw(make_query("example.org.", "MX").to_wire()) or b""
    for size in range(len(packet)):
        with pytest.raises(InvalidData):
            read_response(packet[:size])
    with pytest.raises(InvalidData):
        read_response(packet + b"\0")


@pytest.mark.parametrize(
    "owner",
    [b"\xc0\x0c", b"\x01a\xc0\x0c", b"\xc0\x0e\x00"],
    ids=["to itself", "to the labels before it", "forward"],
)
def test_pointers_lead_back(owner: bytes) -> None:
    with pytest.raises(InvalidData, match="doesn't point back"):
        read_response(bytes.fromhex("000080000000000100000000") + owner + bytes(10))


@pytest.mark.parametrize(
    "owner", [b"\x40" + bytes(64), b"\x3f" + b"a" * 63 + b"\x80" + b"a" * 128, b"\1a" * 127 + b"\1a"]
)
def test_names_keep_the_limits_of_rfc_1035(owner: bytes) -> None:
    with pytest.raises(InvalidData, match="label type or is too long"):
        read_response(bytes.fromhex("000080000000000100000000") + owner + b"\0" + bytes(10))


def test_a_name_in_rdata_ends_with_it() -> None:
    """Here it would go on in the owner of the next record."""
    fixed = bytes.fromhex("0002 0001 00000000 0001")
    records = b"\0" + fixed + b"\1" + b"\2\0\0\0" + fixed + b"\0"
    with pytest.raises(InvalidData, match="RDATA ends inside of a name"):
        read_response(bytes.fromhex("000080000000000200000000") + records)
