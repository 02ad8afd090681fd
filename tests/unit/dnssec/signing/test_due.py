"""Which signatures are due: the same whether nodes are remembered or not, and read only where something is due."""

from random import Random

import pytest

from dnssec import KSK, NOW, ZSK, plan_of, signing_key
from treekit import SHAPES, Objects
from zonegit.dnssec.policy import DAY
from zonegit.dnssec.private_key import tag_of
from zonegit.dnssec.signing import due
from zonegit.dnssec.signing.due import SignatureIndex, Signers, Summary
from zonegit.dnssec.signing.plan import BACKDATED, SigningKey, SigningPlan, Times
from zonegit.dnssec.signing.rrsig import ToSign, rrsig_rrsets
from zonegit.model.names import APEX, APEX_KEY, Owner, OwnerKey, join, owner_key
from zonegit.model.rdata import CDS, DNSKEY, RRSIG, TXT, A
from zonegit.model.rrset import RRKey, RRset, rr_key
from zonegit.tree.build import build
from zonegit.tree.edit import edit
from zonegit.tree.zone_tree import Tree

SHAPE = SHAPES[1]
FIRST, SECOND = signing_key(15, ZSK, 1), signing_key(15, ZSK, 2)
LATER = 30 * DAY


def signers(*keys: SigningKey) -> Signers:
    return frozenset((key.algorithm, tag_of(key.dnskey)) for key in keys)


def owner_of(number: int) -> Owner:
    return join([b"h%04d" % number])


def plan_at(now: int, *keys: SigningKey) -> SigningPlan:
    return plan_of(zone_keys=keys, times=Times(now, 14 * DAY, plan_of().apex))


def signed_owner(owner: Owner, plan: SigningPlan, types: tuple[int, ...] = (A, TXT)) -> dict[RRKey, bytes]:
    key = owner_key(owner)
    rrsets = [RRset.of(owner, rtype, 60 * rtype, [b"\3abc"]) for rtype in types]
    [rrsigs] = rrsig_rrsets([ToSign(key, [rrset.encode() for rrset in rrsets])], plan)
    assert rrsigs is not None
    return {**{rrset.key: rrset.encode() for rrset in rrsets}, rr_key(key, RRSIG): rrsigs}


def zone(count: int = 300) -> tuple[Objects, dict[RRKey, bytes], Tree]:
    entries: dict[RRKey, bytes] = {}
    for number in range(count):
        entries |= signed_owner(owner_of(number), plan_at(NOW, FIRST))
    objects = Objects()
    return objects, entries, Tree(objects.nodes, objects.take(build(SHAPE, sorted(entries.items()))).root)


def changed(tree: Tree, objects: Objects, changes: dict[RRKey, bytes]) -> Tree:
    return Tree(tree.nodes, objects.take(edit(tree.nodes, tree.root, SHAPE, changes.items())).root)


def index() -> SignatureIndex:
    return SignatureIndex(lambda: NOW)


def end(number: int, now: int = NOW) -> int:
    return plan_at(now).times.expiration(owner_key(owner_of(number)))


def keys_of(*numbers: int) -> list[OwnerKey]:
    return [owner_key(owner_of(number)) for number in numbers]


def test_a_summary_counts_signatures_and_finds_the_first_end_and_the_largest_ttl() -> None:
    _, _, tree = zone()
    first = min(map(end, range(300)))
    assert index().of(tree) == Summary(first, frozenset({signers(FIRST)}), 600, 60 * TXT, NOW - BACKDATED)
    empty = Objects()
    nothing = empty.take(build(SHAPE, []))
    assert index().of(Tree(empty.nodes, nothing.root)) == Summary(None, frozenset(), 0, 0)


def test_owners_whose_signatures_end_are_due_in_canonical_order() -> None:
    _, _, tree = zone()
    early = sorted(range(300), key=end)[:7]
    before = end(early[-1]) + 1
    assert index().due(tree, signers(FIRST), before, 1000) == keys_of(*sorted(early))
    assert index().due(tree, signers(FIRST), before - 10 * DAY, 1000) == []


def test_the_first_ones_are_given_up_to_a_number_of_signatures_and_one_at_least() -> None:
    _, _, tree = zone(10)
    assert index().due(tree, signers(FIRST), NOW + LATER, 1000) == keys_of(*range(10))
    assert index().due(tree, signers(FIRST), NOW + LATER, 7) == keys_of(0, 1, 2)
    assert index().due(tree, signers(FIRST), NOW + LATER, 1) == keys_of(0)


