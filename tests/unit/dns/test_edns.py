"""EDNS options and questions about the server, as dnspython reads the responses."""

import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import dns.rdataclass
import pytest

from dnskit import CLIENT, Server, make_query, version
from dnszones import ORG
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.options import Options
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.zone_state import ServedZone

NOW = 1_700_000_000.0
COOKIE = bytes(range(8))


def server(**options) -> Server:
    given = {"cookies": Cookies((bytes(16),), lambda: NOW), **options}
    return Server(version(ORG, "example.org."), options=Options(**given))


def asked(
    of: Server,
    *options: dns.edns.Option,
    name: str = "www.example.org.",
    rtype: str = "A",
    transport: Transport = Transport.UDP,
    edns: int = 0,
    rdclass: str = "IN",
) -> dns.message.Message:
    query = dns.message.make_query(name, rtype, rdclass, use_edns=edns, payload=1232, options=list(options))
    data = of.raw(query.to_wire(), transport)
    assert data is not None
    return dns.message.from_wire(data)


def option(code: int, data: bytes = b"") -> dns.edns.Option:
    return dns.edns.GenericOption(code, data)


def given(response: dns.message.Message) -> dict[int, bytes]:
    return {int(each.otype): each.to_wire() or b"" for each in response.options}


def test_a_cookie_is_answered_and_then_proven():
    of = server()
    first = given(asked(of, option(10, COOKIE)))[10]
    assert first[:8] == COOKIE
    assert len(first) == 24
    assert given(asked(of, option(10, first))) == {10: first}
    wrong = given(asked(of, option(10, COOKIE + bytes(8))))[10]
    assert wrong == first, "made anew, the same clock and the same client"
    assert given(asked(of, option(10, COOKIE), option(10, bytes(8)))) == {10: first}, "the first one counts"


@pytest.mark.parametrize("size", [0, 7, 9, 15, 41, 60])
def test_a_cookie_of_a_wrong_length_is_a_formerr(size):
    response = asked(server(), option(10, bytes(size)))
    assert response.rcode() == dns.rcode.FORMERR
    assert (response.edns, given(response), response.answer) == (0, {}, [])
    assert asked(server(cookies=None), option(10, bytes(size))).rcode() == dns.rcode.NOERROR


def test_errors_carry_cookies_too():
    response = asked(server(), option(10, COOKIE), name="example.com.")
    assert response.rcode() == dns.rcode.REFUSED
    assert given(response)[10][:8] == COOKIE


def test_a_query_for_a_cookie_alone():
    packet = dns.message.Message(id=7)
    packet.use_edns(0, options=[option(10, COOKIE)])
    for of, rcode in ((server(), 0), (server(cookies=None), 1)):
        data = of.raw(packet.to_wire())
        assert data is not None
        response = dns.message.from_wire(data)
        assert (response.id, response.rcode(), response.question) == (7, rcode, [])
        assert (10 in given(response)) == (rcode == 0)
    packet.use_edns(0, options=[option(10, bytes(9))])
    assert (server().raw(packet.to_wire()) or b"")[3] & 15 == dns.rcode.FORMERR
    packet.use_edns(1, options=[option(10, COOKIE)])
    assert (server().raw(packet.to_wire()) or b"")[3] & 15 == dns.rcode.FORMERR
    assert (server().raw(dns.message.Message(id=7).to_wire()) or b"")[3] & 15 == dns.rcode.FORMERR


def test_responses_with_options_still_fit():
    for size in (512, 600):
        query = make_query("www.example.org.", size=size)
        query.use_edns(0, payload=size, options=[option(10, COOKIE), option(3), option(8, bytes(4))])
        data = server(nsid=b"n" * 128).raw(query.to_wire())
        assert data is not None
        assert len(data) <= size


def test_an_unknown_version_gets_no_options():
    response = asked(server(nsid=b"n"), option(10, COOKIE), option(3), edns=1)
    assert response.rcode() == dns.rcode.BADVERS
    assert (response.edns, given(response), response.answer) == (0, {}, [])


def test_subnets_and_unknown_options_are_not_echoed():
    assert given(asked(server(nsid=b"n"), option(8, b"\0\1\x18\0\xc0\0\2"), option(65001, b"x"))) == {}


@pytest.mark.parametrize("transport", list(Transport))
def test_idle_time_where_there_is_a_connection(transport):
    found = given(asked(server(keepalive=12.5), option(11), transport=transport))
    assert found == ({} if transport is Transport.UDP else {11: b"\0\x7d"})
    assert given(asked(server(), transport=transport)) == {}


def test_idle_time_has_16_bits():
    assert given(asked(server(keepalive=86400), option(11), transport=Transport.TCP)) == {11: b"\xff\xff"}


