"""What an object says of itself that another object pointing to it may rely on, and a cache of it.

Facts follow from the bytes, and so from the id: they never go stale. They don't say that the object is here.
"""

from collections.abc import Callable
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.node import (
    Node,
    decode_node,
    decode_rrset,
    first_child,
    leaf_edges,
    node_level,
    node_records,
)
from zonegit.model.rrset import RRKey, payload_key, record_count
from zonegit.model.zone import Zone

if TYPE_CHECKING:
    from zonegit.tree.servable import Plain


class NodeFacts(NamedTuple):
    level: int
    records: int
    first: RRKey
    """Empty, like `last`, for the one node that has no entries."""
    last: RRKey
    plain: "Plain | None" = None
    """None also where that isn't known."""


class RRsetFacts(NamedTuple):
    records: int
    key: RRKey
    size: int


class ZoneFacts(NamedTuple):
    records: int
    plain: "Plain | None" = None
    """Of its tree."""


class CommitFacts(NamedTuple):
    zone: str
    generation: int
    seq: int
    sound: bool = False
    """Whether it and all its ancestors are known to be fine (`tree.servable`)."""


class TagFacts(NamedTuple):
    zone: str
    target: ObjectId


Facts = NodeFacts | RRsetFacts | ZoneFacts | CommitFacts | TagFacts


class FactCache:
    """Facts of the objects seen last, 64 Ki at the most (about 20 MiB)."""

    def __init__(self, limit: int = 1 << 16) -> None:
        self._limit = limit
        self._known: dict[ObjectId, Facts] = {}

    def get(self, oid: ObjectId) -> Facts | None:
        return self._known.get(oid)

    def add(self, oid: ObjectId, facts: Facts) -> None:
        known = self._known
        known[oid] = facts
        if len(known) > self._limit:
            for old in list(islice(known, self._limit // 2)):
                del known[old]


def node_facts(node: Node, first: RRKey, plain: "Plain | None" = None) -> NodeFacts:
    """Facts of a decoded node; `first` is the first key below it."""
    return NodeFacts(node.level, node.records, first, node.keys[-1] if node.keys else RRKey(b""), plain)


def stored_facts(data: bytes, get: Callable[[ObjectId], bytes]) -> Facts:
    """Facts of an object that was checked when it came in. `get` gives the bytes of what it points to."""
    kind = kind_of(data)
    if kind is Kind.NODE:
        return _stored_node(data, get)
    if kind is Kind.RRSET:
        payload = decode_rrset(data)
        return RRsetFacts(record_count(payload), payload_key(payload), len(payload))
    if kind is Kind.COMMIT:
        commit = Commit.decode(data)
        return CommitFacts(commit.zone, commit.generation, commit.seq)
    if kind is Kind.TAG:
        tag = Tag.decode(data)
        return TagFacts(tag.zone, tag.target)
    return ZoneFacts(Zone.decode(data).records)


def _stored_node(data: bytes, get: Callable[[ObjectId], bytes]) -> NodeFacts:
    if not node_level(data):
        return NodeFacts(0, node_records(data), *leaf_edges(data))
    below = data
    while node_level(below):
        below = get(first_child(below))
    return node_facts(decode_node(data), leaf_edges(below)[0])
