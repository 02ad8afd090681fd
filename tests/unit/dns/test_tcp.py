"""Frames that are answered quickly: with the slow path's bytes, in order, and never beyond the first that isn't."""

from itertools import product

import dns.edns
import pytest

from dnskit import CLIENT, DictVersion, Server, make_query, version
from dnszones import NET, ORG
from fastpathkit import TRAPS, names, random_zone, signed
from tcpkit import frame
from zonegit.dns import stats
from zonegit.dns.access.cookies import Cookies
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.tcp import Answered, TcpAnswers
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.zone.zone_state import ServedZone

MANY = "@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
MANY += "".join(f"many A 192.0.2.{at}\n" for at in range(100)) + "".join(f"mail MX 1 m{at}\n" for at in range(40))
MANY += "".join(f"m{at} AAAA 2001:db8::{at}\n" for at in range(40))


_TYPES = ("A", "MX", "NS", "CNAME", "HTTPS", "ANY")


def ever() -> float:
    """A clock that stands still."""
    return 0.0


class Connections:
    """A responder that answers quickly over connections."""

    def __init__(self, *versions: DictVersion, options: Options | None = None) -> None:
        self.stats = [0] * stats.SLOTS
        self.responder = Responder(options or Options(), self.stats, streams=True)
        self.responder.replace_zones({each.apex: ServedZone(each) for each in versions})
        self.begun = 0
        self._answers = TcpAnswers(self.responder.ways, self._begin, self.stats)

    def _begin(self) -> None:
        self.begun += 1

    def quick(
        self, frames: bytes, at: int = 0, client: bytes = CLIENT, over: Transport = Transport.TCP
    ) -> Answered:
        return self._answers.answer(frames, at, client, over, ever, 1.0)

    def slow(self, packet: bytes, client: bytes = CLIENT, over: Transport = Transport.TCP) -> bytes | None:
        return self.responder.respond(packet, Requestor(client, over))


@pytest.mark.parametrize("zone", [
    *(pytest.param(version(text, "example.org."), id=name)
      for name, text in (("org", ORG), ("net", NET), ("traps", TRAPS))),
    pytest.param(signed(TRAPS), id="signed"),
    *(pytest.param(version(random_zone(seed), "example.org."), id=f"random{seed}") for seed in range(1)),
])  # fmt: skip
def test_what_is_answered_quickly_is_what_the_slow_path_says(zone: DictVersion) -> None:
    child = version("@ IN SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n", "b.a.example.org.")
    cookies = Options(cookies=Cookies([bytes(16)], lambda: 1_700_000_000.0))
    reference, connections = Server(zone, child, options=cookies), Connections(zone, child, options=cookies)
    taken = 0
    for name, rtype, (edns, do) in product(
        sorted(set(names(zone))), _TYPES, ((False, False), (True, False), (True, True))
    ):
        query = make_query(name, rtype, do=do, edns=edns, size=512)
        packets = [query.to_wire()]
        if edns and not do and rtype == "A":
            query.use_edns(0, payload=512, options=[dns.edns.GenericOption(10, bytes(range(8)))])
            packets.append(query.to_wire())
        for packet in packets:
            expected = reference.raw(packet, Transport.TCP)
            for over in (Transport.TCP, Transport.TLS, Transport.TCP):
                found = connections.quick(frame(packet), over=over)
                taken += found.answers
                assert found.responses in (b"", frame(expected or b""))
            assert connections.slow(packet) == expected
    assert taken > 1000, "hardly any query was taken"


def test_answers_that_udp_has_no_room_for_are_given_quickly() -> None:
    connections = Connections(version(MANY, "example.org."))
    for name, rtype in (("many", "A"), ("mail", "MX")):
        packet = make_query(f"{name}.example.org.", rtype, edns=False).to_wire()
        for _ in range(2):
            expected = connections.slow(packet)
        assert expected is not None
        assert len(expected) > 512
        assert connections.quick(frame(packet)).responses == frame(expected)


