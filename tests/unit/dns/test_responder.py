"""The responder as its caller meets it: sizes, caches, canaries, corrupt stores, counters."""

import random
from itertools import product

import dns.edns
import dns.flags
import dns.message
import dns.rcode
import pytest

from dnskit import CLIENT, DictVersion, Server, lines, make_query, version
from dnszones import NET, ORG
from zonegit.dns import stats
from zonegit.dns.access.requestor import Requestor
from zonegit.dns.options import Options
from zonegit.dns.responder import Responder
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Rcode, Transport
from zonegit.dns.zone.canary import Canary, bucket
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.dns.zone_counts import zone_counts
from zonegit.model.names import OwnerKey

SOA = "$TTL 60\n@ IN SOA a b {serial} 2 3 4 5\n@ NS a\na A 192.0.2.1\n"


def zone(extra: str = "", serial: int = 1, origin: str = "test.") -> DictVersion:
    return version(SOA.format(serial=serial) + extra, origin)


def many(count: int) -> str:
    return "".join(f"many A 10.0.{i // 256}.{i % 256}\n" for i in range(count))


@pytest.mark.parametrize(("size", "room"), [(0, 512), (512, 512), (700, 700), (1232, 1232), (4096, 1232)])
def test_udp_size(size: int, room: int) -> None:
    """RFC 6891 §6.2: the smaller of what the client takes and what the server sends."""
    server = Server(zone(many(25) + "".join(f"n{i} TXT {'x' * (i * 10)}\n" for i in range(1, 26))))
    for i in range(1, 26):
        whole = server.raw(make_query(f"n{i}.test.", "TXT").to_wire(), Transport.TCP)
        assert whole is not None
        small = server.raw(make_query(f"n{i}.test.", "TXT", size=size).to_wire())
        assert small is not None
        assert len(small) <= room
        assert (small == whole) == (len(whole) <= room)


def test_truncation_is_empty_and_tcp_is_whole() -> None:
    """RFC 2181 §9: TC, no part of the RRset; a 200-record RRset is whole over TCP."""
    server = Server(zone(many(200)))
    for _ in range(3):
        small = server.ask("many.test.")
        assert small.flags & dns.flags.TC
        assert not small.answer + small.authority + small.additional
    assert server.stats[stats.TRUNCATED] == 3
    whole = server.ask("many.test.", transport=Transport.TCP)
    assert not whole.flags & dns.flags.TC
    assert len(whole.answer[0]) == 200


def test_tcp_has_an_end_too() -> None:
    server = Server(zone("".join(f"many TXT {'x' * 250}{i:03}\n" for i in range(250))))
    assert server.ask("many.test.", "TXT", transport=Transport.TCP).flags & dns.flags.TC


def test_glue_below_the_cut_must_fit() -> None:
    """RFC 9471 §3.1: TC when not all glue of in-domain servers fits; siblings' glue is left out instead."""
    servers = range(40)
    own = "".join(f"sub NS n{i}.sub\nn{i}.sub AAAA 2001:db8::{i}\n" for i in servers)
    sibling = "".join(f"sub NS n{i}.sib\nn{i}.sib AAAA 2001:db8::{i}\n" for i in servers)
    response = Server(zone(own)).ask("x.sub.test.")
    assert response.flags & dns.flags.TC
    assert len(Server(zone(own)).ask("x.sub.test.", transport=Transport.TCP).additional) == 40
    response = Server(zone(sibling + "sib NS n0.sib\n")).ask("x.sub.test.")
    assert not response.flags & dns.flags.TC
    assert 0 < len(response.additional) < 40


def test_a_cut_with_very_many_servers_is_answered() -> None:
    """All servers are named, the first 200 with their addresses; over UDP that doesn't fit."""
    server = Server(zone("".join(f"sub NS n{i}.sub\nn{i}.sub A 192.0.2.{i}\n" for i in range(250))))
    for _ in range(3):
        assert server.ask("x.sub.test.").flags & dns.flags.TC
        response = server.ask("x.sub.test.", transport=Transport.TCP)
        assert response.rcode() == dns.rcode.NOERROR
        assert len(response.authority[0]) == 250
        assert len(response.additional) == 200
    assert server.errors == []