@pytest.mark.parametrize("made_by", [(SECOND,), (FIRST, SECOND)])
@pytest.mark.parametrize("wanted", [(FIRST,), (SECOND,), (FIRST, SECOND)])
def test_data_that_other_keys_sign_is_due(made_by: tuple[SigningKey, ...], wanted: tuple[SigningKey, ...]) -> None:
    objects, _, tree = zone(50)
    tree = changed(tree, objects, signed_owner(owner_of(7), plan_at(NOW, *made_by)))
    due = index().due(tree, signers(*wanted), NOW, 1000)
    others = [number for number in range(50) if number != 7 and wanted != (FIRST,)]
    assert due == keys_of(*sorted([*others, *([7] if wanted != made_by else [])]))
    assert index().of(tree).signers == {signers(FIRST), signers(*made_by)}


def test_the_keys_that_sign_dnskey_and_cds_are_none_of_the_data_s() -> None:
    ksk = signing_key(15, KSK, 3)
    plan = plan_at(NOW, FIRST)._replace(dnskey_keys=(ksk,))
    objects = Objects()
    entries = signed_owner(APEX, plan, (A, DNSKEY, CDS)) | signed_owner(Owner(b"\1a"), plan, (A, CDS))
    tree = Tree(objects.nodes, objects.take(build(SHAPE, sorted(entries.items()))).root)
    found = index().of(tree)
    assert (found.signers, found.signatures) == ({signers(FIRST)}, 5)
    assert index().due(tree, signers(FIRST), NOW, 100) == []
    assert index().due(tree, signers(FIRST), NOW + LATER, 100) == [APEX_KEY, owner_key(Owner(b"\1a"))]


def test_a_renewed_owner_is_not_due_again_and_the_next_version_costs_what_changed() -> None:
    objects, _, tree = zone()
    kept = index()
    kept.of(tree)
    rng = Random(5)
    for turn in range(20):
        numbers = rng.sample(range(300), rng.randint(1, 4))
        now = NOW + DAY * turn
        for number in numbers:
            tree = changed(tree, objects, signed_owner(owner_of(number), plan_at(now, SECOND)))
        objects.reads = 0
        found = kept.of(tree)
        assert objects.reads < len(objects.data) / 4
        assert found == index().of(tree)
        before = NOW + rng.randint(10, 30) * DAY
        assert kept.due(tree, signers(SECOND), before, 50) == index().due(tree, signers(SECOND), before, 50)
    renewed = signed_owner(owner_of(1), plan_at(NOW + LATER, FIRST))
    after = changed(tree, objects, renewed)
    later = SignatureIndex(lambda: NOW + LATER)
    assert keys_of(1)[0] not in later.due(after, signers(FIRST), NOW + LATER, 10_000)
    assert kept.due(after, signers(FIRST), 0, 1) == keys_of(1), "it isn't valid yet"


def test_nothing_due_reads_one_node_and_few_due_read_few() -> None:
    objects, _, tree = zone()
    kept = index()
    kept.of(tree)
    objects.reads = 0
    assert kept.due(tree, signers(FIRST), NOW, 10) == []
    assert objects.reads <= 10
    early = min(range(300), key=end)
    assert kept.due(tree, signers(FIRST), end(early) + 1, 10) == keys_of(early)
    assert objects.reads < len(objects.data) / 4


def test_signatures_in_an_object_of_their_own_are_counted() -> None:
    objects = Objects()
    many = tuple(range(1000, 1020))
    entries = signed_owner(owner_of(1), plan_at(NOW, FIRST), many)
    built = objects.take(build(SHAPE, sorted(entries.items())))
    assert len(entries[rr_key(owner_key(owner_of(1)), RRSIG)]) > 1024
    found = index().of(Tree(objects.nodes, built.root))
    assert found == Summary(end(1), frozenset({signers(FIRST)}), 20, 60 * 1019, NOW - BACKDATED)


def test_a_time_beyond_2106_is_read_in_its_cycle() -> None:
    late = (1 << 32) - 5
    objects = Objects()
    entries = signed_owner(owner_of(1), plan_at(late, FIRST))
    tree = Tree(objects.nodes, objects.take(build(SHAPE, sorted(entries.items()))).root)
    assert SignatureIndex(lambda: late).of(tree).first_end == end(1, late) > 1 << 32


def test_of_versions_long_ago_nothing_is_kept_and_of_the_present_ones_nothing_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(due, "_FEWEST", 1)
    objects, _, branch = zone()
    other = changed(branch, objects, signed_owner(b"\5other", plan_at(NOW, FIRST)))
    here = index()
    here.of(other)
    inner = len(here._known)
    for version in range(100):
        branch = changed(branch, objects, signed_owner(owner_of(version), plan_at(NOW + version, FIRST)))
        for tree in (branch, other):
            objects.reads = 0
            here.of(tree)
            assert objects.reads < len(objects.data) / 4
        assert here.of(branch) == index().of(branch)

    assert len(here._known) < 4 * inner