@pytest.mark.parametrize("name", ["www.example.org.", "none.example.org.", "example.com."])
@pytest.mark.parametrize("more", [(), (option(10, COOKIE), option(11))])
def test_padding_on_tls_for_those_who_pad(name, more):
    for transport in Transport:
        query = dns.message.make_query(name, "A", use_edns=0, payload=1232, options=[*more, option(12, bytes(30))])
        data = server().raw(query.to_wire(), transport)
        assert data is not None
        assert (12 in given(dns.message.from_wire(data))) == (transport is Transport.TLS)
        assert (len(data) % 468 == 0) == (transport is Transport.TLS)
    plain = server().raw(dns.message.make_query(name, "A", use_edns=0, options=list(more)).to_wire(), Transport.TLS)
    assert plain is not None
    assert 12 not in given(dns.message.from_wire(plain))


@pytest.mark.parametrize("records", [*range(240, 256), 257])
def test_padding_ends_where_messages_end(records):
    """Around 65,535 bytes there is less than a block to add, or no room for the option at all."""
    text = "@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\n" + "".join(
        f"t 60 IN TXT {number:03} {'x' * 241}\n" for number in range(records)
    )
    of = Server(version(text, "test."))
    query = dns.message.make_query("t.test.", "TXT", use_edns=0, options=[option(12)])
    plain, data = of.raw(query.to_wire(), Transport.TCP), of.raw(query.to_wire(), Transport.TLS)
    assert plain is not None
    assert data is not None
    assert len(plain) <= len(data) <= 65535
    assert len(data) % 468 == 0 or len(data) == 65535 or len(data) == len(plain) > 65531
    dns.message.from_wire(data)


def reasons(response: dns.message.Message) -> list[int]:
    return [int(each.code) for each in response.options if isinstance(each, dns.edns.EDEOption)]


def test_reasons_of_errors():
    of = server()
    assert reasons(asked(of, name="example.com.")) == [20]
    assert reasons(asked(of, rdclass="HS")) == [20]
    status = make_query("example.org.")
    status.set_opcode(dns.opcode.STATUS)
    refused = of.raw(status.to_wire())
    assert refused is not None
    assert reasons(dns.message.from_wire(refused)) == [21]
    assert reasons(asked(of)) == []
    assert reasons(asked(of, name="none.example.org.")) == []
    plain = of.raw(make_query("example.com.", edns=False).to_wire())
    assert plain is not None
    assert dns.message.from_wire(plain).edns == -1


def test_reasons_while_nothing_is_served_and_of_old_copies():
    of = server()
    of.responder.replace_zones({})
    assert reasons(asked(of)) == [14]
    zone = version(ORG, "example.org.")
    of.responder.replace_zones({zone.apex: ServedZone(zone, expired=True)})
    response = asked(of)
    assert (response.rcode(), reasons(response)) == (dns.rcode.SERVFAIL, [24])


def test_the_reason_of_a_corrupt_zone():
    zone = version(ORG, "example.org.")
    of = Server(zone)
    zone.corrupt.update(zone.keys)
    response = asked(of)
    assert (response.rcode(), reasons(response)) == (dns.rcode.SERVFAIL, [24])


@pytest.mark.parametrize("transport", list(Transport))
def test_the_server_says_who_it_is_only_if_told_to(transport):
    names = {"version.bind.": "v 1", "VERSION.server.": "v 1", "id.server.": "node-1", "hostname.bind.": "node-1"}
    told = server(version=b"v 1", identity=b"node-1")
    for name, text in names.items():
        for rtype in ("TXT", "ANY"):
            response = asked(told, name=name, rtype=rtype, rdclass="CH", transport=transport)
            assert response.rcode() == dns.rcode.NOERROR
            (rrset,) = response.answer
            assert (rrset.rdclass, rrset.ttl, rrset[0].to_text()) == (dns.rdataclass.CH, 0, f'"{text}"')
            assert rrset.name == response.question[0].name
        assert asked(told, name=name, rtype="A", rdclass="CH").rcode() == dns.rcode.REFUSED
        assert asked(told, name=name, rtype="TXT", rdclass="HS").rcode() == dns.rcode.REFUSED
        assert asked(server(), name=name, rtype="TXT", rdclass="CH").rcode() == dns.rcode.REFUSED
    assert asked(told, name="other.bind.", rtype="TXT", rdclass="CH").rcode() == dns.rcode.REFUSED
    half = server(version=b"v")
    assert asked(half, name="id.server.", rtype="TXT", rdclass="CH").rcode() == dns.rcode.REFUSED


def test_what_was_answered_with_options_is_not_kept_for_others():
    of = server(nsid=b"n")
    for _ in range(3):
        assert set(given(asked(of, option(10, COOKIE), option(3)))) == {3, 10}
        assert given(asked(of)) == {}
    assert all(COOKIE not in tail for tail, _ in of.responder.cache.values())


def test_clients_addresses_stand_in_cookies():
    of = server()
    packet = dns.message.make_query("www.example.org.", "A", use_edns=0, options=[option(10, COOKIE)]).to_wire()
    assert of.raw(packet, client=CLIENT) == of.raw(packet, client=CLIENT)
    assert of.raw(packet, client=CLIENT) != of.raw(packet, client=bytes(16))
