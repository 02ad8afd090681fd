"""The laws of the canonical merge, and that it agrees with a model of the rules.

`ZONEGIT_MERGES=10000` has the model compared on as many histories.
"""

import os
from collections import Counter
from itertools import permutations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import headskit
from headsgrow import APEX, Fleet
from headskit import NS, NS_KEY, A, Zone
from zonegit.errors import Refused
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import parse_apex
from zonegit.repo import canonical
from zonegit.repo.canonical import is_canonical, merge_tips, reconcile, seq_of
from zonegit.repo.merge_history import MergeHistory
from zonegit.repo.serials import ROUND, count_up, is_ahead, next_seq
from zonegit.tree import version
from zonegit.tree.merge_heads import RULES
from zonegit.zonefile.check import check_entries
from zonegit.zonefile.findings import Severity

HISTORIES = int(os.environ.get("ZONEGIT_MERGES", "300"))
FEW_RECORDS = 5


def grown(seed: int, steps: int = 20) -> Fleet:
    fleet = Fleet(seed, nodes=2 + seed % 4)
    fleet.grow(steps)
    return fleet


def test_it_agrees_with_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """`Fleet.merge` compares each merge; every third history is of small names, so that they get too large."""
    told: Counter[str] = Counter()
    for seed in range(HISTORIES):
        most = 1024 if seed % 3 else FEW_RECORDS
        monkeypatch.setattr(version, "MAX_RECORDS", most)
        fleet = Fleet(seed, 2 + seed % 5, most)
        try:
            fleet.grow(20)
            fleet.merge(fleet.tips)
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise
        told += fleet.told
    assert told.keys() == RULES.keys()


@pytest.mark.parametrize("seed", range(3))
def test_more_than_sixteen_heads_agree_with_the_model(seed: int) -> None:
    fleet = Fleet(seed, nodes=4)
    fleet.grow(6)
    base = fleet.merge(fleet.tips)
    tips = [fleet.commit([base], fleet.changed(fleet.model.made[base].zone)) for _ in range(17 + 14 * seed)]
    tips += [fleet.commit([base], {}, dead=True), fleet.commit((), fleet.zone()), *fleet.tips]
    fleet.rng.shuffle(tips)
    whole = fleet.merge(tips)
    assert fleet.model.users(whole) == fleet.model.users(*tips)
    assert fleet.model.made[whole].seq == fleet.model.seq(fleet.model.heads(tips))
    fleet.rng.shuffle(tips)
    assert fleet.merge([fleet.merge(tips[:20]), fleet.merge(tips[20:])]) == whole
    _each_is_canonical(fleet)


def _each_is_canonical(fleet: Fleet) -> None:
    history = MergeHistory(fleet.objects.nodes)
    for oid, made in fleet.model.made.items():
        if not made.is_user:
            assert is_canonical(history, oid, Commit.decode(fleet.objects.get(oid)))


@pytest.mark.parametrize("seed", range(40))
def test_the_order_of_tips_does_not_count_and_merging_again_changes_nothing(seed: int) -> None:
    fleet = grown(seed)
    merged = merge_tips(fleet.objects.nodes, fleet.tips)
    for order in list(permutations(fleet.tips))[:24]:
        assert merge_tips(fleet.objects.nodes, order) == merged
    fleet.take(merged)
    for tip in [*fleet.tips, merged.tip]:
        assert reconcile(fleet.objects.nodes, merged.tip, tip).tip == merged.tip
        assert reconcile(fleet.objects.nodes, tip, merged.tip).tip == merged.tip
    _each_is_canonical(fleet)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_order_of_syncs_all_come_to_the_same_commit(seed: int) -> None:
    """Pairs that meet at random end where one merge of all ends; equal user commits are equal tips all along."""
    fleet = grown(seed)
    whole = fleet.merge(fleet.tips)
    rng = Random(seed)
    tips = list(fleet.tips)
    for _ in range(200):
        if set(tips) == {whole}:
            break
        one, other = rng.sample(range(len(tips)), 2)
        merged = reconcile(fleet.objects.nodes, tips[one], tips[other])
        fleet.take(merged)
        tips[one] = merged.tip
        by_users = {fleet.model.users(tip): tip for tip in tips}
        assert len(by_users) == len(set(tips))
    assert set(tips) == {whole}


@pytest.mark.parametrize("seed", range(60))
def test_the_serial_of_a_node_rises_with_what_it_serves(seed: int) -> None:
    fleet = Fleet(seed, nodes=3)
    for _ in range(40):
        before = list(fleet.tips)
        fleet.step()
        for old, new in zip(before, fleet.tips, strict=True):
            was, now = fleet.model.made[old].seq, fleet.model.made[new].seq
            known, knows = fleet.model.users(old), fleet.model.users(new)
            assert known <= knows
            assert now >= headskit.counted(was, len(knows - known))
            assert old == new or is_ahead(now, was)
            assert now % headskit.ROUND
    assert seq_of(fleet.objects.nodes, fleet.tips) == fleet.model.seq(list(dict.fromkeys(fleet.tips)))


