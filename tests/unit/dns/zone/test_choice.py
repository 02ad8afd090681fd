"""Zones with routes: each client gets the version that its rules choose, however warm the server is."""

from collections import Counter
from collections.abc import Iterable

import dns.edns
import dns.message
import dns.rcode
import pytest

from dnskit import DictVersion, Server, make_query, version
from zonegit.dns.access.acl import Acl
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.routes.checker import read
from zonegit.dns.routes.evaluate import predicate
from zonegit.dns.routes.facts import NoPlaces
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.canary import Canary
from zonegit.dns.zone.routed import RoutedVersion, Routes
from zonegit.dns.zone.zone_state import ServedZone

INSIDE = bytes((192, 0, 2, 7))
OUTSIDE = bytes((198, 51, 100, 7))
ZONE = """
@ IN SOA ns h {serial} 2 3 4 5
@ NS ns
@ MX 10 mail
ns A 10.0.0.{serial}
www A 10.0.0.{serial}
mail A 10.0.0.{serial}
alias CNAME www
out CNAME www.plain.test.
sub NS ns.sub
ns.sub A 10.0.0.{serial}
* TXT "{serial}"
"""
PLAIN = version(
    "@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
    "in CNAME www.routed.test.\n@ MX 10 mail.routed.test.\n",
    "plain.test.",
)
INTERNAL = 'client.subnet in ["192.0.2.0/24"]'


def routed(serial: int) -> DictVersion:
    return version(ZONE.format(serial=serial), "routed.test.")


MAIN, OTHER, THIRD = routed(1), routed(2), routed(3)


def by_loop(server: Server, packet: bytes, client: bytes, transport: Transport = Transport.UDP) -> bytes:
    """The response as the loops get it: over UDP from the cache of finished packets first."""
    ways = server.responder.ways
    found = (ways.cached(packet[2:]) or ways.find(packet[2:], client)) if transport is Transport.UDP else None
    data = packet[:2] + found[0] if found else server.responder.respond(packet, Requestor(client, transport))
    assert data is not None
    return data


class Routed:
    """A server of a zone with rules, and one without; `now` is its clock, `matches` what the rules counted."""

    def __init__(
        self, rules: Iterable[tuple[str, DictVersion | None]], options: Options | None = None, **settings
    ) -> None:
        self.server = Server(options=options)
        self.now = 0.0
        self.matches: Counter[int] = Counter()
        made = [
            RoutedVersion(predicate(read(when)), found, None, lambda index=index: self.matches.update([index]))
            for index, (when, found) in enumerate(rules)
        ]
        routes = Routes(tuple(made), lambda: self.now, NoPlaces())
        self.zones = {PLAIN.apex: ServedZone(PLAIN), MAIN.apex: ServedZone(MAIN, routes=routes, **settings)}
        self.server.responder.replace_zones(self.zones)

    def raw(
        self, name: str, rtype: str = "A", client: bytes = INSIDE, transport: Transport = Transport.UDP, **form
    ) -> bytes:
        return by_loop(self.server, make_query(name, rtype, **form).to_wire(), client, transport)

    def last(self, client: bytes, name: str = "www.routed.test.", rtype: str = "A", **form) -> int:
        """The last byte of the first address in the answer: the serial of the version that it is from."""
        response = dns.message.from_wire(self.raw(name, rtype, client, **form))
        (address,) = (rrset[0].address for rrset in response.answer if rrset.rdtype == 1)
        return int(address.rpartition(".")[2])


@pytest.mark.parametrize("transport", Transport)
def test_two_clients_get_different_answers_from_a_warm_server(transport) -> None:
    zones = Routed([(INTERNAL, OTHER)])
    for name in ("www.routed.test.", "alias.routed.test.", "wWw.rOuted.test.", "in.plain.test."):
        for edns in (False, True):
            for _ in range(4):
                assert zones.last(INSIDE, name, edns=edns, transport=transport) == 2
                assert zones.last(OUTSIDE, name, edns=edns, transport=transport) == 1
    assert not any(b"routed" in packet for packet in zones.server.responder.cache)
    assert zones.server.errors == []


