"""Two nodes that write the same zone: what one made is brought to the other."""

from collections.abc import Sequence

from synckit import ORG, SMALL_NODES, WHO, commit, names
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import join
from zonegit.model.refs import Ref, RefKind, head
from zonegit.model.rrset import RRset
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.arrival import Arrival, Offer, land, plan
from zonegit.sync.policy import Policy

MAIN = Ref(RefKind.HEAD, ORG, "main")


def carry(source: Store, to: Store) -> None:
    """Bring all objects of one store to another, and no ref."""
    with source.read() as reader:
        objects = [reader.get(oid) for oid in reader.object_ids()]
    with to.write() as writer:
        writer.insert(objects)


def nodes_with(tip_at: int = 3, apex: str = ORG) -> tuple[MemoryStore, MemoryStore, ObjectId]:
    """Two nodes with one version of a zone."""
    one, two = MemoryStore(), MemoryStore()
    tip = commit(one, apex, names(apex, tip_at), shape=SMALL_NODES)
    carry(one, two)
    arrive(two, Offer(Ref(RefKind.HEAD, apex, "main"), tip))
    return one, two, tip


def change(store: Store, label: str, *last: int, apex: str = ORG, branch: str = "main", ttl: int = 300) -> ObjectId:
    """Commit another set of addresses for a name, on top of the zone with three names."""
    content = names(apex, 3)
    with store.read() as reader:
        tip = reader.ref(head(apex, branch))
    made = RRset.of(join([label.encode()]), 1, ttl, [bytes((192, 0, 2, each)) for each in last])
    content[made.key] = made.encode()
    return commit(
        store,
        apex,
        dict(sorted(content.items())),
        branch=branch,
        shape=SMALL_NODES,
        parents=(tip,) if tip else (),
        message=f"{label} {last}",
    )


def arrive(store: Store, *offers: Offer, policy: Policy = Policy.MERGE, atomic: bool = False) -> Arrival:
    """Plan and land; what came of it."""
    arrival = plan(store, offers, lambda zone: policy, WHO.time, atomic=atomic)
    with store.write() as writer:
        land(writer, arrival, WHO, "push: test", "laptop")
    return arrival


def tip_of(store: Store, ref: Ref = MAIN) -> ObjectId | None:
    with store.read() as reader:
        return reader.ref(ref.full)


def put(store: Store, *objects: bytes) -> None:
    with store.write() as writer:
        writer.insert(objects)


def commit_at(store: Store, oid: ObjectId) -> Commit:
    with store.read() as reader:
        return Commit.decode(reader.get(oid))


def outcomes(arrival: Arrival) -> Sequence[tuple[str, str]]:
    return [(result.outcome, result.reason) for result in arrival.results]
