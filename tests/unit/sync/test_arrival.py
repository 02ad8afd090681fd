"""What becomes of branches and tags that somebody else brings, by the zone's policy."""

import pytest

from arrivalkit import MAIN, arrive, carry, change, commit_at, nodes_with, outcomes, put, tip_of
from synckit import NET, ORG, WHO, commit, local_refs, move, names
from zonegit.errors import Conflict, InvalidData
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import Ref, RefKind
from zonegit.repo.diverged import diverged
from zonegit.repo.heads import is_automatic
from zonegit.repo.mirrors import mirror_setting
from zonegit.store.memory import MemoryStore
from zonegit.sync.arrival import Offer, land, plan
from zonegit.sync.policy import Policy

TAG = Ref(RefKind.TAG, ORG, "v1")
EVERY = pytest.mark.parametrize("policy", list(Policy))


def noted(store: MemoryStore) -> list[tuple[str, str, ObjectId, str, int]]:
    with store.read() as reader:
        return [(each.zone, each.branch, each.theirs, each.peer, each.rules) for each in diverged(reader)]


@EVERY
def test_what_is_ahead_is_taken_and_what_is_equal_stays(policy: Policy) -> None:
    one, two, _ = nodes_with()
    new = change(one, "www", 1)
    carry(one, two)
    assert outcomes(arrive(two, Offer(MAIN, new), policy=policy)) == [("updated", "")]
    assert tip_of(two) == new
    before = two.txn_id()
    arrival = arrive(two, Offer(MAIN, new), policy=policy)
    assert (outcomes(arrival), arrival.updates) == ([("unchanged", "")], ())
    assert two.txn_id() <= before + 1


@EVERY
def test_a_branch_and_a_zone_that_are_new_here_come_to_be(policy: Policy) -> None:
    one, two, _ = nodes_with()
    side = change(one, "www", 1, branch="side")
    other = commit(one, NET, names(NET, 3))
    carry(one, two)
    offers = [Offer(Ref(RefKind.HEAD, ORG, "side"), side), Offer(Ref(RefKind.HEAD, NET, "main"), other)]
    assert outcomes(arrive(two, *offers, policy=policy)) == [("updated", ""), ("updated", "")]
    assert local_refs(two) == local_refs(one)


def test_what_both_moved_is_refused_merged_or_held() -> None:
    one, two, _ = nodes_with()
    theirs, ours = change(one, "www", 1), change(two, "mail", 2)
    carry(one, two)
    refused = arrive(two, Offer(MAIN, theirs), policy=Policy.FF_ONLY)
    assert outcomes(refused) == [("refused", "not-fast-forward")]
    assert (tip_of(two), noted(two)) == (ours, [(ORG, "main", theirs, "laptop", 0)])
    merged = arrive(two, Offer(MAIN, theirs), policy=Policy.HOLD)
    assert (outcomes(merged), merged.results[0].rules) == ([("merged", "")], 0)
    tip = tip_of(two)
    assert tip == merged.results[0].tip
    assert tip is not None
    assert set(commit_at(two, tip).parents) == {ours, theirs}
    assert noted(two) == []


def test_hold_waits_where_the_sides_contradict_each_other() -> None:
    one, two, _ = nodes_with()
    first = change(one, "www", 1)
    carry(one, two)
    arrive(two, Offer(MAIN, first))
    theirs, ours = change(one, "www", 1, ttl=60), change(two, "www", 1, ttl=90)
    carry(one, two)
    held = arrive(two, Offer(MAIN, theirs), policy=Policy.HOLD)
    assert (outcomes(held), held.results[0].rules) == ([("held", "conflict")], 1)
    assert (tip_of(two), noted(two)) == (ours, [(ORG, "main", theirs, "laptop", 1)])
    later = change(one, "www", 1, ttl=70)
    carry(one, two)
    arrive(two, Offer(MAIN, later), policy=Policy.HOLD)
    assert noted(two) == [(ORG, "main", later, "laptop", 1)]
    merged = arrive(two, Offer(MAIN, later), policy=Policy.MERGE)
    assert (outcomes(merged), merged.results[0].rules, noted(two)) == ([("merged", "")], 1, [])