def test_nsid_only_if_configured() -> None:
    """RFC 5001 §2."""
    query = make_query("a.test.")
    query.use_edns(0, options=[dns.edns.GenericOption(dns.edns.NSID, b"")])
    for nsid, expected in ((None, []), (b"node-1", [b"node-1"])):
        server = Server(zone(), options=Options(nsid=nsid))
        for _ in range(3):
            data = server.raw(query.to_wire())
            assert data is not None
            assert [option.nsid for option in dns.message.from_wire(data).options] == expected
        assert not server.ask("a.test.").options


def test_question_keeps_its_case() -> None:
    server = Server(version(ORG, "example.org."))
    for name in ("wWw.ExAmPlE.oRg.", "www.example.org.", "WWW.EXAMPLE.ORG."):
        for _ in range(3):
            response = server.ask(name)
            assert str(response.question[0].name) == name
            assert str(response.answer[0].name) == name


def test_rd_is_echoed_and_nothing_else() -> None:
    server = Server(zone())
    query = make_query("a.test.")
    for _ in range(3):
        for flags in (0, dns.flags.RD, dns.flags.RD | dns.flags.CD | dns.flags.AD):
            query.flags = flags
            data = server.raw(query.to_wire())
            assert data is not None
            assert dns.message.from_wire(data).flags == dns.flags.QR | dns.flags.AA | flags & dns.flags.RD


def test_first_level_answers_what_respond_answers() -> None:
    server = Server(version(ORG, "example.org."))
    for name in ("web.example.org.", "nothing.example.org.", "x.sub.example.org.", "q.wild.example.org."):
        data = make_query(name).to_wire()
        before = list(server.stats)
        answers = {server.raw(data) for _ in range(4)}
        tail, slot = server.responder.cache[data[2:]]
        assert answers == {data[:2] + tail}
        assert server.stats[slot] == before[slot] + 4


def test_what_differs_by_client_stays_out_of_the_first_level() -> None:
    server = Server(version(ORG, "example.org."))
    with_cookie = make_query("web.example.org.")
    with_cookie.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
    for query in (with_cookie, make_query("wEb.example.org.")):
        for _ in range(4):
            server.raw(query.to_wire())
    assert not server.responder.cache


def test_invented_names_are_kept_at_second_sight() -> None:
    server = Server(version(ORG, "example.org."))
    hits = stats.CACHE_QUESTION
    for i in range(50):
        server.ask(f"n{i}.example.org.")
        server.ask(f"n{i}.wild.example.org.")
        server.ask(f"n{i}.sub.example.org.")
    assert server.stats[hits] == 0
    assert not server.responder.cache
    server.ask("n1.example.org.")
    server.ask("n1.wild.example.org.")
    server.ask("n1.wild.example.org.", "MX")
    server.ask("n1.wild.example.org.", "MX")
    server.ask("n1.wild.example.org.", "MX")
    assert server.stats[hits] == 1
    assert len(server.responder.cache) == 3


def test_what_is_kept_of_one_question_answers_no_other() -> None:
    """RD, EDNS, DO, sizes, transports and who may transfer are told apart, whichever came first."""
    friend, stranger = CLIENT, client(1)
    options = Options(transfers=TransferOptions(lambda _apex, who, _key: who == friend))
    zone, warm = version(ORG + many(40), "example.org."), Server(options=options)
    warm.serve(zone)
    flags = (0, dns.flags.RD, dns.flags.CD | dns.flags.AD)
    forms = ((False, False, 0), (True, False, 512), (True, False, 1232), (True, True, 512), (True, True, 1232))
    expected = {}
    for name, rtype, flag, (edns, do, size) in product(("many", "ns1", "x.sub"), ("A", "ANY"), flags, forms):
        query = make_query(f"{name}.example.org.", rtype, edns=edns, do=do, size=size)
        query.flags = flag
        for case in product([query.to_wire()], (Transport.UDP, Transport.TCP), (friend, stranger)):
            expected[case] = Server(zone, options=options).raw(*case)
    for seed in range(3):
        for case in random.Random(seed).sample(list(expected), len(expected)):
            assert warm.raw(*case) == expected[case], case


