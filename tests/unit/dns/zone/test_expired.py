"""A copy past its SOA expire: SERVFAIL without AA for all of it, and nothing of it in other zones' answers."""

import dns.flags
import dns.rcode
import pytest

from dnskit import CLIENT, Server, lines, make_query, version
from dnszones import NET, ORG
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.zone_state import ServedZone

CHILD = "$TTL 60\n@ IN SOA a b 1 2 3 4 5\n@ NS a\na A 192.0.2.77\n"
VERSIONS = (version(ORG, "example.org."), version(NET, "example.net."), version(CHILD, "sub.example.org."))
NAMES = ("ns.example.net.", "www.example.net.", "nothing.example.net.", "deep.example.net.", "example.net.")


def serve(server: Server, *expired: str) -> None:
    apexes = {version.apex: any(version.apex == _wire(name) for name in expired) for version in VERSIONS}
    zones = {version.apex: ServedZone(version, expired=apexes[version.apex]) for version in VERSIONS}
    server.responder.replace_zones(zones)


def _wire(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))


@pytest.fixture
def server() -> Server:
    return Server(*VERSIONS, options=Options(transfers=TransferOptions(runs=lambda version: iter(()))))


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_it_is_answered_until_it_comes_back(server: Server, name: str, transport: Transport) -> None:
    before = [server.raw(make_query(name).to_wire(), transport) for _ in range(4)][-1]
    serve(server, "example.net.")
    for _ in range(4):
        response = server.ask(name, transport=transport)
        assert response.rcode() == dns.rcode.SERVFAIL
        assert not response.flags & dns.flags.AA
        assert not response.answer + response.authority + response.additional
    assert server.responder.cache == {}
    serve(server)
    assert server.raw(make_query(name).to_wire(), transport) == before


def test_other_zones_go_on_without_its_data(server: Server) -> None:
    whole = {name: server.ask(name) for name in ("tonet.example.org.", "sub.example.org.")}
    assert len(whole["tonet.example.org."].answer) == 2
    serve(server, "example.net.")
    for _ in range(3):
        response = server.ask("tonet.example.org.")
        assert response.rcode() == dns.rcode.NOERROR
        assert lines(response.answer) == ["tonet.example.org. 3600 CNAME www.example.net."]
        assert not any(
            "example.net." in line.split()[0] for line in lines(server.ask("example.org.", "NS").additional)
        )
    serve(server)
    assert lines(server.ask("tonet.example.org.").answer) == lines(whole["tonet.example.org."].answer)


def test_a_parent_that_is_held_does_not_speak_for_it(server: Server) -> None:
    serve(server, "sub.example.org.")
    assert server.ask("a.sub.example.org.").rcode() == dns.rcode.SERVFAIL
    assert server.ask("sub.example.org.", "DS").rcode() == dns.rcode.NOERROR, "a DS is the parent's"


def test_a_canary_is_as_old(server: Server) -> None:
    other = version(NET.replace("198.51.100.2", "198.51.100.3"), "example.net.")
    net = VERSIONS[1]
    for expired in (True, False):
        zones = {net.apex: ServedZone(net, Canary(other, 100, ""), expired=expired)}
        server.responder.replace_zones(zones)
        assert (server.ask("www.example.net.").rcode() == dns.rcode.SERVFAIL) == expired


def test_it_is_not_transferred(server: Server) -> None:
    serve(server, "example.net.")
    messages = server.responder.transfer(
        make_query("example.net.", "AXFR", edns=False).to_wire(), Requestor(CLIENT, Transport.TCP)
    )
    assert messages is not None
    (message,) = messages
    assert message[3] & 15 == dns.rcode.SERVFAIL
    assert not message[2] & 4
