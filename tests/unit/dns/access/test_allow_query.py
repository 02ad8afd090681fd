"""Zones that not everybody may ask: refused to others, by whatever way they come, and shown in no other zone."""

from pathlib import Path

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnskit import Server, make_query, version
from zonegit.dns.access.acl import Acl, Clients
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.ops.flags import load

FRIEND = bytes((192, 0, 2, 7))
STRANGER = bytes((198, 51, 100, 7))
FRIENDS = Acl.parse(["192.0.2.0/24"])
CLOSED = version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n", "closed.test.")
OPEN = version(
    "@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nalias CNAME www.closed.test.\nmx MX 1 www.closed.test.\n",
    "open.test.",
)


def ask(server: Server, name: str, rtype: str, client: bytes, transport: Transport) -> dns.message.Message:
    data = server.raw(make_query(name, rtype).to_wire(), transport, client)
    assert data is not None
    return dns.message.from_wire(data)


def serve(server: Server, who: Acl | None) -> None:
    zones = {OPEN.apex: ServedZone(OPEN), CLOSED.apex: ServedZone(CLOSED, allow_query=who)}
    server.responder.replace_zones(zones)


@pytest.mark.parametrize("transport", Transport)
def test_others_are_refused_and_told_why(transport: Transport):
    server = Server()
    serve(server, FRIENDS)
    for _ in range(3):
        assert ask(server, "www.closed.test.", "A", FRIEND, transport).answer
        refused = ask(server, "www.closed.test.", "A", STRANGER, transport)
        assert refused.rcode() == dns.rcode.REFUSED
        assert [option.code for option in refused.options if isinstance(option, dns.edns.EDEOption)] == [18]
        other = ask(server, "www.elsewhere.test.", "A", STRANGER, transport)
        assert [option.code for option in other.options if isinstance(option, dns.edns.EDEOption)] == [20]


@pytest.mark.parametrize("transport", Transport)
def test_what_is_closed_shows_in_no_other_answer(transport: Transport):
    server = Server()
    serve(server, FRIENDS)
    for _ in range(3):
        assert len(ask(server, "alias.open.test.", "A", FRIEND, transport).answer) == 2
        assert len(ask(server, "alias.open.test.", "A", STRANGER, transport).answer) == 1
        assert ask(server, "mx.open.test.", "MX", FRIEND, transport).additional
        assert not ask(server, "mx.open.test.", "MX", STRANGER, transport).additional


def test_a_list_that_comes_or_goes_counts_at_once():
    server = Server()
    for _ in range(3):
        serve(server, None)
        for _ in range(3):
            assert ask(server, "www.closed.test.", "A", STRANGER, Transport.UDP).answer
        assert server.responder.cache
        serve(server, FRIENDS)
        assert ask(server, "www.closed.test.", "A", STRANGER, Transport.UDP).rcode() == dns.rcode.REFUSED
        serve(server, Acl())
        assert ask(server, "www.closed.test.", "A", FRIEND, Transport.UDP).rcode() == dns.rcode.REFUSED


def test_one_zone_opens_while_another_stays_closed():
    server = Server()
    closed = ServedZone(OPEN, allow_query=FRIENDS)
    for who in (None, FRIENDS, None, FRIENDS):
        server.responder.replace_zones({OPEN.apex: closed, CLOSED.apex: ServedZone(CLOSED, allow_query=who)})
        for _ in range(3):
            refused = ask(server, "www.closed.test.", "A", STRANGER, Transport.UDP).rcode() == dns.rcode.REFUSED
            assert refused == (who is not None)
        kept = make_query("www.closed.test.", "A").to_wire()[2:] in server.responder.cache
        assert kept == (who is None), "the loop answers everybody from there"


def test_clients_are_remembered_within_bounds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("zonegit.dns.access.acl._REMEMBERED", 10)
    clients = Clients(FRIENDS)
    for number in range(100):
        assert clients(bytes((192, 0, 2, number)))
        assert not clients(bytes((192, 0, 3, number)))
    assert len(clients._known) <= 10


def test_a_zone_may_say_otherwise_than_all(tmp_path: Path):
    path = tmp_path / "zonegitd.toml"
    path.write_text(
        '[dns]\nallow_query = ["192.0.2.0/24"]\n[zone."a.test."]\nallow_query = ["::/0", "0.0.0.0/0"]\n'
    )
    config = load(["--config", str(path)])
    assert config.zone("b.test.").allow_query == FRIENDS
    assert config.zone("a.test.").allow_query == Acl.parse(["::/0", "0.0.0.0/0"])
    path.write_text("")
    assert load(["--config", str(path)]).zone("a.test.").allow_query is None
