"""Reviews and proposals between nodes: sets that are merged one ref at a time, by pull and by push alike."""

import json
from collections.abc import Callable

import pytest

from arrivalkit import MAIN, arrive, change, nodes_with, outcomes, tip_of
from arrivalkit import put as put_objects
from keptkit import WHEN, kept_in, offer_of, proposal, put, review
from pushkit import Peer, pushed
from pushserverkit import PushRequest, key_for
from pushserverkit import pushed as pushed_by_hand
from synckit import KEY, NET, ORG, PEER, WHO, Wire, by_sketch, commit, local_refs, move, names, refs_of
from zonegit.errors import Forbidden
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import head
from zonegit.model.refs import proposal as proposal_ref
from zonegit.model.refs import review as review_ref
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.review_refs import AHEAD, OUTDATED, REJECT, ref_of
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Store
from zonegit.sync.arrival import Offer
from zonegit.sync.comparing import compare
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.mirror import Moved, every
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.push_body import PushBody
from zonegit.sync.pushing import Push
from zonegit.sync.ref_diff import Change
from zonegit.sync.selection import parse_selection
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import ALL_REFS, PeerRefs
from zonegit.sync.work import finish

OLD = ALL_REFS._replace(reviews=False)
"""What a client accepts that knows no reviews."""
MERGE, FF_ONLY = (
    Rules(every, lambda _zone: False, lambda _zone, policy=policy: policy)  # type: ignore[misc]
    for policy in (Policy.MERGE, Policy.FF_ONLY)
)


def pull(store: Store, peer: Store, rules: Rules = MERGE) -> Moved:
    session = PolicySession(store, PEER, refs_of(peer), rules)
    Wire(peer).run(session)
    return session.finish(WHO)


def mirror(store: Store, peer: Store) -> Moved:
    return Wire(peer).pull(store)


def refused(moved: Moved) -> list[str]:
    return [result.reason for result in moved.results if result.outcome == "refused"]


Pull = Callable[[Store, Store], Moved]
PULLS: list[Pull] = [mirror, pull, lambda store, peer: pull(store, peer, FF_ONLY)]


@pytest.fixture
def primary() -> MemoryStore:
    store = MemoryStore()
    commit(store, ORG, names(ORG, 20))
    commit(store, NET, names(NET, 5))
    return store


def tip(store: Store) -> ObjectId:
    found = tip_of(store)
    assert found is not None
    return found


@pytest.mark.parametrize("bring", PULLS)
def test_they_come_with_a_pull_by_any_policy(primary: MemoryStore, bring: Pull) -> None:
    here = MemoryStore()
    put(primary, review(tip(primary)))
    put(primary, proposal(tip(primary)))
    bring(here, primary)
    assert kept_in(here) == kept_in(primary) != {}
    assert bring(here, primary).refs == 0
    put(primary, review(tip(primary), REJECT, time=WHEN + 1))
    bring(here, primary)
    assert kept_in(here) == kept_in(primary)
    assert fsck(here).problems == []


@pytest.mark.parametrize("bring", PULLS)
def test_what_the_peer_lacks_stays_and_what_is_older_there_does_not_come(primary: MemoryStore, bring: Pull) -> None:
    here = MemoryStore()
    put(primary, review(tip(primary), time=WHEN))
    bring(here, primary)
    put(here, review(tip(primary), REJECT, time=WHEN + 5))
    put(here, review(tip(primary), key=2))
    put(here, proposal(tip(primary)))
    mine = kept_in(here)
    commit(primary, ORG, names(ORG, 9))
    bring(here, primary)
    assert kept_in(here) == mine
    move(primary, ORG, "main", None)
    bring(here, primary)
    assert kept_in(here) == mine, "also when the zone is gone there"


def spoiled(tag: Tag) -> Tag:
    """With a signature that isn't of it."""
    return tag._replace(message="something else\n")


@pytest.mark.parametrize("bring", PULLS)
def test_unfit_ones_are_left_out_by_themselves(primary: MemoryStore, bring: Pull) -> None:
    here, at = MemoryStore(), tip(primary)
    good = review(at)
    put(primary, good)
    unsigned = review(at, key=2)._replace(extra=())
    put(primary, unsigned, review_ref(ORG, f"{'0' * 40}/{'1' * 16}"))
    put(primary, spoiled(review(at, key=3)), ref_of(review(at, key=3)))
    put(primary, review(at, key=4, time=WHEN + AHEAD + 1))
    put(primary, proposal(at, 7), proposal_ref(ORG, "8/0123456789abcdef"))
    moved = bring(here, primary)
    assert local_refs(here) == local_refs(primary)
    assert set(kept_in(here)) == {ref_of(good)}
    assert refused(moved) == ["unfit-review"] * 4
    commit(primary, ORG, names(ORG, 30))
    bring(here, primary)
    assert local_refs(here) == local_refs(primary), "branches go on"


