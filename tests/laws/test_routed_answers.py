"""The law of routes in a warm server: each client gets the bytes that a server of its version alone would send."""

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from dnskit import DictVersion, Server, make_query, version
from dnszones import NET, ORG
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.routes.checker import read
from zonegit.dns.routes.evaluate import predicate
from zonegit.dns.routes.facts import NoPlaces
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.routed import RoutedVersion, Routes
from zonegit.dns.zone.zone_state import ServedZone

OTHER = ORG.replace("192.0.2.", "10.0.0.").replace("hostmaster 7", "hostmaster 8")
NIGHT = ORG.replace("192.0.2.", "10.9.9.").replace("hostmaster 7", "hostmaster 9").replace("mail", "post")
WORDS = ("www", "web", "nothing", "mail", "x.wild", "a.sub", "tonet", "todel", "old", "x.old", "loop1", "b.ent")
INSIDE, OUTSIDE = bytes((10, 1, 1, 1)), bytes((192, 0, 2, 1))


@cache
def versions() -> tuple[DictVersion, ...]:
    return tuple(version(text, "example.org.") for text in (ORG, OTHER, NIGHT))


@cache
def net() -> DictVersion:
    return version(NET, "example.net.")


clock = [0.0]


@cache
def warm() -> Server:
    """One server for all examples, with a small cache that overflows now and then."""
    main, other, night = versions()
    rules = (
        RoutedVersion(predicate(read('client.subnet in ["10.0.0.0/8"]')), other, None, lambda: None),
        RoutedVersion(predicate(read('time.hour >= 22 and query.type != "MX"')), night, None, lambda: None),
    )
    routes = Routes(rules, lambda: clock[0], NoPlaces())
    server = Server(options=Options(cache_entries=40))
    served = {main.apex: ServedZone(main, routes=routes), net().apex: ServedZone(net())}
    server.responder.replace_zones(served)
    return server


@cache
def alone(index: int) -> Server:
    return Server(versions()[index], net())


NAMES = (*(f"{word}.example.org." for word in WORDS), "example.org.", "www.example.net.", "example.net.")
queries = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["A", "MX", "TXT", "NS", "SOA", "CNAME"]),
    st.booleans(),
    st.sampled_from([INSIDE, OUTSIDE]),
    st.sampled_from([0, 23]),
    st.sampled_from([Transport.UDP, Transport.TCP]),
)


@given(st.lists(queries, min_size=1, max_size=12))
def test_a_warm_server_answers_as_the_version_alone(asked) -> None:
    for name, rtype, edns, client, hour, transport in asked:
        clock[0] = hour * 3600.0
        packet = make_query(name, rtype, edns=edns).to_wire()
        index = 1 if client == INSIDE else 2 if hour >= 22 and rtype != "MX" else 0
        responder = warm().responder
        ways = responder.ways
        found = (ways.cached(packet[2:]) or ways.find(packet[2:], client)) if transport is Transport.UDP else None
        got = packet[:2] + found[0] if found else responder.respond(packet, Requestor(client, transport))
        assert got == alone(index).raw(packet, transport, client)
