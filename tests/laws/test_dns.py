"""The laws of answering: no packet raises, no response is answered, sizes hold, and a cache changes nothing."""

from functools import cache

import dns.flags
import dns.message
import dns.rdatatype
from hypothesis import example, given
from hypothesis import strategies as st

from dnskit import CLIENT, DictVersion, Server, make_query, version
from dnszones import NET, ORG
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.wire.message import Transport, parse

WORDS = (
    "www", "web", "nothing", "ent", "b", "a", "wild", "x", "*", "sub", "ns", "old", "long", "loop1", "todel", "svc",
    "example", "org", "net", "tonet", "deep", "\\000", "\\001\\255",
)  # fmt: skip
TYPES = (
    "A", "AAAA", "NS", "SOA", "CNAME", "DNAME", "MX", "TXT", "SRV", "DS", "RRSIG", "NSEC", "ANY", "SVCB", "TYPE999",
)  # fmt: skip

names = st.lists(st.sampled_from(WORDS), max_size=8).flatmap(
    lambda words: st.sampled_from(["", "example.org.", "example.net."]).map(
        lambda apex: "".join(word + "." for word in words) + apex or "."
    )
)
queries = st.builds(
    make_query,
    names,
    st.sampled_from(TYPES),
    do=st.booleans(),
    edns=st.booleans(),
    size=st.sampled_from([0, 512, 600, 1232, 4096, 65535]),
)
transports = st.sampled_from(list(Transport))


@cache
def versions() -> tuple[DictVersion, ...]:
    return version(ORG, "example.org."), version(NET, "example.net.")


@cache
def warm() -> Server:
    """One server for all examples, with a small cache that overflows now and then."""
    return Server(*versions(), options=Options(cache_entries=40, log=fail))


def fail(_message: str, error: Exception) -> None:
    raise error


def cold() -> Server:
    return Server(*versions(), options=Options(log=fail))


@given(st.binary(max_size=600), transports)
@example(b"\0\0\0\0\0\1\0\0\0\0\0\0" + b"\x01a" * 127 + b"\0\0\1\0\1", Transport.UDP)
def test_any_bytes(packet: bytes, transport: Transport) -> None:
    """An answer that dnspython can read and that belongs to the query, or none; never to a response."""
    answer = warm().raw(packet, transport)
    if len(packet) < 12 or packet[2] & 0x80:
        assert answer is None
        return
    assert answer is not None
    assert answer[:2] == packet[:2]
    assert answer[2] & 0x80
    assert len(answer) <= 512


@st.composite
def broken_queries(draw: st.DrawFn) -> bytes:
    """A query with some bytes replaced, cut off or put in."""
    packet = bytearray(draw(queries).to_wire())
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(packet) - 1))
        packet[at : at + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
        if not packet:
            break
    return bytes(packet)


@given(broken_queries(), transports)
def test_damaged_queries(packet: bytes, transport: Transport) -> None:
    answer = warm().raw(packet, transport)
    query = parse(packet)
    assert (answer is None) == (query is None)
    if answer is None or query is None or query.opcode == 5:
        return
    response = dns.message.from_wire(answer)
    assert response.id == int.from_bytes(packet[:2], "big")
    assert (response.edns == 0) == query.edns
    if transport is Transport.UDP:
        assert len(answer) <= min(1232, query.size)


@given(queries)
def test_sizes_and_truncation(query: dns.message.QueryMessage) -> None:
    """Over UDP the answer fits, or is empty with TC; over TCP it is whole."""
    packet = query.to_wire()
    small, whole = cold().raw(packet), cold().raw(packet, Transport.TCP)
    assert small is not None
    assert whole is not None
    limit = min(1232, max(512, query.payload)) if query.edns >= 0 else 512
    assert len(small) <= limit
    response = dns.message.from_wire(small)
    complete = dns.message.from_wire(whole)
    assert query.is_response(response)
    assert not complete.flags & dns.flags.TC
    if response.flags & dns.flags.TC:
        assert not response.answer + response.authority + response.additional
    elif query.question[0].rdtype == dns.rdatatype.ANY:  # one RRset over UDP, all to who may transfer over TCP
        assert [rrset for rrset in complete.answer if rrset in response.answer] == response.answer
    else:
        assert (response.answer, response.authority) == (complete.answer, complete.authority)
        assert {s.name for s in response.additional} <= {s.name for s in complete.additional}


@given(queries, transports, st.integers(0))
def test_caches_change_nothing(query: dns.message.QueryMessage, transport: Transport, bits: int) -> None:
    """The same query gets the same bytes from a cold and a warm server, in any case of its letters."""
    packet = query.to_wire()
    end = 12 + len(query.question[0].name.to_wire())
    mixed = bytearray(packet)
    for at in range(12, end):
        if chr(mixed[at]).isalpha() and bits >> (at % 61) & 1:
            mixed[at] ^= 0x20
    for variant in (packet, bytes(mixed), packet):
        expected = cold().raw(variant, transport)
        assert expected is not None
        for _ in range(3):
            assert warm().raw(variant, transport) == expected
        kept = warm().responder.cache.get(variant[2:])
        if kept is not None and transport is Transport.UDP:
            assert kept[0] == expected[2:]


@given(st.binary(max_size=80))
def test_transfers_of_anything(packet: bytes) -> None:
    messages = warm().responder.transfer(packet, Requestor(CLIENT, Transport.TCP))
    assert messages is None or len(list(messages)) == 1