def test_a_hostile_peer_cannot_replace_the_review_of_another(primary: MemoryStore) -> None:
    here = MemoryStore()
    mirror(here, primary)
    mine = review(tip(primary))
    put(here, mine)
    put(primary, review(tip(primary), REJECT, key=9, time=WHEN + 50), ref_of(mine))
    assert refused(mirror(here, primary)) == ["unfit-review"]
    assert kept_in(here) == {ref_of(mine): object_id(mine.encode())}


def test_a_review_brings_the_commit_that_it_is_of(primary: MemoryStore) -> None:
    here = MemoryStore()
    mirror(here, primary)
    side = commit(primary, ORG, names(ORG, 3), branch="side")
    put(primary, review(side))
    move(primary, ORG, "side", None)
    mirror(here, primary)
    assert kept_in(here) == kept_in(primary)
    with here.read() as reader:
        assert reader.has(side) and reader.ref(head(ORG, "side")) is None


@pytest.mark.parametrize("policy", list(Policy))
def test_they_are_pushed_by_any_policy_and_the_newer_stays(policy: Policy) -> None:
    here, there, at = nodes_with()
    peer = Peer(there, policy)
    first, second = review(at), review(at, REJECT, time=WHEN + 1)
    for tag in (first, proposal(at)):
        put(here, tag)
        assert [result.outcome for result in pushed(here, peer, [offer_of(tag)])] == ["updated"]
    put(there, second)
    [result] = pushed(here, peer, [offer_of(first)])
    assert (result.outcome, result.tip) == ("unchanged", object_id(second.encode()))
    put(here, second)
    put(there, review(at, key=2))
    assert [result.outcome for result in pushed(here, peer, [offer_of(second)])] == ["unchanged"]
    assert len(kept_in(there)) == 3


def test_a_pushed_one_that_is_unfit_is_refused_and_the_rest_goes_on() -> None:
    here, there, _ = nodes_with()
    new = change(here, "a", 1)
    good, unsigned = review(new), review(new, key=2)._replace(extra=())
    place = review_ref(ORG, f"{'0' * 40}/{'1' * 16}")
    put(here, good)
    put(here, unsigned, place)
    updates = [offer_of(unsigned, place), offer_of(good), Offer(MAIN, new, tip_of(there))]
    found = pushed(here, Peer(there), updates)
    assert [(result.ref, result.outcome, result.reason) for result in found] == [
        (offer_of(unsigned, place).ref, "refused", "unfit-review"),
        (offer_of(good).ref, "updated", ""),
        (MAIN, "updated", ""),
    ]
    assert "signature" in found[0].message
    assert set(kept_in(there)) == {ref_of(good)}


def test_a_peer_that_does_not_know_them_gets_everything_else() -> None:
    here, there, _ = nodes_with()
    new = change(here, "a", 1)
    put(here, review(new))
    peer = Peer(there)

    def refuse(body: PushBody) -> None:
        if any(update.ref.kind.is_review for update in body.ask.updates):
            raise Unknown

    peer.before = refuse
    push = Push(here, PEER, refs_of(there, accepts=OLD), [offer_of(review(new)), Offer(MAIN, new, tip_of(there))])
    push.prepare()
    while (request := push.next()) is not None:
        try:
            push.answered(peer.answer(request.body))
        except Unknown:
            push.declined("bad_request", "bad_request")
    assert [(result.outcome, result.reason) for result in push.results] == [
        ("refused", "unknown-kind"),
        ("updated", ""),
    ]
    assert "older version" in push.results[0].message
    assert tip_of(there) == new


class Unknown(Exception):
    """What an older version answers to an update of a kind that it doesn't know."""


def test_a_mirrored_zone_takes_reviews_from_others_too() -> None:
    here, there, at = nodes_with()
    with there.write() as writer:
        writer.set_setting(mirror_setting(ORG), b"elsewhere")
    put(here, review(at))
    assert [result.outcome for result in pushed(here, Peer(there), [offer_of(review(at))])] == ["updated"]


def test_they_take_the_scope_for_the_whole_zone() -> None:
    _, there, at = nodes_with()
    tag = review(at)
    request = PushRequest((tag.encode(),), (), (offer_of(tag),))
    with pytest.raises(Forbidden):
        pushed_by_hand(there, request, key_for(f"push:{ORG}:main"))
    assert pushed_by_hand(there, request, key_for(f"push:{ORG}")).results[0].outcome == "updated"
    for scope, shown in ((f"read:{ORG}", 1), (f"read:{ORG}:main", 0), ("read:*", 1), ("read:example.net", 0)):
        body = finish(Endpoint(there).refs(key_for(scope), ALL_REFS)).body
        assert len(PeerRefs.decode(body).lists.reviews) == shown