def test_frames_are_answered_in_order_up_to_the_first_for_the_slow_path() -> None:
    connections = Connections(version(ORG, "example.org."))
    packets = [bytes((0, at)) + make_query("www.example.org.", "A").to_wire()[2:] for at in range(200)]
    axfr = make_query("example.org.", "AXFR").to_wire()
    for kept in (False, True):
        frames = frame(*packets, axfr, *packets[:3], packets[3][:-1])
        found = connections.quick(frames)
        assert found.answers == 200
        assert found.at == len(frame(*packets))
        assert found.first == len(connections.slow(packets[0]) or b"")
        assert found.responses == frame(*(connections.slow(packet) or b"" for packet in packets)), kept
        assert connections.quick(frames, found.at) == (found.at, b"", 0, 0)
        rest = connections.quick(frames, found.at + len(frame(axfr)))
        assert (rest.answers, rest.at) == (3, len(frames) - len(frame(packets[3][:-1])))
    for frames in (b"", b"\0", b"\0\1", b"\0\0", b"\0\1\0", b"\0\2\0\0", b"\0\4\0\0\0\0" + frame(packets[0])):
        assert connections.quick(frames) == (0, b"", 0, 0)


def test_quick_answers_end_where_they_would_be_too_much_or_take_too_long() -> None:
    connections = Connections(version(MANY, "example.org."))
    many = make_query("many.example.org.", "A").to_wire()
    for _ in range(3):
        connections.slow(many)
    found = connections.quick(frame(*[many] * 100))
    assert 64 << 10 < len(found.responses) < 68 << 10
    ticks = iter(range(1000))
    answers = TcpAnswers(connections.responder.ways, lambda: None, connections.stats)
    different = [make_query(f"n{at}.example.org.", "A").to_wire() for at in range(30)]
    found = answers.answer(frame(*different), 0, CLIENT, Transport.TCP, lambda: next(ticks), 9)
    assert found.answers == 10


def test_the_store_is_read_from_the_first_query_on_that_is_not_kept() -> None:
    connections = Connections(version(ORG, "example.org."))
    for name, reads in (("www", 1), ("www", 1), ("nobody", 2), ("www", 2)):
        packet = make_query(f"{name}.example.org.", "A").to_wire()
        connections.quick(frame(packet, packet))
        assert connections.begun == reads


@pytest.mark.parametrize("over", [Transport.TCP, Transport.TLS])
@pytest.mark.parametrize("client", [CLIENT, bytes(15) + b"\1"])
def test_quick_answers_are_counted_as_slow_ones(over: Transport, client: bytes) -> None:
    counted = []
    for quick in (False, True):
        connections = Connections(version(ORG, "example.org."))
        for name in ("www", "nobody"):
            packet = make_query(f"{name}.example.org.", "A").to_wire()
            for _ in range(4):
                if not quick or not connections.quick(frame(packet), client=client, over=over).answers:
                    connections.slow(packet, client, over)
        for level in (stats.CACHE_PACKET, stats.CACHE_QUESTION):
            connections.stats[level] = 0
        counted.append(connections.stats)
    assert counted[0] == counted[1]
    assert sum(counted[0][stats.PLANES :]) == 8


def test_what_depends_on_the_client_is_not_kept_for_others() -> None:
    """All records at a name are for those who may transfer the zone."""
    friend = bytes([192, 0, 2, 9])
    options = Options(transfers=TransferOptions(lambda _apex, client, _signer: client == friend))
    connections = Connections(version(ORG, "example.org."), options=options)
    packet = make_query("example.org.", "ANY").to_wire()
    answers = {client: connections.slow(packet, client) for client in (CLIENT, friend)}
    assert answers[CLIENT] != answers[friend]
    for client in (CLIENT, friend, CLIENT, friend, CLIENT):
        assert connections.slow(packet, client) == answers[client]
        assert not connections.quick(frame(packet), client=client).answers


def test_udp_gets_nothing_that_only_a_connection_has_room_for() -> None:
    zone = version(MANY, "example.org.")
    connections, reference = Connections(zone), Server(zone)
    for name, rtype, _ in product(("many", "mail", "m1"), ("A", "MX", "AAAA"), range(3)):
        packet = make_query(f"{name}.example.org.", rtype, edns=False).to_wire()
        connections.slow(packet)
        connections.quick(frame(packet))
        assert connections.slow(packet, over=Transport.UDP) == reference.raw(packet)


@pytest.mark.parametrize("size", [0, 1, 2, 11])
def test_frames_too_short_for_a_header_are_left_to_the_slow_path(size: int) -> None:
    connections = Connections(version(ORG, "example.org."))
    query = frame(make_query("www.example.org.", "A").to_wire())
    found = connections.quick(query + frame(bytes(size)) + query)
    assert (found.at, found.answers) == (len(query), 1)
    assert connections.slow(bytes(size)) is None