def test_ff_only_makes_no_merge_of_an_automatic_merge_either() -> None:
    one, two, base = nodes_with()
    theirs = change(one, "www", 1)
    change(two, "mail", 2)
    carry(one, two)
    arrive(two, Offer(MAIN, theirs), policy=Policy.MERGE)
    merged = tip_of(two)
    assert merged is not None and is_automatic(commit_at(two, merged))
    other = change(one, "ftp", 3)
    carry(one, two)
    refused = arrive(two, Offer(MAIN, other), policy=Policy.FF_ONLY)
    assert outcomes(refused) == [("refused", "not-fast-forward")]
    assert tip_of(two) == merged != base


def test_one_that_is_behind_takes_nothing_back() -> None:
    one, two, old = nodes_with()
    new = change(two, "www", 1)
    for policy, expected in (
        (Policy.MERGE, ("unchanged", "")),
        (Policy.HOLD, ("unchanged", "")),
        (Policy.FF_ONLY, ("refused", "behind")),
    ):
        assert outcomes(arrive(two, Offer(MAIN, old), policy=policy)) == [expected]
        assert (tip_of(two), noted(two)) == (new, [])
    assert one is not two


def test_ff_only_says_where_a_branch_moved_while_its_pusher_was_away() -> None:
    one, two, old = nodes_with()
    theirs = change(one, "www", 1)
    change(two, "mail", 2)
    carry(one, two)
    assert outcomes(arrive(two, Offer(MAIN, theirs, old), policy=Policy.FF_ONLY)) == [("refused", "moved")]
    move(two, ORG, "main", None)
    assert outcomes(arrive(two, Offer(MAIN, theirs, old), policy=Policy.FF_ONLY)) == [("refused", "moved")]
    assert tip_of(two) is None


def test_both_sides_come_to_the_same_and_then_nothing_moves() -> None:
    one, two, _ = nodes_with()
    mine, yours = change(one, "www", 1), change(two, "mail", 2)
    carry(one, two)
    carry(two, one)
    arrive(two, Offer(MAIN, mine))
    arrive(one, Offer(MAIN, yours))
    assert tip_of(one) == tip_of(two)
    third = change(one, "ftp", 3)
    carry(one, two)
    assert outcomes(arrive(two, Offer(MAIN, third), policy=Policy.FF_ONLY)) == [("updated", "")]


def test_a_larger_automatic_merge_is_ahead_of_a_smaller_one() -> None:
    one, two, base = nodes_with()
    left, right = change(one, "www", 1), change(two, "mail", 2)
    third, _, _ = nodes_with()
    more = change(third, "ftp", 3)
    for source in (one, third):
        carry(source, two)
    arrive(two, Offer(MAIN, left))
    small = tip_of(two)
    arrive(two, Offer(MAIN, more))
    large = tip_of(two)
    carry(two, one)
    assert small is not None and large is not None
    arrive(one, Offer(MAIN, right))
    assert tip_of(one) == small
    assert outcomes(arrive(one, Offer(MAIN, large), policy=Policy.FF_ONLY)) == [("updated", "")]
    assert outcomes(arrive(two, Offer(MAIN, small), policy=Policy.FF_ONLY)) == [("unchanged", "")]
    assert tip_of(one) == tip_of(two) == large
    assert base not in (small, large)


@EVERY
def test_a_forged_automatic_merge_is_refused(policy: Policy) -> None:
    one, two, old = nodes_with()
    mine, yours = change(one, "www", 1), change(two, "mail", 2)
    carry(one, two)
    honest = plan(two, [Offer(MAIN, mine)], lambda zone: Policy.MERGE, WHO.time)
    tip = honest.results[0].tip
    assert tip is not None
    put(two, *honest.objects)
    made = commit_at(two, tip)
    assert is_automatic(made)
    forged = made._replace(zone_root=commit_at(two, mine).zone_root).encode()
    later = made._replace(seq=made.seq + 1).encode()
    foreign = made._replace(extra=(("mergealg", "2"),)).encode()
    on_top = commit_at(two, mine)._replace(parents=(object_id(forged),), seq=9, generation=4).encode()
    put(two, forged, later, foreign, on_top)
    for data in (forged, later, foreign, on_top):
        for ref in (MAIN, TAG, Ref(RefKind.HEAD, ORG, "new")):
            found = arrive(two, Offer(ref, object_id(data)), policy=policy)
            assert outcomes(found) == [("refused", "forged-merge")]
    assert (tip_of(two), tip_of(two, TAG)) == (yours, None)
    assert outcomes(arrive(two, Offer(MAIN, tip), policy=policy)) == [("updated", "")]
    assert old != tip


