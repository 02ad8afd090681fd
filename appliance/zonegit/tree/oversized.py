"""Owners with more than a query is answered from (`version.excess`), found without reading all of a tree.

Such an owner touches a leaf that isn't *light*: one with many records or bytes, those in objects of their own
included, or with nothing but this owner. For it would lie in two leaves at most otherwise, which hold too little.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Final

from zonegit.model.ids import ObjectId
from zonegit.model.names import OwnerKey, key_owner, owner_text
from zonegit.model.node import HAS_STUBS, leaf_edges, node_parts, node_records
from zonegit.model.rrset import RRKey, payload_key, record_count
from zonegit.tree.diff import Difference
from zonegit.tree.source import Nodes
from zonegit.tree.version import MAX_BLOCK, MAX_RECORDS, block_weight, excess
from zonegit.tree.walk import under

Edges = tuple[OwnerKey | None, OwnerKey | None]
"""The first and the last owner below a node; None where what lies beside the node can't make too much of it."""

_MANY: Final = MAX_RECORDS // 2
_LONG: Final = MAX_BLOCK // 4


def is_light(records: int, size: int, first: RRKey, last: RRKey) -> bool:
    """Whether no owner needs to be looked at for a leaf of so many records and bytes between these keys."""
    return records <= _MANY and size <= _LONG and first[:-3] != last[:-3]


def edges(leaf: bytes) -> Edges:
    """Of a leaf."""
    first, last = leaf_edges(leaf)
    if not last or (not leaf[2] & HAS_STUBS and is_light(node_records(leaf), len(leaf), first, last)):
        return None, None
    return OwnerKey(first[:-3]), OwnerKey(last[:-3])


def crowd_in(nodes: Nodes, leaf: bytes) -> str | None:
    """What is too much at an owner, as far as one leaf tells."""
    owners = groupby(node_parts(leaf)[1], lambda entry: OwnerKey(payload_key(entry)[:-3]))
    return next(filter(None, (_excess(owner, map(nodes.payload, entries)) for owner, entries in owners)), None)


def crowd_below(nodes: Nodes, root: ObjectId, owner: OwnerKey) -> str | None:
    """What is too much at an owner, as far as it stands below a node."""
    return _excess(owner, (payload for _, payload in under(nodes, root, RRKey(owner + b"\0"))))


def grows(change: Difference) -> bool:
    """Whether an owner may have more than before."""
    _, old, new = change
    if old is None or new is None:
        return old is None
    return len(new) > len(old) or record_count(new) > record_count(old)


def _excess(owner: OwnerKey, payloads: Iterable[bytes]) -> str | None:
    return excess(*block_weight(payloads), owner_text(key_owner(owner)))
