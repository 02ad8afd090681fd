"""What is proven of zones with thousands of signatures, which are verified in batches."""

from collections.abc import Sequence
from itertools import count

import pytest

from chainkit import SHAPE, changed, entries_in, key_of, zone_of
from checkkit import ZONE
from dnssec import NOW, plan_of, signing_key
from treekit import Objects
from zonegit.dnssec.keys import Signed, VerifyAll, key_tag, verify_all
from zonegit.dnssec.policy import Denial
from zonegit.dnssec.proof import faults
from zonegit.dnssec.signing.plan import SigningKey, SigningPlan
from zonegit.dnssec.signing.sign import sign_zone
from zonegit.model.names import APEX_KEY
from zonegit.model.rdata import DNSKEY, RRSIG
from zonegit.model.rrset import RRKey, record_count, rr_key
from zonegit.tree.zone_tree import Tree

NAMES = 1500
BY_DNSPYTHON = 2000
UNSIGNED = zone_of(ZONE + "".join(f"n{number:04} A 192.0.2.1\n" for number in range(NAMES)))
CSK = signing_key(15)


def plan(*published: SigningKey, denial: Denial = Denial.NSEC) -> SigningPlan:
    dnskeys = tuple(key.dnskey for key in published or (CSK,))
    return plan_of("example.com.", (published or (CSK,))[0], dnskeys=dnskeys, denial=denial)


def signed(made: SigningPlan, zone: Tree = UNSIGNED) -> Tree:
    source = zone.nodes.source
    assert isinstance(source, Objects)
    return Tree(zone.nodes, source.take(sign_zone(zone, SHAPE, made)).root)


def proven(tree: Tree, verify: VerifyAll = verify_all) -> list[str]:
    keys = tree.payload(rr_key(APEX_KEY, DNSKEY))
    assert keys is not None
    return faults(None, tree, plan().apex, plan().serial, NOW, [keys], verify)


def rrsigs(name: str) -> RRKey:
    return rr_key(key_of(name), RRSIG)


def with_wrong(tree: Tree, *names: str) -> Tree:
    """The zone with the last bit of the last signature of each name changed."""
    payloads = {rrsigs(name): tree.payload(rrsigs(name)) or b"" for name in names}
    return changed(tree, {key: payload[:-1] + bytes((payload[-1] ^ 1,)) for key, payload in payloads.items()})


@pytest.mark.parametrize("denial", list(Denial))
def test_a_wrong_signature_among_thousands_is_found(denial: Denial) -> None:
    right = signed(plan(denial=denial))
    assert proven(right) == []
    for names in (["n0001"], [f"n{NAMES - 1}"], ["n0000", "n0900", "n1400", "n1401"]):
        found = proven(with_wrong(right, *names))
        wrong = [fault.split(" ")[0] for fault in found if fault.endswith(f"by key {key_tag(CSK.dnskey)} is wrong")]
        assert wrong == [f"{name}.example.com." for name in names]
        lacking = [fault for fault in found if "lacks a valid signature of algorithm 15" in fault]
        assert len(lacking) == len(names)
        assert len(found) == 2 * len(names)


def test_signatures_beyond_the_first_are_verified_in_batches() -> None:
    asked: list[Signed] = []

    def verify(dnskey: bytes, some: Sequence[Signed]) -> list[bool]:
        assert dnskey == CSK.dnskey
        asked.extend(some)
        return verify_all(dnskey, some)

    tree = signed(plan())
    assert proven(tree, verify) == []
    total = sum(
        record_count(payload) for key, payload in entries_in(tree) if key.endswith(RRSIG.to_bytes(2, "big"))
    )
    assert len(asked) == total - BY_DNSPYTHON
    assert all(len(each.signature) == 64 for each in asked)


def test_small_zones_need_no_batch() -> None:
    def verify(dnskey: bytes, some: Sequence[Signed]) -> list[bool]:
        raise AssertionError("dnspython judges these")

    assert proven(signed(plan(), zone_of(ZONE)), verify) == []


def test_only_what_is_said_to_be_valid_is() -> None:
    tree = signed(plan())
    assert len(proven(tree, lambda _, some: [False] * len(some))) == 100, "faults that are listed"
    with pytest.raises(ValueError):
        proven(tree, lambda _, some: [True] * (len(some) - 1))


def test_two_keys_of_one_tag() -> None:
    """A signature has to be one by either of them."""
    by_tag: dict[int, SigningKey] = {}
    for number in count(100):
        key = signing_key(15, number=number)
        other = by_tag.setdefault(key_tag(key.dnskey), key)
        if other is not key:
            break
    tree = signed(plan(key, other))
    assert proven(tree) == []
    assert [fault.split(" ")[0] for fault in proven(with_wrong(tree, "n1400"))] == ["n1400.example.com."] * 2
