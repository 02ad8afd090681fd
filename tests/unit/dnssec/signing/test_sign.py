"""Whole zones signed: what is signed and what isn't, what is refused, and what the next version costs."""

from collections.abc import Iterator

import dns.name
import dns.rdata
import dns.rdataclass
import dns.zone
import pytest

from chainkit import SHAPE, changed, entries_in, key_of, text_of, zone_of
from checkkit import ZONE
from dnssec import KSK, NOW, ZSK, MemorySigner, plan_of, signing_key
from treekit import Objects
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.rrsig import made_by
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.errors import DnssecError
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import OwnerKey, key_owner
from zonegit.model.node import Leaf, is_stub, stub_target
from zonegit.model.rdata import AAAA, CDS, DNSKEY, DS, NS, NSEC, NSEC3PARAM, RRSIG, SOA, TXT, ZONEMD, A
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, rdatas, rr_key, served_soa
from zonegit.tree.build import Built
from zonegit.tree.zone_tree import Tree

CONTENT = """\
www A 192.0.2.1
www AAAA 2001:db8::1
*.wild TXT "any"
a.b.ent A 192.0.2.2
secure NS ns.secure
secure DS 1 15 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure A 192.0.2.3
insecure NS ns.insecure
insecure A 192.0.2.4
ns.insecure AAAA 2001:db8::2
away DNAME example.net.
below.away A 192.0.2.5
"""
SIGNED = {
    "@": {SOA, NS, NSEC, DNSKEY},
    "www": {A, AAAA, NSEC},
    "*.wild": {TXT, NSEC},
    "a.b.ent": {A, NSEC},
    "secure": {DS, NSEC},
    "ns.secure": set(),
    "insecure": {NSEC},
    "ns.insecure": set(),
    "away": {39, NSEC},
    "below.away": set(),
}


def plan(**changes: object) -> SigningPlan:
    return plan_of("example.com.", **changes)


def taken(tree: Tree, built: Built) -> Tree:
    source = tree.nodes.source
    assert isinstance(source, Objects)
    return Tree(tree.nodes, source.take(built).root)


def signed(tree: Tree, made: SigningPlan) -> Tree:
    return taken(tree, sign_zone(tree, SHAPE, made))


def put(name: str, rtype: int, *found: bytes, ttl: int = 300) -> tuple[RRKey, bytes]:
    owner = key_owner(key_of(name))
    return rr_key(key_of(name), rtype), RRset.of(owner, rtype, ttl, found).encode()


def rrsigs(tree: Tree, name: str) -> dict[int, bytes]:
    found = tree.payload(rr_key(key_of(name), RRSIG))
    return {made_by(rdata).covered: rdata for rdata in rdatas(found)} if found else {}


def tags(tree: Tree, name: str) -> dict[int, int]:
    """The tag of the key that signed each type."""
    return {rtype: made_by(rdata).tag for rtype, rdata in rrsigs(tree, name).items()}


def owners(tree: Tree) -> set[OwnerKey]:
    return {OwnerKey(key[:-3]) for key, _ in entries_in(tree)}


def test_rfc_4035_2_2_what_is_signed_and_what_is_not() -> None:
    tree = signed(zone_of(ZONE + CONTENT), plan())
    assert {text_of(owner): set(rrsigs(tree, text_of(owner))) for owner in owners(tree)} == SIGNED
    assert check_signatures(plan().apex, plan().serial, entries_in(tree), NOW) == []


@pytest.mark.parametrize("rtype", [RRSIG, NSEC, NSEC3PARAM, 50])
def test_a_zone_with_dnssec_records_of_its_own_is_refused(rtype: int) -> None:
    rdata = {RRSIG: bytes(18) + b"\0x", NSEC: b"\0\0\1\x40"}.get(rtype, b"\1\0\0\0\0")
    unsigned = zone_of(ZONE + CONTENT)
    with_it = changed(unsigned, dict([put("b.www", rtype, rdata)]))
    why = r"^example.com. can't be signed: it has \w+ records of its own, the first at b.www.example.com.; import"
    with pytest.raises(DnssecError, match=why):
        sign_zone(with_it, SHAPE, plan())
    with pytest.raises(DnssecError, match=why):
        sign_again(signed(unsigned, plan()), unsigned, with_it, SHAPE, plan())