@pytest.mark.parametrize("rtype", ["A", "MX", "TXT", "NS", "SOA", "ANY", "DS"])
@pytest.mark.parametrize(
    "name", ["www.routed.test.", "routed.test.", "x.routed.test.", "a.sub.routed.test.", "ns.sub.routed.test."]
)
def test_each_client_gets_the_bytes_of_its_version_alone(name, rtype) -> None:
    zones = Routed([(INTERNAL, OTHER)])
    alone = {INSIDE: Server(OTHER, PLAIN), OUTSIDE: Server(MAIN, PLAIN)}
    for do in (False, True):
        for _ in range(3):
            for client, server in alone.items():
                query = make_query(name, rtype, do=do).to_wire()
                assert by_loop(zones.server, query, client) == by_loop(server, query, client)


def test_a_cookie_or_the_way_over_udp_changes_nothing() -> None:
    zones = Routed([(INTERNAL, OTHER)])
    query = make_query("www.routed.test.")
    query.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
    for _ in range(4):
        for client, serial in ((INSIDE, 2), (OUTSIDE, 1)):
            for packet in (query.to_wire(), make_query("www.routed.test.").to_wire()):
                assert zones.server.responder.ways.find(packet[2:], client) is None
                data = by_loop(zones.server, packet, client)
                assert dns.message.from_wire(data).answer[0][0].address == f"10.0.0.{serial}"


def test_the_first_rule_that_matches_decides() -> None:
    zones = Routed(
        [('query.type == "MX"', THIRD), (INTERNAL, OTHER), ('query.name under "www.routed.test"', THIRD)]
    )
    assert zones.last(INSIDE) == 2
    assert zones.last(OUTSIDE) == 3
    assert zones.last(OUTSIDE, "mail.routed.test.") == 1
    assert zones.matches == {1: 1, 2: 1}
    assert b"\x0a\0\0\x03" in zones.raw("routed.test.", "MX")


def test_time_decides_at_each_query() -> None:
    zones = Routed([("time.hour >= 22", OTHER)])
    for _ in range(2):
        for now, serial in ((0, 1), (21 * 3600 + 3599, 1), (22 * 3600, 2), (24 * 3600, 1)):
            zones.now = now
            assert [zones.last(OUTSIDE) for _ in range(3)] == [serial] * 3


def test_a_rule_is_counted_once_for_each_query_that_it_decides() -> None:
    zones = Routed([(INTERNAL, OTHER)])
    for name in ("www.routed.test.", "alias.routed.test.", "x.routed.test."):
        zones.raw(name, client=INSIDE)
        zones.raw(name, client=OUTSIDE)
    assert zones.matches == {0: 3}
    for _ in range(3):
        zones.raw("www.plain.test.")
    assert zones.matches == {0: 3}
    zones.raw("in.plain.test.")
    assert zones.matches == {0: 4}


def test_the_question_of_the_client_decides_for_an_aliass_target_too() -> None:
    zones = Routed([('query.name == "in.plain.test"', OTHER)])
    assert zones.last(OUTSIDE, "in.plain.test.") == 2
    assert zones.last(OUTSIDE, "www.routed.test.") == 1
    aliased = Routed([('query.name == "www.routed.test"', OTHER)])
    assert aliased.last(OUTSIDE, "alias.routed.test.") == 1


def test_additional_data_of_a_routed_zone_is_the_clients() -> None:
    zones = Routed([(INTERNAL, OTHER)])
    for _ in range(3):
        for client, serial in ((INSIDE, 2), (OUTSIDE, 1)):
            response = dns.message.from_wire(zones.raw("plain.test.", "MX", client))
            assert [rrset[0].address for rrset in response.additional] == [f"10.0.0.{serial}"]


def test_a_rule_whose_branch_does_not_exist_is_skipped() -> None:
    zones = Routed([(INTERNAL, None), ('query.type == "A"', OTHER)])
    assert zones.last(INSIDE) == 2
    assert zones.matches == {1: 1}


