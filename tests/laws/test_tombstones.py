"""Zones that are removed and begun again on two nodes at random: nothing comes back that a tombstone had seen, or
that somebody deleted, but by a restoration, or for the sake of a change that the tombstone hadn't seen.
"""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from arrivalkit import MAIN, arrive, carry, tip_of
from synckit import ORG
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.names import Owner
from zonegit.model.rdata import A
from zonegit.repo import Repository
from zonegit.repo.content import Content
from zonegit.repo.context import Context
from zonegit.repo.heads import is_automatic
from zonegit.repo.results import Revision
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.sync.arrival import Offer

Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*("set", "delete", "remove", "sync") * 2, "begin", "restore", "sync"]),
        st.sampled_from((0, 1)),
    ),
    min_size=4,
    max_size=24,
)


class Node:
    """One of the two, which writes names that nobody else writes."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.store = MemoryStore()
        self.repository = Repository(Path("nowhere"), self.store)
        self.made = 0
        self.restored: set[ObjectId] = set()
        self.stones: set[ObjectId] = set()
        """The tombstones that the branch has met here."""

    def do(self, verb: str) -> None:
        """One change, if it can be made."""
        here = ORG in self.repository.zone_names()
        with self.store.read() as reader:
            tip, stands_at_one = reader.ref(MAIN.full), reader.is_removed(MAIN.full)
        if verb == "set" and here:
            self.made += 1
            self.repository.set(f"h{self.number}-{self.made}", A, 60, [bytes([192, 0, 2, 1])], zone=ORG)
        elif verb == "delete" and here:
            names = sorted(set(map(_label, _records(self, tip))))
            if names:
                self.repository.delete(names[self.made % len(names)], zone=ORG)
        elif verb == "remove" and here:
            self.repository.remove_zone(ORG, tombstone=True)
        elif verb == "begin" and not here:
            self.repository.add_zone(ORG)
        elif verb == "restore" and stands_at_one:
            self.restored.add(self.repository.restore_zone(ORG).branches["main"])


def _label(owner: Owner) -> str:
    return owner[1:].decode()


def _records(node: Node, oid: ObjectId | None) -> frozenset[Owner]:
    """The owners of addresses in a version."""
    if oid is None:
        return frozenset()
    nodes = Context.over(node.store).nodes
    content = Content.of(nodes, Revision(oid, _commit(node, oid)))
    return frozenset(rrset.owner for rrset in content.rrsets() if rrset.rtype == A)


def _commit(node: Node, oid: ObjectId) -> Commit:
    with node.store.read() as reader:
        return Commit.decode(reader.get(oid))


def _history(node: Node, oid: ObjectId) -> dict[ObjectId, Commit]:
    found: dict[ObjectId, Commit] = {}
    todo = [oid]
    while todo:
        if (each := todo.pop()) not in found:
            found[each] = _commit(node, each)
            todo += found[each].parents
    return found


def _sync(one: Node, other: Node) -> None:
    carry(one.store, other.store)
    if tip := tip_of(one.store):
        arrive(other.store, Offer(MAIN, tip))


def _check(node: Node, restored: set[ObjectId]) -> None:
    """What the tip has of what was removed in its history came back in one of the two ways."""
    tip = tip_of(node.store)
    if tip is None:
        return
    history = _history(node, tip)
    records = {oid: _records(node, oid) for oid in history}
    below = {oid: set(_history(node, oid)) for oid in history}
    stones = {oid for oid, commit in history.items() if commit.is_tombstone and not is_automatic(commit)}
    assert node.stones <= stones, "a tombstone was lost"
    node.stones = stones
    for removal, commit in history.items():
        if is_automatic(commit):
            continue
        seen = frozenset[Owner]().union(*(records[parent] for parent in commit.parents))
        for record in (seen - records[removal]) & records[tip]:
            later = (oid for oid in history if removal in below[oid] and record in records[oid])
            assert any(oid in restored or _is_revival(history, below, removal, oid) for oid in later)


def _is_revival(
    history: dict[ObjectId, Commit], below: dict[ObjectId, set[ObjectId]], removal: ObjectId, oid: ObjectId
) -> bool:
    """Whether a merge has the content of a side that hadn't seen the removal, for others had removed the zone."""
    if not is_automatic(history[oid]):
        return False
    living = [parent for parent in history[oid].parents if not history[parent].is_tombstone]
    return len(living) < len(history[oid].parents) and any(removal not in below[parent] for parent in living)


@given(STEPS)
def test_nothing_comes_back_that_was_removed(steps: list[Step]) -> None:
    nodes = Node(0), Node(1)
    nodes[0].repository.add_zone(ORG)
    _sync(*nodes)
    for verb, at in [*steps, ("sync", 0), ("sync", 1)]:
        if verb == "sync":
            _sync(nodes[at], nodes[1 - at])
        else:
            nodes[at].do(verb)
        for node in nodes:
            _check(node, nodes[0].restored | nodes[1].restored)
    assert tip_of(nodes[0].store) == tip_of(nodes[1].store)
    assert nodes[0].repository.zone_names() == nodes[1].repository.zone_names()
    for node in nodes:
        assert fsck(node.store).problems == []
