"""Reviews and proposals at nodes that exchange them: the same sets in the end, whatever happened in which order."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from arrivalkit import carry
from keptkit import BOB, WHEN, kept_in, proposal, put, review
from pushkit import Peer, pushed
from synckit import KEY, ORG, WHO, Wire, commit, names, refs_of
from zonegit.model.commit import Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import RefName, head
from zonegit.model.refs import review as review_ref
from zonegit.repo.review_refs import AHEAD, APPROVE, REJECT, Kept, ref_of
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.comparing import compare, offers
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.mirror import every
from zonegit.sync.policy import Policy
from zonegit.sync.policy_pull import PolicySession, Rules
from zonegit.sync.ref_diff import Change
from zonegit.sync.selection import EVERYTHING
from zonegit.sync.server import Endpoint
from zonegit.sync.session import Session
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish

NODES = 3
HONEST = range(NODES)
HOSTILE = NODES
"""The number of a node that has anything under any name."""
EVE = "Eve <eve@example.net>"


class Made(NamedTuple):
    """A review or a proposal that somebody makes."""

    at: int
    who: str
    key: int
    opinion: str
    """Or a proposal, if empty."""
    time: int

    def tag(self, tip: ObjectId) -> Tag:
        if self.opinion:
            return review(tip, self.opinion, who=self.who, key=self.key, time=self.time)
        return proposal(tip, 1 + self.key, who=self.who, time=self.time, message=f"{self.at}")


class Met(NamedTuple):
    """A node gets from another, or sends to it, what that one or it has."""

    here: int
    there: int
    how: str


mades = st.builds(
    Made,
    st.sampled_from(HONEST),
    st.sampled_from([BOB, EVE]),
    st.integers(1, 2),
    st.sampled_from([APPROVE, REJECT, ""]),
    st.integers(WHEN, WHEN + 3),
)
mets = st.builds(
    Met, st.sampled_from(HONEST), st.integers(0, NODES), st.sampled_from(["mirror", "merge", "ff-only", "push"])
).filter(lambda each: each.here != each.there and (each.how, each.there) != ("push", HOSTILE))


class Fleet:
    """Some nodes with one version of a zone, and a hostile one."""

    def __init__(self) -> None:
        self.stores = [MemoryStore() for _ in range(NODES + 1)]
        self.tip = commit(self.stores[0], ORG, names(ORG, 2))
        for store in self.stores[1:]:
            carry(self.stores[0], store)
            with store.write() as writer:
                writer.move_refs([RefUpdate(head(ORG, "main"), None, self.tip)], WHO, "clone")
        self.doors = [Peer(store) for store in self.stores]
        self.known: dict[tuple[int, int], KnownRefs] = {}
        self.best: dict[RefName, Kept] = {}
        """What has to be everywhere in the end."""
        self.spoil()

    def spoil(self) -> None:
        """What nobody may accept from the hostile node: forged, out of place, unsigned, from the future."""
        store, tip = self.stores[HOSTILE], self.tip
        victim = review(tip, who=BOB, key=1)
        put(store, victim._replace(message="forged\n"), ref_of(victim))
        put(store, review(tip, REJECT, who=EVE, key=9, time=WHEN + 9), ref_of(review(tip, who=BOB, key=2)))
        put(store, proposal(tip, 7), ref_of(proposal(tip, 2)))
        put(store, review(tip)._replace(extra=()), review_ref(ORG, f"{'0' * 40}/{'1' * 16}"))
        put(store, review(tip, key=8, time=WHEN + AHEAD + 1))

    def make(self, made: Made) -> None:
        tag = made.tag(self.tip)
        name, kept = ref_of(tag), Kept(object_id(tag.encode()), tag)
        store = self.stores[made.at]
        if (old := kept_in(store).get(name)) is not None and not kept.replaces(self.read(made.at, old)):
            return  # `zonegit approve` makes a later one
        put(store, tag)
        if name not in self.best or kept.replaces(self.best[name]):
            self.best[name] = kept

    def read(self, at: int, oid: ObjectId) -> Kept:
        with self.stores[at].read() as reader:
            return Kept(oid, Tag.decode(reader.get(oid)))

    def meet(self, met: Met) -> int:
        """How many refs moved."""
        before = [kept_in(store) for store in self.stores]
        if met.how == "push":
            self.push(met.here, met.there)
        else:
            self.pull(met.here, met.there, met.how)
        moved = 0
        for at in HONEST:
            after = kept_in(self.stores[at])
            for name, old in before[at].items():
                assert after[name] == old or self.read(at, after[name]).replaces(self.read(at, old)), "monotone"
            moved += sum(before[at].get(name) != oid for name, oid in after.items())
        assert kept_in(self.stores[HOSTILE]) == before[HOSTILE]
        return moved

    def pull(self, here: int, there: int, how: str) -> None:
        store, peer, name = self.stores[here], self.stores[there], f"n{there}"
        held, refs = self.ask(here, there)
        session: Session
        if how == "mirror":
            session = Session(store, name, refs)
        else:
            policy = Policy.MERGE if how == "merge" else Policy.FF_ONLY
            session = PolicySession(store, name, refs, Rules(every, lambda _zone: False, lambda _zone: policy))
        Wire(peer).run(session)
        session.finish(WHO)
        held.settle(refs)

    def ask(self, here: int, there: int) -> tuple[KnownRefs, PeerRefs]:
        """The differences of the peer's refs from those that are known here."""
        held = self.known.setdefault((here, there), KnownRefs(f"n{there}"))
        with self.stores[here].read() as reader:
            held.catch_up(reader)
        body = finish(Endpoint(self.stores[there]).refs_diff(KEY, held.question())).body
        return held, held.differences(Change.decode(body))

    def push(self, here: int, there: int) -> None:
        store, peer = self.stores[here], self.stores[there]
        with store.read() as reader:
            updates = offers(compare(reader, refs_of(peer), EVERYTHING))
        pushed(store, self.doors[there], updates)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.one_of(mades, mets), max_size=25),
    st.permutations(range(NODES)),
    st.lists(st.sampled_from(["mirror", "merge", "ff-only", "push"]), min_size=4, max_size=4),
)
def test_nodes_that_meet_in_any_order_end_with_the_same(
    steps: list[Made | Met], order: list[int], ways: list[str]
) -> None:
    fleet = Fleet()
    for step in steps:
        if isinstance(step, Made):
            fleet.make(step)
        else:
            fleet.meet(step)
    first, middle, last = order
    for at, (giver, taker) in enumerate([(first, middle), (last, middle), (middle, first), (middle, last)]):
        fleet.meet(Met(giver, taker, "push") if ways[at] == "push" else Met(taker, giver, ways[at]))
    wanted = {name: kept.id for name, kept in fleet.best.items()}
    for at in HONEST:
        assert kept_in(fleet.stores[at]) == wanted, "the newest of each, and nothing that is hostile"
    pairs = [(here, there) for here in HONEST for there in HONEST if here != there]
    assert not any(fleet.meet(Met(*pair, how)) for pair in pairs for how in ("mirror", "push")), (
        "nothing moves then"
    )


@settings(max_examples=15, deadline=None)
@given(st.lists(mades, max_size=6))
def test_a_hostile_peer_is_never_believed_and_what_it_has_is_not_sent_again(steps: list[Made]) -> None:
    fleet = Fleet()
    for step in steps:
        fleet.make(step._replace(at=0))
    mine = kept_in(fleet.stores[0])
    fleet.meet(Met(0, HOSTILE, "mirror"))  # then its epoch is known
    for how in ("merge", "mirror", "ff-only"):
        fleet.meet(Met(0, HOSTILE, how))
        assert kept_in(fleet.stores[0]) == mine
        _, refs = fleet.ask(0, HOSTILE)
        assert (refs.lists.total, refs.gone) == (0, ()), "what differs is known, and isn't sent again"
