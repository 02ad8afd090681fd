"""The law of signing: a version that continues another one is the one that is signed from scratch.

With Ed25519, which signs the same bytes always alike. `make dnssec` tries 2,000 sequences of each.
"""

from collections.abc import Collection
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from delegatedkit import Content, applied, random_changes, random_zone
from dnssec import KSK, NOW, ZSK, plan_of, signing_key
from treekit import SHAPES, Objects
from zonegit.dnssec.check import check_signatures
from zonegit.dnssec.policy import DAY, Denial
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing.due import SignatureIndex
from zonegit.dnssec.signing.plan import SigningPlan
from zonegit.dnssec.signing.sign import sign_again, sign_zone
from zonegit.model.names import OwnerKey, join
from zonegit.model.rdata import CDS
from zonegit.model.rrset import RRKey, RRset
from zonegit.tree.build import Built, build
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree

SHAPE = SHAPES[1]
KEY, OTHER, KSK_KEY = signing_key(15, KSK, 1), signing_key(15, ZSK, 2), signing_key(15, KSK, 3)

DENIALS = [*Denial]
ADDITIONS: list[tuple[RRKey, bytes]] = [
    (rrset.key, rrset.encode())
    for rrset in (
        RRset.of(join(labels), CDS, 60, [b"\0\0\0\0\0"])
        for labels in ([b"_dsboot", b"child", b"_signal", b"a"], [b"a", b"b"], [b"c"])
    )
]

denials = st.sampled_from(DENIALS)
seeds = st.integers(0, 2**32)


class Zone:
    """Where the versions of one zone are made and stored."""

    def __init__(self) -> None:
        self.objects = Objects()

    def unsigned(self, content: Content) -> Tree:
        return self._taken(build(SHAPE, content.items()))

    def signed(self, unsigned: Tree, plan: SigningPlan) -> Tree:
        return self._taken(sign_zone(unsigned, SHAPE, plan))

    def again(
        self,
        signed: Tree,
        shown: Tree,
        unsigned: Tree,
        plan: SigningPlan,
        renew: Collection[OwnerKey] = (),
        withdrawn: Collection[RRKey] = (),
    ) -> Tree:
        return self._taken(sign_again(signed, shown, unsigned, SHAPE, plan, renew, withdrawn))

    def _taken(self, built: Built) -> Tree:
        return Tree(self.objects.nodes, self.objects.take(built).root)


def listed(tree: Tree) -> list[tuple[RRKey, bytes]]:
    return list(entries(tree.nodes, tree.root))


def same(found: Tree, expected: Tree) -> None:
    """Equal roots; if they aren't, the entries tell what differs."""
    if found.root != expected.root:
        assert listed(found) == listed(expected)
        raise AssertionError("the same entries in another tree")


@given(denials, seeds)
def test_a_version_that_continues_another_is_that_from_scratch(denial: Denial, seed: int) -> None:
    rng, zone = Random(seed), Zone()
    content, plan = random_zone(rng), plan_of(denial=denial, zonemd=rng.random() < 0.3)
    shown = zone.unsigned(content)
    signed = zone.signed(shown, plan)
    for serial in range(rng.choice([1, 3, 6])):
        plan = plan._replace(serial=serial)
        content = applied(content, random_changes(rng, content))
        unsigned = zone.unsigned(content)
        signed = zone.again(signed, shown, unsigned, plan)
        same(signed, zone.signed(unsigned, plan))
        shown = unsigned


@given(denials, seeds)
def test_a_validator_finds_nothing_wrong(denial: Denial, seed: int) -> None:
    rng, zone = Random(seed), Zone()
    content, plan = random_zone(rng), plan_of(denial=denial, zonemd=rng.random() < 0.3)
    signed = zone.signed(zone.unsigned(content), plan)
    assert check_signatures(plan.apex, plan.serial, listed(signed), NOW) == []


def random_plan(rng: Random) -> SigningPlan:
    """A plan with the same key for the data, and anything for the rest."""
    others = {
        "dnskey_keys": rng.choice([(KEY,), (KSK_KEY,), (KEY, KSK_KEY)]),
        "dnskeys": rng.choice([(KEY.dnskey,), (KEY.dnskey, KSK_KEY.dnskey), (KEY.dnskey, OTHER.dnskey)]),
        "cds": rng.choice([(), (b"\0\0\0\0\0",), (b"\1\2\x0f\2" + bytes(32),)]),
        "cdnskeys": rng.choice([(), (KEY.dnskey,)]),
        "dnskey_ttl": rng.choice([60, 3600]),
        "denial": rng.choice(DENIALS),
        "zonemd": rng.random() < 0.3,
        "additions": dict(rng.sample(ADDITIONS, rng.choice([0, 0, 1, 2]))),
    }
    return plan_of(zone_keys=(KEY,), **others)


@given(seeds)
def test_so_it_is_when_the_plan_changes(seed: int) -> None:
    rng, zone = Random(seed), Zone()
    content, plan = random_zone(rng), random_plan(rng)
    shown = zone.unsigned(content)
    signed = zone.signed(shown, plan)
    for _ in range(3):
        before, plan = plan, random_plan(rng)
        content = applied(content, random_changes(rng, content))
        unsigned = zone.unsigned(content)
        withdrawn = before.additions.keys() - plan.additions.keys()
        signed = zone.again(signed, shown, unsigned, plan, withdrawn=withdrawn)
        same(signed, zone.signed(unsigned, plan))
        shown = unsigned


@given(denials, seeds)
def test_renewing_what_is_due_in_slices_ends_at_the_version_from_scratch(denial: Denial, seed: int) -> None:
    """After a change of keys and of times."""
    rng, zone = Random(seed), Zone()
    content, plan = random_zone(rng), plan_of(key=KEY, denial=denial)
    unsigned = zone.unsigned(content)
    signed = zone.signed(unsigned, plan)
    keys = rng.choice([(OTHER,), (KEY, OTHER)])
    times = plan.times._replace(now=NOW + rng.choice([0, 20]) * DAY)
    plan = plan._replace(zone_keys=keys, dnskeys=(KEY.dnskey, OTHER.dnskey), times=times, serial=1)
    wanted = frozenset((key.algorithm, tag_of(key.dnskey)) for key in keys)
    index = SignatureIndex(lambda: times.now)
    slices = 0
    while due := index.due(signed, wanted, times.now, most := rng.choice([1, 10, 100])):
        signed = zone.again(signed, unsigned, unsigned, plan, due)
        slices += 1
        assert slices * most < 10_000
    same(signed, zone.signed(unsigned, plan))