def test_large_responses_are_not_kept() -> None:
    server = Server(zone(many(1000)))
    for _ in range(3):
        assert len(server.ask("many.test.", transport=Transport.TCP).answer[0]) == 1000
    assert server.stats[stats.CACHE_QUESTION] == 0


def test_the_cache_is_bounded() -> None:
    hosts = "".join(f"h{i} A 192.0.2.{i}\n" for i in range(200))
    server = Server(zone(hosts), options=Options(cache_entries=50))
    for _ in range(3):
        for i in range(200):
            for _ in range(3):
                assert lines(server.ask(f"h{i}.test.").answer) == [f"h{i}.test. 60 A 192.0.2.{i}"]
            assert len(server.responder.cache) <= 50


def test_a_moved_zone_is_answered_anew_and_others_stay() -> None:
    org, net = version(ORG, "example.org."), version(NET, "example.net.")
    server = Server(org, net)
    for name in ("web.example.org.", "www.example.net.", "tonet.example.org."):
        for _ in range(3):
            server.ask(name)
        assert make_query(name).to_wire()[2:] in server.responder.cache
    server.serve(org, version(NET.replace("198.51.100.2", "198.51.100.3"), "example.net."))
    assert make_query("web.example.org.").to_wire()[2:] in server.responder.cache
    assert make_query("www.example.net.").to_wire()[2:] not in server.responder.cache
    assert lines(server.ask("www.example.net.").answer) == ["www.example.net. 600 A 198.51.100.3"]
    assert lines(server.ask("tonet.example.org.").answer)[1] == "www.example.net. 600 A 198.51.100.3"


def test_addresses_from_a_zone_that_moved_are_given_anew() -> None:
    mail = zone("m MX 1 a.b.test.\n")
    for transport in Transport:
        server = Server(mail, zone(origin="b.test."))
        for last in (1, 2, 3):
            server.serve(mail, version(SOA.format(serial=last).replace("192.0.2.1", f"192.0.2.{last}"), "b.test."))
            for _ in range(3):
                found = server.ask("m.test.", "MX", transport=transport).additional
                assert lines(found) == [f"a.b.test. 60 A 192.0.2.{last}"]


def test_the_same_commit_read_anew_keeps_the_cache() -> None:
    server = Server(zone())
    for _ in range(3):
        server.ask("a.test.")
    server.serve(zone())
    assert server.responder.cache


def test_zones_come_and_go() -> None:
    server = Server(zone(), zone(origin="b.test."))
    for _ in range(3):
        assert lines(server.ask("a.b.test.").answer)
    server.serve(zone())
    assert server.ask("a.b.test.").rcode() == dns.rcode.NXDOMAIN
    server.serve()
    assert server.ask("a.b.test.").rcode() == dns.rcode.REFUSED
    assert not server.responder.cache


