"""Facts about an object that objects pointing to it rely on, and a cache of them.

Facts follow from the object's bytes, and so from its id: they never become outdated. They don't say that the object
is stored.
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
    """Empty, like `last`, for the empty node."""
    last: RRKey
    plain: "Plain | None" = None
    """None also if it isn't known."""


class RRsetFacts(NamedTuple):
    records: int
    key: RRKey
    size: int


class ZoneFacts(NamedTuple):
    records: int
    plain: "Plain | None" = None
    """The `plain` of its tree."""


class CommitFacts(NamedTuple):
    zone: str
    generation: int
    seq: int
    sound: bool = False
    """Whether it and all its ancestors are known to be servable (`tree.servable`)."""
    published: bool = False
    """Whether it is a published version, and so belongs to no branch."""


class TagFacts(NamedTuple):
    zone: str
    target: ObjectId


Facts = NodeFacts | RRsetFacts | ZoneFacts | CommitFacts | TagFacts


class FactCache:
    """Facts of the objects seen last, at most 64 Ki (about 20 MiB)."""

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
    """Facts of a stored object, which was checked when it was inserted. `get` returns other objects' bytes."""
    kind = kind_of(data)
    if kind is Kind.NODE:
        return _stored_node(data, get)
    if kind is Kind.RRSET:
        payload = decode_rrset(data)
        return RRsetFacts(record_count(payload), payload_key(payload), len(payload))
    if kind is Kind.COMMIT:
        commit = Commit.decode(data)
        return CommitFacts(commit.zone, commit.generation, commit.seq, published=commit.publishes is not None)
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