def test_records_of_the_plan_stand_beside_those_of_the_zone() -> None:
    foreign = signing_key(15, ZSK, 9).dnskey
    delete = b"\0\0\0\0\0"
    elsewhere = dict([put("_signal.www", CDS, delete, ttl=7)])
    unsigned = changed(zone_of(ZONE + CONTENT), dict([put("@", DNSKEY, foreign, ttl=5)]))
    made = plan(cds=(delete,), cdnskeys=(plan().dnskeys), additions=elsewhere, dnskey_ttl=77)
    tree = signed(unsigned, made)
    dnskeys = RRset.decode(tree.at(key_of("@"))[DNSKEY])
    assert (dnskeys.ttl, set(dnskeys.rdatas)) == (77, {foreign, *made.dnskeys})
    assert set(rrsigs(tree, "@")) == SIGNED["@"] | {CDS, 60}
    assert set(rrsigs(tree, "_signal.www")) == {CDS, NSEC}
    assert check_signatures(made.apex, made.serial, entries_in(tree), NOW) == []
    without = signed(unsigned, plan())
    withdrawn = sign_again(tree, unsigned, unsigned, SHAPE, plan(), withdrawn=elsewhere)
    assert withdrawn.root == without.root


def test_a_change_signs_what_changed_and_the_soa() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    before = signed(unsigned, plan())
    key = signing_key(15, KSK, 4)
    later = plan(key=key, dnskeys=plan().dnskeys, dnskey_keys=plan().dnskey_keys, serial=9)
    after = changed(unsigned, dict([put("www", A, b"\1\2\3\4")]))
    tree = taken(unsigned, sign_again(before, unsigned, after, SHAPE, later))
    assert isinstance(key.signer, MemorySigner)
    assert key.signer.calls == [2]
    tags = {
        name: {rtype: made_by(rdata).tag for rtype, rdata in rrsigs(tree, name).items()} for name in ("@", "www")
    }
    old, new = tag_of(plan().dnskeys[0]), tag_of(key.dnskey)
    assert tags == {"@": {SOA: new, NS: old, NSEC: old, DNSKEY: old}, "www": {A: new, AAAA: old, NSEC: old}}


def test_another_ttl_is_signed_anew() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    before = signed(unsigned, plan())
    after = changed(unsigned, dict([put("www", A, b"\xc0\0\2\1", ttl=301)]))
    tree = taken(unsigned, sign_again(before, unsigned, after, SHAPE, plan()))
    assert rrsigs(tree, "www")[A][4:8] == (301).to_bytes(4, "big")
    assert rrsigs(tree, "www")[AAAA] == rrsigs(before, "www")[AAAA]
    assert check_signatures(plan().apex, plan().serial, entries_in(tree), NOW) == []


def test_a_new_delegation_takes_the_signatures_below_away() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    before = signed(unsigned, plan())
    cut = changed(unsigned, dict([put("ent", NS, b"\2ns\3www\0")]))
    tree = taken(unsigned, sign_again(before, unsigned, cut, SHAPE, plan()))
    assert rrsigs(tree, "a.b.ent") == {}
    assert NSEC not in tree.at(key_of("a.b.ent"))
    back = taken(unsigned, sign_again(tree, cut, unsigned, SHAPE, plan()))
    assert back.root == before.root


def test_other_keys_sign_dnskey_and_cds_at_once() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    before = signed(unsigned, plan(cds=(b"\0\0\0\0\0",)))
    ksk = signing_key(15, KSK, 5)
    after = plan(cds=(b"\0\0\0\0\0",), dnskey_keys=(ksk,))
    tree = taken(unsigned, sign_again(before, unsigned, unsigned, SHAPE, after))
    new, old = tag_of(ksk.dnskey), tag_of(plan().dnskeys[0])
    assert tags(tree, "@") == {SOA: old, NS: old, NSEC: old, DNSKEY: new, CDS: new}