@pytest.mark.parametrize("seed", range(60))
def test_merges_of_valid_zones_are_valid_and_have_all_commits_as_ancestors(seed: int) -> None:
    fleet = grown(seed)
    merged = fleet.merge(fleet.tips)
    assert fleet.model.users(merged) == fleet.model.users(*fleet.tips)
    for oid, made in fleet.model.made.items():
        if not made.is_dead:
            content = fleet.content(Commit.decode(fleet.objects.get(oid)))
            found = check_entries(parse_apex(APEX), list(content.items()))
            assert [each for each in found if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("revived", [False, True])
@pytest.mark.parametrize("seed", range(60))
def test_what_one_side_alone_changed_or_removed_is_so_in_the_merge(seed: int, revived: bool) -> None:
    """RRset by RRset, whatever its kind, unless a rule that spans RRsets took it away.

    `revived`: one side had removed the zone, and a change that this hadn't seen, or `restore`, brought it back.
    """
    fleet = Fleet(seed, nodes=2)
    fleet.grow(seed % 12)
    base = fleet.merge(fleet.tips)
    if fleet.model.made[base].is_dead:
        return
    tips = [base, base]
    if revived:
        zone = fleet.model.made[base].zone
        removed = fleet.commit([base], {}, dead=True)
        back = [removed, fleet.commit([base], fleet.changed(zone))]
        tips[seed % 2] = fleet.merge(back) if seed % 3 else fleet.commit([removed], zone)
    for _ in range(4):
        for at in range(2):
            tips[at] = fleet.commit([tips[at]], fleet.changed(fleet.model.made[tips[at]].zone))
    made = fleet.model.made
    expected = fleet.model.merged(sorted(tips))
    fleet.merge(tips)
    before, mine, theirs = (made[oid].zone for oid in (base, *tips))
    touched = [_touched_since(fleet, tip, base) for tip in tips]
    for key in before.keys() | mine.keys() | theirs.keys():
        if expected.rules.get(key, "both-changed") == "both-changed":
            if key not in touched[1]:
                assert expected.zone.get(key) == mine.get(key)
            if key not in touched[0]:
                assert expected.zone.get(key) == theirs.get(key)


def _touched_since(fleet: Fleet, tip: ObjectId, base: ObjectId) -> set[headskit.Key]:
    model = fleet.model
    commits = model.users(tip) - model.users(base)
    return {key for oid in commits for key, _ in model.touched(oid)}


@pytest.mark.parametrize("seed", range(60))
def test_no_automatic_merge_undoes_what_somebody_decided(seed: int) -> None:
    """Who had seen all other changes of an RRset has the last word, until somebody changes it again."""
    fleet = grown(seed)
    whole = fleet.merge(fleet.tips)
    model = fleet.model
    every = model.users(whole)
    spanning = {
        key
        for made in model.made.values()
        if not made.is_user
        for key, rule in model.merged(made.parents).rules.items()
        if rule not in ("both-changed", "removed")
    }
    if any(made.is_dead for made in model.made.values()):
        return
    for key in {key for oid in every for key, _ in model.touched(oid)} - spanning:
        touching = {oid for oid in every if (key, "any") in model.touched(oid)}
        for oid in touching:
            if touching <= model.reached[oid]:
                assert model.made[whole].zone.get(key) == model.made[oid].zone.get(key)


def test_a_dname_that_a_delegation_hid_yields_once_that_is_gone() -> None:
    """Neither side touched the DNAME, nor the name below it: together they took the last NS record above away."""
    fleet = Fleet(4, nodes=1)
    [first] = fleet.tips
    apex = {key: value for key, value in fleet.model.made[first].zone.items() if key[1] in (headskit.SOA, NS)}
    hidden: Zone = {("x.a", headskit.DNAME): (60, frozenset({(1,)})), ("z.x.a", A): (60, frozenset({(1,)}))}
    servers: list[Zone] = [{("a", NS): (60, frozenset(left))} for left in ([(1,), (2,)], [(1,)], [(2,)])]
    [base, *sides] = [
        {key: value for key, value in apex.items() if key[0] == "@"} | hidden | each for each in servers
    ]
    begun = fleet.commit([first], base)
    merged = fleet.merge([fleet.commit([begun], side) for side in sides])
    assert fleet.told == Counter({"dname": 1})
    assert hidden.keys() & fleet.model.made[merged].zone.keys() == {("z.x.a", A)}


def test_a_tombstone_wins_over_what_it_had_seen() -> None:
    fleet = Fleet(1, nodes=1)
    [base] = fleet.tips
    zone = fleet.model.made[base].zone
    removed = fleet.commit([base], {}, dead=True)
    assert fleet.merge([base, removed]) == removed
    changed = fleet.commit([base], {**zone, ("new", A): (300, frozenset({(9,)}))})
    alive = fleet.merge([removed, changed])
    assert fleet.model.made[alive].zone == fleet.model.made[changed].zone
    assert fleet.told == Counter({"removed": 1})
    begun: Zone = {headskit.SOA_KEY: zone[headskit.SOA_KEY], headskit.NS_KEY: (60, frozenset({(4,)}))}
    anew = fleet.commit([removed], begun)
    found = fleet.merge([anew, changed])
    assert fleet.model.made[found].zone == {**begun, ("new", A): (300, frozenset({(9,)}))}


def test_a_zone_that_somebody_begins_anew_is_compared_with_what_was_removed() -> None:
    """Through tombstones on tombstones, a merge of them, and by a merge by hand; a first tombstone was empty."""
    fleet = Fleet(5, nodes=1)
    [base] = fleet.tips
    apex = {key: value for key, value in fleet.model.made[base].zone.items() if key in (headskit.SOA_KEY, NS_KEY)}
    one, two, three = (frozenset({(number,)}) for number in (1, 2, 3))
    begun = fleet.commit([base], {**apex, ("a", A): (60, one), ("b", A): (60, one)})
    again = fleet.commit([fleet.commit([begun], {}, dead=True)], {}, dead=True)
    more = fleet.commit([begun], {**fleet.model.made[begun].zone, ("x.a", A): (60, one)})
    stone = fleet.merge([again, fleet.commit([more], {}, dead=True)])
    laptop = fleet.commit([more], {**fleet.model.made[more].zone, ("b", A): (60, two), ("y.a", A): (60, two)})
    for parents in ([stone], [stone, fleet.commit((), {}, dead=True)]):
        anew = fleet.commit(parents, {**apex, ("b", A): (60, one)})
        zone = fleet.model.made[fleet.merge([anew, laptop])].zone
        expected = {**apex, ("b", A): (60, two), ("y.a", A): (60, two)}
        if len(parents) > 1:
            expected["b", A] = (60, one | two)
        assert zone == expected
    by_hand = fleet.commit([stone, laptop], {**apex, ("b", A): (60, three)})
    other = fleet.commit([laptop], {**fleet.model.made[laptop].zone, ("a", headskit.TXT): (60, one)})
    expected = {**apex, ("b", A): (60, three), ("a", headskit.TXT): (60, one)}
    assert fleet.model.made[fleet.merge([by_hand, other])].zone == expected


def test_a_zone_on_top_of_too_many_removals_is_refused() -> None:
    fleet = Fleet(3, nodes=1)
    [base] = fleet.tips
    zone = fleet.model.made[base].zone
    other = fleet.commit([base], {**zone, ("new", A): (60, frozenset({(1,)}))})
    stone = base
    for _ in range(127):
        stone = fleet.commit([stone], {}, dead=True)
    fleet.merge([fleet.commit([stone], zone), other])
    begun = fleet.commit([fleet.commit([stone], {}, dead=True)], zone)
    with pytest.raises(Refused, match="recreated on top of more than 128 removals"):
        merge_tips(fleet.objects.nodes, [begun, other])


def test_too_many_heads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "MAX_HEADS", 3)
    fleet = Fleet(3, nodes=1)
    tips = [fleet.commit(fleet.tips, fleet.zone()) for _ in range(4)]
    fleet.merge(tips[:3])
    with pytest.raises(Refused, match="has 4 concurrent heads, and at most 3 are merged"):
        merge_tips(fleet.objects.nodes, tips)


