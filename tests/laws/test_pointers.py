"""The law of compression: whatever a zone holds, no name of any message needs more than eight pointers, and what is
read from a message is what was put into it (RFC 1035 §4.1.4)."""

from collections.abc import Iterable
from itertools import pairwise

from dns.rdatatype import RdataType
from hypothesis import example, given
from hypothesis import strategies as st

from dnskit import CLIENT, DictVersion, Server, make_query, version
from wirekit import Record, decode
from zonegit.dns.access.requestor import NOBODY, Requestor
from zonegit.dns.lookup.resolve import resolve
from zonegit.dns.options import Options
from zonegit.dns.transfer.options import TransferOptions
from zonegit.dns.wire.message import Transport
from zonegit.dns.wire.name_table import MOST_POINTERS
from zonegit.dns.wire.response import Draft
from zonegit.dns.wire.rrsets import Part, rdata_of, split, ttl_of
from zonegit.dns.zone.served_zones import Changes, FixedSource, ServedZones
from zonegit.dns.zone.zone_state import ServedZone
from zonegit.errors import CorruptStore
from zonegit.model.names import WireName, absolute, from_text, key_owner, to_text
from zonegit.model.rdata import SOA

SIBLINGS = "$TTL 60\n@ SOA a.c f 7 2 3 4 5\n@ NS ns\na.c A 192.0.2.1\n" + "".join(
    f"f NS {'a.' * depth}c\n" for depth in range(1, 17)
)
GROWING = "@ IN SOA ns h 7 2 3 4 5\n@ NS ns\nh DNAME x.h\n"
KINDS = {"A": "A 192.0.2.1", "TXT": "TXT x"} | {
    kind: f"{kind} {before}{{target}}"
    for kind, before in {"CNAME": "", "DNAME": "", "NS": "", "PTR": "", "MX": "1 ", "SRV": "1 2 3 "}.items()
}
nested = st.builds(
    lambda labels, top: ".".join([*labels, top]),
    st.lists(st.sampled_from(["a", "b"]), max_size=14),
    st.sampled_from(["c", "d", "e"]),
)


@st.composite
def ladders(draw: st.DrawFn) -> list[tuple[str, str, str]]:
    """Owner, type and target of records, each of which has a name one label longer than the record before."""
    label, top = draw(st.sampled_from(["a", "b"])), draw(st.sampled_from(["c", "d"]))
    rungs = [".".join([label] * step + [top]) for step in range(draw(st.integers(2, 24)))]
    kind = draw(st.sampled_from(["CNAME", "NS", "PTR", "MX", "TXT"]))
    owner = draw(st.sampled_from(["f", "g", None]))
    return [(owner or rung, kind, longer) for rung, longer in pairwise(rungs)] + [
        (rung, "A", "") for rung in draw(st.lists(st.sampled_from(rungs), max_size=6))
    ]


@st.composite
def hostile_zones(draw: st.DrawFn) -> str:
    """A zone of names nested in each other, in owners and in RDATA, that lead to each other and back."""
    found = draw(ladders())
    found += draw(st.lists(st.tuples(nested, st.sampled_from(list(KINDS)), nested), max_size=8))
    if draw(st.booleans()):
        found.append(("h", "DNAME", draw(st.sampled_from(["x.h", "x.x.x.h", "c"]))))
    aliases = {owner: target for owner, kind, target in found if kind == "CNAME"}
    redirections = {owner: target for owner, kind, target in found if kind == "DNAME"}
    found = [each for each in found if each[0] not in aliases and each[1] != "DNAME"]
    found += [(owner, "CNAME", target) for owner, target in aliases.items()]
    found += [(owner, "DNAME", target) for owner, target in redirections.items() if owner not in aliases]
    soa = f"@ IN SOA {found[-1][0]} {found[0][0]} 7 2 3 4 5"
    lines = [f"{owner} {KINDS[kind].format(target=target)}" for owner, kind, target in found]
    return "\n".join(["$TTL 60", soa, "@ NS ns", *lines, ""])


def questions(zone: DictVersion) -> Iterable[str]:
    for name in {to_text(absolute(key_owner(key), zone.apex)) for key in zone.blocks}:
        yield from (name, f"q.{name}", f"a.a.{name}")


def records(parts: Iterable[Part]) -> list[Record]:
    return [Record(owner, rtype, ttl_of(rr), rdata_of(rr)) for owner, rtype, _, rrs in parts for rr in split(rrs)]


def fail(error: CorruptStore) -> None:
    raise error


@given(hostile_zones(), st.sampled_from(["A", "NS", "MX", "PTR", "TXT", "SOA", "SRV"]), st.booleans())
@example(GROWING, "A", True)
@example(SIBLINGS, "A", False)
def test_names_of_answers_need_few_pointers_and_read_back(text: str, rtype: str, edns: bool) -> None:
    """Over TCP all that was put in; over UDP the same but for additional records, or nothing and TC."""
    zone = version(text, "t.")
    server = Server(zone)
    zones = ServedZones(fail)
    zones.serve(FixedSource({zone.apex: ServedZone(zone)}), Changes(anything=True))
    for name in questions(zone):
        packet = make_query(name, rtype, edns=edns).to_wire()
        draft = Draft(WireName(from_text(name)), int(RdataType.from_text(rtype)), do=False, sender=NOBODY)
        found = zones.by_apex.get(zone.apex)
        assert found is not None
        resolve(zones, found, draft)
        whole = server.raw(packet, Transport.TCP)
        assert whole is not None
        over_tcp = decode(whole)
        assert over_tcp.sections[0] == records(draft.answer)
        assert over_tcp.sections[1] == records(draft.authority)
        assert over_tcp.sections[2] == records(draft.glue) + records(draft.additional)
        assert over_tcp.pointers <= MOST_POINTERS
        for _ in range(3):  # by the slow path, and by the shortcuts once they have learnt
            short = server.raw(packet)
            assert short is not None
            over_udp = decode(short)
            assert over_udp.pointers <= MOST_POINTERS
            if not over_udp.truncated:
                assert over_udp.sections[:2] == over_tcp.sections[:2]
                assert set(over_udp.sections[2]) <= set(over_tcp.sections[2])


@given(hostile_zones())
@example(GROWING)
def test_names_of_transfers_need_few_pointers_and_read_back(text: str) -> None:
    zone = version(text, "t.")
    server = Server(zone, options=Options(transfers=TransferOptions(runs=lambda _: zone.runs())))
    messages = server.responder.transfer(
        make_query("t.", "AXFR", edns=False).to_wire(), Requestor(CLIENT, Transport.TCP)
    )
    decoded = [decode(message) for message in messages or () if message]
    assert max(each.pointers for each in decoded) <= MOST_POINTERS
    sent = [record for each in decoded for record in each.sections[0]]
    expected = {
        Record(absolute(rrset.owner, zone.apex), rrset.rtype, rrset.ttl, rdata)
        for rrset in zone.rrsets
        for rdata in rrset.rdatas
    }
    assert sent[0] == sent[-1]
    assert {record for record in sent if record.rtype != SOA} == {
        record for record in expected if record.rtype != SOA
    }