def test_a_client_that_does_not_know_them_is_not_shown_them(primary: MemoryStore) -> None:
    before = json.loads(finish(Endpoint(primary).refs(KEY, OLD)).body)
    put(primary, review(tip(primary)))
    put(primary, proposal(tip(primary)))
    endpoint = Endpoint(primary)
    body = json.loads(finish(endpoint.refs(KEY, OLD)).body)
    assert {**body, "seq": 0, "root": ""} == {**before, "seq": 0, "root": ""}
    assert {"reviews", "proposals"} <= json.loads(finish(endpoint.refs(KEY, ALL_REFS)).body).keys()


def known(here: Store) -> KnownRefs:
    found = KnownRefs(PEER, mirrored=True)
    with here.read() as reader:
        found.catch_up(reader)
    return found


def by_buckets(held: KnownRefs, peer: Store) -> PeerRefs:
    return held.differences(Change.decode(finish(Endpoint(peer).refs_diff(KEY, held.question())).body))


@pytest.mark.parametrize("ask", [by_buckets, by_sketch])
def test_what_was_refused_or_is_only_here_is_not_told_again(
    primary: MemoryStore, ask: Callable[[KnownRefs, Store], PeerRefs]
) -> None:
    here, at = MemoryStore(), tip(primary)
    put(primary, review(at, REJECT, time=WHEN - 1))
    mirror(here, primary)
    put(primary, review(at, key=4, time=WHEN + AHEAD + 1))  # refused
    put(here, review(at, time=WHEN))  # newer here
    put(here, review(at, key=2))  # only here
    put(primary, review(at, key=3))  # to be fetched
    held = known(here)
    first = ask(held, primary)
    assert len(first.lists.reviews) == 3 and len(first.gone or ()) == 1
    assert ask(held, primary) == first, "nothing was done with it yet"
    Wire(primary).pull(here, refs=first)
    held.settle(first)
    with here.read() as reader:
        held.catch_up(reader)
    again = ask(held, primary)
    assert (list(again.lists.reviews), again.gone) == ([], ())
    newer = review(at, REJECT, time=WHEN + 9)
    put(primary, newer)
    third = ask(held, primary)
    assert [each.oid for each in third.lists.reviews] == [object_id(newer.encode())]
    Wire(primary).pull(here, refs=third)
    assert kept_in(here)[ref_of(newer)] == object_id(newer.encode())


def test_what_an_offer_may_not_point_to() -> None:
    _, there, at = nodes_with()
    tag = review(at)
    put_objects(there, tag.encode())
    assert outcomes(arrive(there, offer_of(tag)._replace(new=at))) == [("refused", "wrong-object")]
    assert outcomes(arrive(there, offer_of(tag)._replace(new=ObjectId(bytes(32))))) == [("missing", "missing")]
    assert outcomes(arrive(there, offer_of(tag))) == [("updated", "")]
    assert outcomes(arrive(there, offer_of(tag))) == [("unchanged", "")]


def give_up(store: Store, tag: Tag) -> None:
    """Delete one, as `gc` does with those that are settled."""
    with store.write() as writer:
        reason = f"{OUTDATED}{tag.tagger.time}"
        writer.move_refs([RefUpdate(ref_of(tag), object_id(tag.encode()), None)], WHO, reason)


@pytest.mark.parametrize("bring", PULLS)
def test_what_gc_deleted_here_does_not_come_back_from_a_peer(primary: MemoryStore, bring: Pull) -> None:
    here, made = MemoryStore(), review(tip(primary))
    put(primary, made)
    bring(here, primary)
    give_up(here, made)
    commit(primary, ORG, names(ORG, 9))
    bring(here, primary)
    [result] = pushed(primary, Peer(here), [offer_of(made)])
    assert (result.outcome, result.tip, kept_in(here)) == ("unchanged", None, {})
    with here.read() as reader:
        assert [each.standing for each in compare(reader, refs_of(primary), parse_selection([ORG]))] == ["equal"]
    put(primary, newer := review(tip(primary), REJECT, time=WHEN + 1))
    bring(here, primary)
    assert set(kept_in(here)) == {ref_of(newer)}


@pytest.mark.parametrize("bring", PULLS)
def test_an_approval_that_was_replaced_before_gc_does_not_come_back(primary: MemoryStore, bring: Pull) -> None:
    """Otherwise whoever kept it could have a commit published that its reviewer rejected since."""
    here, approval = MemoryStore(), review(tip(primary), time=WHEN)
    put(primary, approval)
    bring(here, primary)
    put(here, rejection := review(tip(primary), REJECT, time=WHEN + 5))
    give_up(here, rejection)
    commit(primary, ORG, names(ORG, 9))
    bring(here, primary)
    [result] = pushed(primary, Peer(here), [offer_of(approval)])
    assert (result.outcome, result.tip, kept_in(here)) == ("unchanged", None, {})
    with here.read() as reader:
        assert [each.standing for each in compare(reader, refs_of(primary), parse_selection([ORG]))] == ["equal"]
    put(primary, again := review(approval.target, time=WHEN + 6))
    bring(here, primary)
    assert kept_in(here) == {ref_of(again): object_id(again.encode())}
