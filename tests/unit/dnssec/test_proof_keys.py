"""What is proven before a version is published while keys change: validators may hold several DNSKEY RRsets."""

from chainkit import SHAPE, changed, entries_in, key_of, zone_of
from checkkit import ZONE
from dnssec import KSK, NOW, ZSK, plan_of, signing_key
from treekit import Objects
from zonegit.dnssec.proof import faults
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import DNSKEY, RRSIG, A
from zonegit.model.rrset import RRset, rr_key
from zonegit.tree.build import Built
from zonegit.tree.zone_tree import Tree

UNSIGNED = zone_of(ZONE + "www A 192.0.2.1\na.b.ent TXT deep\nsub NS ns.sub\nns.sub A 192.0.2.3\n")
K1, K2 = signing_key(15, KSK, 1), signing_key(15, KSK, 2)
Z1, Z2 = signing_key(15, ZSK, 3), signing_key(15, ZSK, 4)
OTHER = signing_key(13, KSK, 5)


def plan(
    serial: int, published: tuple[SigningKey, ...], zone: tuple[SigningKey, ...], *ksk: SigningKey
) -> SigningPlan:
    return plan_of(
        "example.com.",
        serial=serial,
        zone_keys=zone,
        dnskey_keys=ksk or (K1,),
        dnskeys=tuple(key.dnskey for key in published),
    )


def taken(tree: Tree, built: Built) -> Tree:
    source = tree.nodes.source
    assert isinstance(source, Objects)
    return Tree(tree.nodes, source.take(built).root)


def first(made: SigningPlan) -> Tree:
    return taken(UNSIGNED, sign_zone(UNSIGNED, SHAPE, made))


def after(old: Tree, made: SigningPlan, *, renewed: bool = False) -> Tree:
    renew = [key_of(name) for name in ("@", "www", "a.b.ent", "sub")] if renewed else []
    return taken(UNSIGNED, sign_again(old, UNSIGNED, UNSIGNED, SHAPE, made, renew))


def dnskeys(tree: Tree) -> bytes:
    found = tree.payload(rr_key(APEX_KEY, DNSKEY))
    assert found is not None
    return found


def proven(old: Tree | None, new: Tree, serial: int, *cached: Tree) -> list[str]:
    return faults(old, new, plan(1, (), ()).apex, serial, NOW, [dnskeys(tree) for tree in (new, *cached)])


def test_a_key_that_is_published_before_it_signs() -> None:
    one = first(plan(1, (K1, Z1), (Z1,)))
    assert proven(None, one, 1) == []
    two = after(one, plan(2, (K1, Z1, Z2), (Z1,)))
    assert proven(one, two, 2, one) == []
    three = after(two, plan(3, (K1, Z1, Z2), (Z2,)), renewed=True)
    assert proven(two, three, 3, two) == []
    four = after(three, plan(4, (K1, Z2), (Z2,)))
    assert proven(three, four, 4, three) == []


def test_a_key_that_signs_before_all_validators_have_it() -> None:
    one = first(plan(1, (K1, Z1), (Z1,)))
    new = after(one, plan(2, (K1, Z1, Z2), (Z2,)))
    lacks = "lacks a valid signature of algorithm 15 by a key of each DNSKEY RRset that validators may hold"
    assert any(lacks in fault for fault in proven(one, new, 2, one))
    assert proven(one, new, 2) == [], "no validator holds the old keys any more"


def test_a_key_that_is_withdrawn_while_its_signatures_are_left() -> None:
    one = first(plan(1, (K1, Z1, Z2), (Z1,)))
    new = after(one, plan(2, (K1, Z2), (Z2,)))  # which renews nothing but what changed
    found = proven(one, new, 2)
    assert any(fault.startswith("www.example.com. A: lacks a valid signature") for fault in found)