def test_too_many_changes_are_refused_counted_for_each_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canonical, "MAX_CHANGES", 40)
    fleet = Fleet(3, nodes=1)
    [base] = fleet.tips
    zone = fleet.model.made[base].zone
    rows = {(f"a{at}", A): (60, frozenset({(1,)})) for at in range(10)}
    other = fleet.commit([base], {**zone, ("new", A): (60, frozenset({(1,)}))})
    tip = base
    for at in range(4):
        tip = fleet.commit([tip], {**zone, **(rows if at % 2 == 0 else {})})
    top = fleet.commit([tip], {**zone, **rows})
    with pytest.raises(Refused, match="changed more than 44 RRsets"):
        merge_tips(fleet.objects.nodes, [top, other])
    fleet.merge([fleet.commit([base], {**zone, **rows}), other])


@given(st.one_of(st.integers(0, 9), st.integers(ROUND - 9, ROUND + 9), st.integers(5 * ROUND - 9, 5 * ROUND + 9)))
def test_counting_up_is_taking_the_next_number_again_and_again(seq: int) -> None:
    expected = seq
    for steps in range(20):
        assert count_up(seq, steps) == expected
        expected = next_seq(expected)


def test_two_tombstones_are_one() -> None:
    fleet = Fleet(2, nodes=1)
    tips = [fleet.commit(fleet.tips, fleet.changed(fleet.model.made[fleet.tips[0]].zone)) for _ in range(2)]
    removed = [fleet.commit([tip], {}, dead=True) for tip in tips]
    assert fleet.model.made[fleet.merge(removed)].is_dead
    assert not fleet.told