@EVERY
def test_a_version_that_no_zone_may_have_is_refused(policy: Policy) -> None:
    one, two, _ = nodes_with()
    bad = commit(one, ORG, dict(list(names(ORG, 3).items())[1:]), branch="bad")
    on_top = commit(one, ORG, names(ORG, 5), branch="bad")
    carry(one, two)
    before = local_refs(two)
    for oid in (bad, on_top):
        for ref in (MAIN, TAG):
            assert outcomes(arrive(two, Offer(ref, oid), policy=policy)) == [("refused", "unfit")]
    assert local_refs(two) == before


@EVERY
def test_tags_come_once_and_never_move(policy: Policy) -> None:
    one, two, old = nodes_with()
    new = change(one, "www", 1)
    annotated = Tag(new, ORG, "v1", WHO, "first\n").encode()
    put(one, annotated)
    carry(one, two)
    assert outcomes(arrive(two, Offer(TAG, object_id(annotated)), policy=policy)) == [("updated", "")]
    assert outcomes(arrive(two, Offer(TAG, object_id(annotated)), policy=policy)) == [("unchanged", "")]
    assert outcomes(arrive(two, Offer(TAG, old), policy=policy)) == [("refused", "tag-differs")]
    assert tip_of(two, TAG) == object_id(annotated)


def test_what_is_mirrored_from_elsewhere_is_not_moved() -> None:
    one, two, old = nodes_with()
    new = change(one, "www", 1)
    carry(one, two)
    with two.write() as writer:
        writer.set_setting(mirror_setting(ORG), b"primary-1")
    [result] = arrive(two, Offer(MAIN, new)).results
    assert (result.outcome, result.reason, result.tip) == ("refused", "mirrored", old)
    assert "primary-1" in result.message


def test_what_is_not_here_is_missing_and_what_is_no_commit_of_the_zone_is_refused() -> None:
    one, two, old = nodes_with()
    new = change(one, "www", 1)
    assert outcomes(arrive(two, Offer(MAIN, new))) == [("missing", "missing")]
    other = commit(two, NET, names(NET, 2))
    for oid in (other, commit_at(two, old).zone_root):
        for ref in (MAIN, TAG):
            assert outcomes(arrive(two, Offer(ref, oid))) == [("refused", "wrong-object")]
    assert tip_of(two) == old


def test_a_zone_whose_name_no_mirror_could_hold_is_refused() -> None:
    long = ".".join(["\\000" * 60, "\\000" * 35]) + "."
    one, two = MemoryStore(), MemoryStore()
    tip = commit(one, long, names("example.org.", 1))
    carry(one, two)
    assert outcomes(arrive(two, Offer(Ref(RefKind.HEAD, long, "main"), tip))) == [("refused", "name")]


def test_atomic_moves_all_or_nothing() -> None:
    one, two, _ = nodes_with()
    new = change(one, "www", 1)
    side = Ref(RefKind.HEAD, ORG, "side")
    carry(one, two)
    before = local_refs(two)
    bad = Offer(Ref(RefKind.HEAD, ORG, "gone"), ObjectId(bytes(32)))
    found = arrive(two, Offer(MAIN, new), bad, Offer(side, new), atomic=True)
    assert outcomes(found) == [("refused", "atomic"), ("missing", "missing"), ("refused", "atomic")]
    assert local_refs(two) == before
    assert outcomes(arrive(two, Offer(MAIN, new), Offer(side, new), atomic=True)) == [("updated", "")] * 2
    assert set(local_refs(two).values()) == {new}


def test_a_ref_that_moved_since_the_plan_is_a_conflict() -> None:
    one, two, _ = nodes_with()
    new = change(one, "www", 1)
    carry(one, two)
    arrival = plan(two, [Offer(MAIN, new)], lambda zone: Policy.MERGE, WHO.time)
    ours = change(two, "mail", 2)
    with pytest.raises(Conflict), two.write() as writer:
        land(writer, arrival, WHO, "push: test", "laptop")
    assert tip_of(two) == ours


def test_offers_that_make_no_sense_are_refused_as_a_whole() -> None:
    one, two, old = nodes_with()
    tracking = Ref(RefKind.REMOTE, ORG, "main", "laptop")
    for offers in ([Offer(MAIN, old), Offer(MAIN, old)], [Offer(tracking, old)]):
        with pytest.raises(InvalidData):
            plan(two, offers, lambda zone: Policy.MERGE, WHO.time)
    assert local_refs(one) == local_refs(two)