def test_renewed_owners_get_all_their_signatures_anew() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    before = signed(unsigned, plan())
    later = plan(times=plan().times._replace(now=NOW + 1000))
    gone = key_of("nothing")
    tree = taken(unsigned, sign_again(before, unsigned, unsigned, SHAPE, later, [key_of("www"), gone]))
    assert rrsigs(tree, "www").keys() == rrsigs(before, "www").keys()
    assert not set(rrsigs(tree, "www").values()) & set(rrsigs(before, "www").values())
    assert rrsigs(tree, "*.wild") == rrsigs(before, "*.wild")


def test_a_change_of_one_record_costs_paths_and_not_the_zone() -> None:
    text = "".join(f"h{number} A 192.0.2.1\n" for number in range(3000))
    unsigned = zone_of(ZONE + text)
    source = unsigned.nodes.source
    assert isinstance(source, Objects)
    before = signed(unsigned, plan())
    after = changed(unsigned, dict([put("h1500", A, b"\1\2\3\4"), put("new", A, b"\1\2\3\4")]))
    source.reads = 0
    made = sign_again(before, unsigned, after, SHAPE, plan(serial=2))
    assert len(made.objects) < 120
    assert source.reads < 400


def test_rfc_8976_the_digest_covers_the_signed_zone_and_no_replaced_node_is_left() -> None:
    unsigned = zone_of(ZONE + CONTENT)
    made = plan(zonemd=True)
    built = sign_zone(unsigned, SHAPE, made)
    tree = taken(unsigned, built)
    assert ZONEMD in rrsigs(tree, "@")
    assert check_signatures(made.apex, made.serial, entries_in(tree), NOW) == []
    zone = dns.zone.Zone("example.com.", relativize=False)
    for owner, rtype, ttl, rdata in records(tree, made):
        name = dns.name.from_wire(owner, 0)[0]
        parsed = dns.rdata.from_wire(dns.rdataclass.IN, rtype, rdata, 0, len(rdata))
        zone.find_rdataset(name, parsed.rdtype, parsed.covers(), create=True).add(parsed, ttl)
    zone.verify_digest()
    assert {object_id(data) for data in built.objects} == reachable(tree)
    later = sign_again(tree, unsigned, unsigned, SHAPE, made._replace(serial=9))
    after = taken(unsigned, later)
    assert {object_id(data) for data in later.objects} == reachable(after) - reachable(tree)


def records(tree: Tree, made: SigningPlan) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Absolute owner, type, TTL and RDATA of each record as it is served."""
    for key, payload in entries_in(tree):
        rrset = RRset.decode(served_soa(payload, made.serial) if key == SOA_KEY else payload)
        for rdata in rrset.rdatas:
            yield rrset.owner + made.apex, rrset.rtype, rrset.ttl_of(rdata), rdata


def reachable(tree: Tree) -> set[ObjectId]:
    found, todo = set(), [tree.root]
    while todo:
        oid = todo.pop()
        found.add(oid)
        node = tree.nodes(oid)
        todo += [] if isinstance(node, Leaf) else node.children
        if isinstance(node, Leaf):
            found |= {stub_target(payload)[1] for payload in node.payloads if is_stub(payload)}
    return found


def test_a_zonemd_record_of_the_zone_is_replaced_or_refused() -> None:
    own = changed(zone_of(ZONE + CONTENT), dict([put("@", ZONEMD, bytes(4) + b"\1\1" + bytes(48))]))
    with pytest.raises(DnssecError, match=r"^example.com. can't be signed: it has a ZONEMD record of its own"):
        sign_zone(own, SHAPE, plan())
    without = zone_of(ZONE + CONTENT)
    assert sign_zone(own, SHAPE, plan(zonemd=True)).root == sign_zone(without, SHAPE, plan(zonemd=True)).root