def test_another_key_that_signs_the_keys() -> None:
    """The parent's DS records name both (double DS): the DNSKEY RRset isn't validated with another one."""
    one = first(plan(1, (K1, Z1), (Z1,)))
    new = after(one, plan(2, (K2, Z1), (Z1,), K2))
    assert proven(one, new, 2, one) == []


def test_an_algorithm_comes_and_another_goes() -> None:
    """RFC 6781 §4.1.4: signatures come before their keys, and go after them."""
    one = first(plan(1, (K1,), (K1,)))
    two = after(one, plan(2, (K1,), (K1, OTHER)), renewed=True)
    assert proven(one, two, 2, one) == []
    three = after(two, plan(3, (K1, OTHER), (K1, OTHER), K1, OTHER))
    assert proven(two, three, 3, two) == []
    four = after(three, plan(4, (OTHER,), (K1, OTHER), OTHER))
    assert proven(three, four, 4, three) == []
    five = after(four, plan(5, (OTHER,), (OTHER,), OTHER), renewed=True)
    assert proven(four, five, 5, four) == []


def test_a_key_of_an_algorithm_that_nothing_is_signed_with() -> None:
    one = first(plan(1, (K1,), (K1,)))
    new = after(one, plan(2, (K1, OTHER), (K1,), K1, OTHER))
    assert any(fault.startswith("www.example.com. A: lacks a valid signature") for fault in proven(one, new, 2))


def test_signatures_that_came_before_their_key_are_verified_with_it() -> None:
    one = first(plan(1, (K1,), (K1,)))
    two = after(one, plan(2, (K1,), (K1, OTHER)), renewed=True)
    key = rr_key(key_of("www"), RRSIG)
    payload = two.payload(key)
    assert payload is not None
    records = [bytearray(rdata) for rdata in RRset.decode(payload).rdatas]
    for record in records:
        if record[2] == OTHER.algorithm:
            record[-1] ^= 1
    wrong = changed(two, {key: RRset.of(RRset.decode(payload).owner, RRSIG, 0, map(bytes, records)).encode()})
    assert proven(one, wrong, 2, one) == [], "nobody can verify them yet"
    three = after(wrong, plan(3, (K1, OTHER), (K1, OTHER), K1, OTHER))
    assert any(
        fault.startswith("www.example.com.") and "is wrong" in fault for fault in proven(wrong, three, 3, wrong)
    )


def test_other_keys_than_those_that_are_to_be_published() -> None:
    one = first(plan(1, (K1, Z1), (Z1,)))
    found = faults(None, one, plan(1, (), ()).apex, 1, NOW, [dnskeys(first(plan(1, (K1, Z2), (Z2,))))])
    assert "example.com. DNSKEY: not the records that are to be published" in found


def test_a_key_without_the_sep_flag_signs_the_keys() -> None:
    found = proven(None, first(plan(1, (K1, Z1), (Z1,), Z1)), 1)
    assert "example.com. DNSKEY: not signed by any key with the SEP flag, which DS records name" in found


def test_another_serial_than_the_one_that_is_signed() -> None:
    one = first(plan(7, (K1,), (K1,)))
    assert len(entries_in(one)) > 5
    assert any(fault.startswith("example.com. SOA: the signature") for fault in proven(None, one, 8))


def test_an_unchanged_signature_that_ends_soon_refuses_nothing() -> None:
    """A commit must not be held because renewal is late."""
    one = first(plan(1, (K1,), (K1,)))
    edited = changed(UNSIGNED, {rr_key(key_of("new"), A): RRset.of(b"\3new", A, 60, [b"\1\2\3\4"]).encode()})  # type: ignore[arg-type]
    later = plan(2, (K1,), (K1,))
    later = later._replace(times=later.times._replace(now=NOW + 13 * 86_400 + 80_000))
    two = taken(edited, sign_again(one, UNSIGNED, edited, SHAPE, later))
    assert faults(one, two, later.apex, 2, later.times.now, [dnskeys(two)]) == []
    assert faults(None, two, later.apex, 2, later.times.now, [dnskeys(two)]), "but alone it isn't accepted"