def test_a_route_comes_before_the_canary_and_the_acl_before_both() -> None:
    everyone = Canary(THIRD, 100)
    zones = Routed([(INTERNAL, OTHER)], canary=everyone)
    assert (zones.last(INSIDE), zones.last(OUTSIDE)) == (2, 3)
    closed = Routed([('query.type == "A"', OTHER)], canary=everyone, allow_query=Acl.parse(["192.0.2.0/24"]))
    assert closed.last(INSIDE) == 2
    assert dns.message.from_wire(closed.raw("www.routed.test.", client=OUTSIDE)).rcode() == dns.rcode.REFUSED
    assert closed.matches == {0: 1}


@pytest.mark.parametrize("rule", [INTERNAL, 'query.type == "AXFR"', 'query.name == "routed.test."'])
def test_a_transfer_is_routed_as_a_query(rule) -> None:
    options = Options(
        transfers=TransferOptions(lambda *_: True, lambda found: MAIN.runs() if found is MAIN else OTHER.runs())
    )
    zones = Routed([(rule, OTHER)], options=options)
    query = make_query("routed.test.", "AXFR").to_wire()
    for client in (INSIDE, OUTSIDE):
        messages = zones.server.responder.transfer(query, Requestor(client, Transport.TCP))
        assert messages is not None
        first = dns.message.from_wire(b"".join(messages), one_rr_per_rrset=True, ignore_trailing=True).answer[0]
        assert first[0].serial == (2 if client == INSIDE or rule != INTERNAL else 1)


def test_two_rules_with_one_version_share_its_answers() -> None:
    zones = Routed([(INTERNAL, OTHER), ('query.type == "A"', routed(2))])
    zones.raw("www.routed.test.", client=INSIDE)
    zone = zones.server.responder.zones.by_apex.get(MAIN.apex)
    assert zone is not None and zone.choice is not None
    first, second = zone.choice.routed
    assert first is second and len(list(zone.choice.others)) == 2


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside another such zone"])
def test_packets_that_were_kept_for_all_are_dropped_when_a_choice_comes(beside) -> None:
    """The zone's own version stays: a branch that a rule or the canary names came."""
    zones = Routed([(INTERNAL, OTHER)])
    plain = PLAIN.apex
    zones.raw("www.routed.test.")
    if not beside:
        zones.zones = {plain: ServedZone(PLAIN)}
        zones.server.responder.replace_zones(zones.zones)
    query = make_query("www.plain.test.").to_wire()
    other = version("@ IN SOA ns h 9 2 3 4 5\n@ NS ns\nwww A 192.0.2.99\n", "plain.test.")
    for _ in range(4):
        before = by_loop(zones.server, query, INSIDE)
    zones.server.responder.replace_zones({**zones.zones, plain: ServedZone(PLAIN, Canary(other, 100))})
    for _ in range(4):
        assert by_loop(zones.server, query, INSIDE) != before
    zones.server.responder.replace_zones({**zones.zones, plain: ServedZone(PLAIN)})
    for _ in range(4):
        assert by_loop(zones.server, query, INSIDE) == before


def test_new_versions_are_answered_from_and_old_answers_forgotten() -> None:
    zones = Routed([(INTERNAL, OTHER)])
    assert (zones.last(INSIDE), zones.last(OUTSIDE)) == (2, 1)
    served = zones.zones[MAIN.apex]
    routes = served.routes
    assert routes is not None
    moved = routes._replace(rules=(routes.rules[0]._replace(version=THIRD),))
    zones.server.responder.replace_zones({**zones.zones, MAIN.apex: served._replace(routes=moved)})
    assert (zones.last(INSIDE), zones.last(OUTSIDE)) == (3, 1)
    zones.server.responder.replace_zones({**zones.zones, MAIN.apex: served._replace(routes=None)})
    assert (zones.last(INSIDE), zones.last(OUTSIDE)) == (1, 1)
