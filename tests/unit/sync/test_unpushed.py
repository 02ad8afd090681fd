"""What a push to a peer is to offer: what moved here, what moved there, and nothing twice."""

from arrivalkit import MAIN, carry, change, nodes_with
from keptkit import WHEN, offer_of, put, review
from synckit import NET, ORG, PEER, WHO, commit, names, put_tag
from zonegit.model.ids import ObjectId
from zonegit.model.refs import Ref, RefKind, remote
from zonegit.repo.context import Context
from zonegit.repo.mirrors import mirror_setting
from zonegit.repo.publishing.policy import PublishPolicy
from zonegit.repo.publishing.publish import publish
from zonegit.repo.results import Position
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.arrival import Offer
from zonegit.sync.unpushed import Unpushed


def offers(store: MemoryStore, unpushed: Unpushed) -> list[Offer]:
    with store.read() as reader:
        return unpushed.offers(reader)


def track(store: MemoryStore, oid: ObjectId | None, zone: str = ORG) -> None:
    """Let the peer's branch be seen there."""
    name = remote(PEER, zone, "main")
    with store.write() as writer:
        writer.move_refs([RefUpdate(name, writer.ref(name), oid)], WHO, "fetch: test")


def everything(_zone: str) -> bool:
    return True


def test_all_is_offered_at_first_then_what_moves() -> None:
    here, _, base = nodes_with()
    put_tag(here, ORG, "v1", base)
    unpushed = Unpushed(PEER, everything)
    v1 = Ref(RefKind.TAG, ORG, "v1")
    assert offers(here, unpushed) == [Offer(MAIN, base), Offer(v1, base)]
    unpushed.answered([MAIN, v1])
    assert offers(here, unpushed) == []
    new = change(here, "a", 1)
    assert offers(here, unpushed) == [Offer(MAIN, new)]


def test_nothing_is_offered_twice_before_either_side_has_moved() -> None:
    here, there, base = nodes_with()
    unpushed = Unpushed(PEER, everything)
    offers(here, unpushed)
    unpushed.answered([MAIN])
    unpushed.start_over()
    assert offers(here, unpushed) == []
    theirs = change(there, "a", 1)
    carry(there, here)
    ours = change(here, "b", 2)
    track(here, theirs)
    assert offers(here, unpushed) == [Offer(MAIN, ours, theirs)]
    unpushed.answered([MAIN])
    track(here, base)
    assert offers(here, unpushed) == [Offer(MAIN, ours, base)], "the peer has gone back"


def test_an_offer_that_was_not_answered_is_made_again() -> None:
    here, _, base = nodes_with()
    unpushed = Unpushed(PEER, everything)
    offers(here, unpushed)
    unpushed.start_over()
    assert offers(here, unpushed) == [Offer(MAIN, base)]


def test_what_the_peer_has_is_not_offered() -> None:
    here, there, base = nodes_with()
    track(here, base)
    unpushed = Unpushed(PEER, everything)
    assert offers(here, unpushed) == []
    ahead = change(there, "a", 1)
    carry(there, here)
    track(here, ahead)
    assert offers(here, unpushed) == []


def test_what_is_mirrored_from_the_peer_or_not_covered_is_not_offered() -> None:
    here, _, base = nodes_with()
    commit(here, NET, names(NET, 3))
    with here.write() as writer:
        writer.set_setting(mirror_setting(NET), PEER.encode())
    assert offers(here, Unpushed(PEER, everything)) == [Offer(MAIN, base)]
    assert offers(here, Unpushed(PEER, lambda zone: zone == NET)) == []


def test_reviews_are_offered_also_of_a_mirrored_zone_and_published_versions_never() -> None:
    here, _, base = nodes_with()
    unpushed = Unpushed(PEER, everything)
    offers(here, unpushed)
    unpushed.answered([MAIN])
    publish(Context.over(here), Position(ORG, "main"), PublishPolicy(), lambda *_: None)
    with here.write() as writer:
        writer.set_setting(mirror_setting(ORG), PEER.encode())
    made = review(base)
    put(here, made)
    assert offers(here, unpushed) == [offer_of(made)]
    unpushed.answered([offer_of(made).ref])
    put(here, newer := review(base, "reject", time=WHEN + 1))
    assert offers(here, unpushed) == [offer_of(newer)]
    put(here, review(base, key=2), reason=f"pull: {PEER}")
    assert offers(here, unpushed) == [], "the peer has it"
