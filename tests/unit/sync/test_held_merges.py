"""The policy `hold` waits for a person also where somebody else's node has merged already, by rules."""

import pytest

from arrivalkit import MAIN, arrive, carry, change, commit_at, nodes_with, outcomes, tip_of
from synckit import ORG, commit, names
from zonegit.model.ids import ObjectId, object_id
from zonegit.repo.diverged import Diverged, diverged, note_diverged, settle_diverged
from zonegit.store.memory import MemoryStore
from zonegit.sync.arrival import Offer
from zonegit.sync.policy import Policy


def apart(store: MemoryStore) -> list[tuple[str, ObjectId, int]]:
    with store.read() as reader:
        return [(each.peer, each.theirs, each.rules) for each in diverged(reader)]


def merged_elsewhere(*labels: str) -> tuple[MemoryStore, MemoryStore, ObjectId, ObjectId, ObjectId]:
    """`(there, here, ours, theirs, merge)`: both wrote to these names, and the other node has merged."""
    there, here, _ = nodes_with()
    ours, theirs = change(here, labels[0], 1, ttl=60), change(there, labels[-1], 1, ttl=90)
    carry(here, there)
    [result] = arrive(there, Offer(MAIN, ours), policy=Policy.MERGE).results
    assert result.outcome == "merged" and result.tip is not None
    carry(there, here)
    return there, here, ours, theirs, result.tip


def test_a_merge_by_rules_that_is_ahead_is_held_until_somebody_commits_on_top() -> None:
    there, here, ours, _, merge = merged_elsewhere("www")
    for _ in range(2):
        held = arrive(here, Offer(MAIN, merge), policy=Policy.HOLD)
        assert (outcomes(held), held.results[0].rules) == ([("held", "conflict")], 1)
        assert "contradicted each other: merge it by hand" in held.results[0].message
        assert (tip_of(here), apart(here)) == (ours, [("laptop", merge, 1)])
    later = change(there, "www", 1)
    carry(there, here)
    assert outcomes(arrive(here, Offer(MAIN, later), policy=Policy.HOLD)) == [("updated", "")]
    assert (tip_of(here), apart(here)) == (later, [])


@pytest.mark.parametrize("policy", [Policy.MERGE, Policy.FF_ONLY])
def test_other_policies_take_it(policy: Policy) -> None:
    _, here, _, _, merge = merged_elsewhere("www")
    assert outcomes(arrive(here, Offer(MAIN, merge), policy=policy)) == [("updated", "")]


def test_a_merge_in_which_nothing_contradicts_is_taken() -> None:
    _, here, _, _, merge = merged_elsewhere("www", "mail")
    assert outcomes(arrive(here, Offer(MAIN, merge), policy=Policy.HOLD)) == [("updated", "")]


def test_a_larger_merge_is_held_where_there_is_a_smaller_one() -> None:
    there, here, _, _, merge = merged_elsewhere("www", "mail")
    arrive(here, Offer(MAIN, merge), policy=Policy.HOLD)
    third, _, _ = nodes_with()
    more = change(third, "mail", 1, ttl=30)
    carry(third, there)
    [result] = arrive(there, Offer(MAIN, more), policy=Policy.MERGE).results
    carry(there, here)
    assert result.tip is not None and result.tip != merge
    held = arrive(here, Offer(MAIN, result.tip), policy=Policy.HOLD)
    assert (outcomes(held), tip_of(here)) == ([("held", "conflict")], merge)


def test_who_merges_by_hand_settles_it_at_both() -> None:
    there, here, _, _, merge = merged_elsewhere("www")
    arrive(here, Offer(MAIN, merge), policy=Policy.HOLD)
    by_hand = commit(here, ORG, names(ORG, 3), parents=(merge,))
    assert apart(here) == []
    carry(here, there)
    assert outcomes(arrive(there, Offer(MAIN, by_hand), policy=Policy.HOLD)) == [("updated", "")]


def test_a_merge_by_hand_of_the_same_commits_settles_it_too() -> None:
    there, here, ours, theirs, merge = merged_elsewhere("www")
    arrive(here, Offer(MAIN, merge), policy=Policy.HOLD)
    filled = commit(here, ORG, names(ORG, 3), parents=(ours, theirs))
    by_hand = commit(here, ORG, names(ORG, 3), parents=(filled,))
    assert apart(here) == [], "the branch has all that was merged there"
    carry(here, there)
    assert outcomes(arrive(there, Offer(MAIN, by_hand), policy=Policy.HOLD)) == [("updated", "")]


def test_a_commit_whose_sequence_number_is_not_above_its_parents_is_refused() -> None:
    there, here, _ = nodes_with()
    new = change(there, "www", 1)
    carry(there, here)
    made = commit_at(there, new)
    low = [made._replace(seq=seq, message=f"low {seq}").encode() for seq in (made.seq - 1, 0)]
    before = tip_of(here)
    with here.write() as writer:
        writer.insert(low)
    for data in low:
        on_top = made._replace(seq=9, generation=made.generation + 1, parents=(object_id(data),)).encode()
        with here.write() as writer:
            writer.insert([on_top])
        for policy in Policy:
            for oid in map(object_id, (data, on_top)):
                [result] = arrive(here, Offer(MAIN, oid), policy=policy).results
                assert (result.outcome, result.reason, tip_of(here)) == ("refused", "seq", before)
                assert "a serial would fall" in result.message


def test_a_merge_of_an_old_writer_with_a_serial_that_was_served_already_is_refused() -> None:
    there, here, ours, theirs, merge = merged_elsewhere("www", "mail")
    arrive(here, Offer(MAIN, merge))
    old = commit(there, ORG, names(ORG, 3), parents=(ours, theirs))
    assert commit_at(there, old).seq <= commit_at(here, merge).seq
    carry(there, here)
    [result] = arrive(here, Offer(MAIN, old)).results
    assert (result.outcome, result.reason, tip_of(here)) == ("refused", "seq", merge)


def test_each_peer_has_a_note_of_its_own() -> None:
    there, here, _, theirs, merge = merged_elsewhere("www")
    with here.write() as writer:
        for peer, oid, since in (("ada", theirs, 5), ("bob", merge, 7), ("ada", merge, 9)):
            note_diverged(writer, [Diverged(ORG, "main", oid, peer, since, 1, "fra" if peer == "ada" else "")])
    with here.read() as reader:
        ada, bob = diverged(reader)
    assert (ada.peer, ada.theirs, ada.since) == ("ada", merge, 5)
    assert (bob.peer, bob.theirs, bob.since) == ("bob", merge, 7)
    assert "from fra's, which pushes as ada, since" in ada.message()
    assert "from bob's since" in bob.message()
    with here.write() as writer:
        settle_diverged(writer, "bob", [ORG], {(ORG, "main")})
    assert [peer for peer, _, _ in apart(here)] == ["ada"]
    carry(there, here)
    arrive(here, Offer(MAIN, merge), policy=Policy.MERGE)
    assert apart(here) == []