def client(subnet: int, host: int = 1) -> bytes:
    return bytes((10, subnet // 256, subnet % 256, host))


def test_canary_splits_by_subnet() -> None:
    main, other = zone(), zone("a TXT new\n", serial=2)
    server = Server()
    server.responder.replace_zones({main.apex: ServedZone(main, Canary(other, 25, "salt"))})
    serials = {
        subnet: {server.ask("test.", "SOA", client=client(subnet, host)).answer[0][0].serial for host in range(3)}
        for subnet in range(400)
    }
    assert all(len(seen) == 1 for seen in serials.values())
    assert 60 < sum(seen == {2} for seen in serials.values()) < 140
    assert not server.responder.cache
    for subnet, seen in serials.items():
        assert (bucket(client(subnet), "salt") < 25) == (seen == {2})
    server.serve(main)
    assert {server.ask("test.", "SOA", client=client(n)).answer[0][0].serial for n in range(50)} == {1}


def test_canary_bucket_is_stable() -> None:
    """Golden: a share of clients must not move to the other side with an upgrade."""
    assert [bucket(bytes((192, 0, 2, 1)), ""), bucket(bytes((192, 0, 2, 1)), "x")] == [GOLDEN_V4, GOLDEN_X]
    assert bucket(bytes(10) + b"\xff\xff" + bytes((192, 0, 2, 99)), "") == GOLDEN_V4
    v6 = bytes.fromhex("20010db800010002") + bytes(8)
    assert bucket(v6, "") == bucket(v6[:6] + bytes(10), "") == GOLDEN_V6


GOLDEN_V4, GOLDEN_X, GOLDEN_V6 = 82, 97, 7


def test_a_corrupt_store_is_servfail_and_counted() -> None:
    broken = zone()
    broken.corrupt.add(OwnerKey(b"a\0"))
    server = Server(broken)
    for _ in range(2):
        assert server.ask("a.test.").rcode() == dns.rcode.SERVFAIL
    assert server.ask("test.", "SOA").rcode() == dns.rcode.NOERROR
    assert server.stats[stats.CORRUPT] == 2
    assert len(server.errors) == 1


def test_a_corrupt_view_falls_back_to_the_tree() -> None:
    broken = zone()
    broken.corrupt.add(OwnerKey(b"a\0"))
    server = Server()
    server.responder.replace_zones({broken.apex: ServedZone(broken, fallback=zone())})
    for _ in range(3):
        assert lines(server.ask("a.test.").answer) == ["a.test. 60 A 192.0.2.1"]
    assert server.stats[stats.CORRUPT] == 1
    assert len(server.errors) == 1


class Failing(DictVersion):
    def at(self, owner: OwnerKey) -> bytes | None:
        raise ZeroDivisionError(owner)


def test_an_unexpected_error_is_servfail_and_logged_once() -> None:
    good = zone()
    server = Server(Failing(good.apex, 1, good.rrsets))
    for i in range(5):
        response = server.ask(f"n{i}.test.")
        assert response.rcode() == dns.rcode.SERVFAIL
        assert not response.flags & dns.flags.AA
    assert [type(error) for error in server.errors] == [ZeroDivisionError]


def test_counts_by_type_and_rcode() -> None:
    server = Server(zone())
    server.ask("a.test.", "AAAA")
    server.ask("no.test.", "TYPE999")
    server.ask("elsewhere.", "MX")
    server.raw(b"short")
    server.raw(b"\0\0\x80" + b"\0" * 9)
    counted = {(s.name, s.labels): server.stats[s.slot] for s in stats.SERIES if server.stats[s.slot]}
    queries = "zonegit_dns_queries_total"
    requests = (("zone", "none"), ("proto", "udp"), ("family", "ipv4"))
    (of_zone,) = zone_counts(server.stats, tuple(Transport))
    answers = {stats.SERIES[slot].labels: count for slot, count in enumerate(of_zone.answers) if count}
    assert answers == {
        (("qtype", "AAAA"), ("rcode", "NOERROR")): 1,
        (("qtype", "other"), ("rcode", "NXDOMAIN")): 1,
    }
    assert counted == {
        (queries, (("qtype", "MX"), ("rcode", "REFUSED"))): 1,
        ("zonegit_dns_requests_total", requests): 3,
        ("zonegit_dns_dropped_total", (("reason", "short"),)): 1,
        ("zonegit_dns_dropped_total", (("reason", "response"),)): 1,
    }


def test_every_slot_has_its_series() -> None:
    assert sorted(series.slot for series in stats.SERIES) == list(range(stats.FIXED))
    assert len({(series.name, series.labels) for series in stats.SERIES}) == stats.FIXED
    assert stats.query_slot(1, Rcode.BADVERS) != stats.query_slot(2, Rcode.NOERROR)
    assert len({stats.request_slot(transport, bytes(size)) for transport in Transport for size in (4, 16)}) == 6


def test_takes_clients_of_both_families() -> None:
    responder = Responder(Options(), [0] * stats.SLOTS)
    for address in (CLIENT, bytes(15) + b"\1"):
        assert responder.respond(make_query("x.").to_wire(), Requestor(address, Transport.UDP)) is not None
