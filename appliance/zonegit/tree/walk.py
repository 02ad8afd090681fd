"""Look up a key, or list a range or whole leaves. Nodes are read as they are needed, never recursively."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import cast

from zonegit.model.ids import ObjectId
from zonegit.model.node import Leaf, decode_node, leaf_rrs, node_level, node_parts, payload_records
from zonegit.model.rrset import RRKey
from zonegit.tree.source import Nodes

LOWEST = RRKey(b"")


def leaf_for(nodes: Nodes, root: ObjectId, key: RRKey) -> Leaf:
    """The leaf that holds `key`, or would."""
    node = nodes(root)
    while not isinstance(node, Leaf):
        at = bisect_left(node.keys, key)
        node = nodes(node.children[min(at, len(node.children) - 1)])
    return node


def path(nodes: Nodes, root: ObjectId, key: RRKey) -> Iterator[ObjectId]:
    """The nodes from the root to the leaf that holds `key`, or would."""
    oid = root
    while True:
        yield oid
        node = nodes(oid)
        if isinstance(node, Leaf):
            return
        at = bisect_left(node.keys, key)
        oid = node.children[min(at, len(node.children) - 1)]


def get(nodes: Nodes, root: ObjectId, key: RRKey) -> bytes | None:
    """The stored RRset under a key."""
    leaf = leaf_for(nodes, root, key)
    at = bisect_left(leaf.keys, key)
    if at < len(leaf.keys) and leaf.keys[at] == key:
        return nodes.payload(leaf.payloads[at])
    return None


def entries(nodes: Nodes, root: ObjectId, start: RRKey = LOWEST) -> Iterator[tuple[RRKey, bytes]]:
    """`(key, stored RRset)` in canonical order, from the first key that is not below `start`."""
    for leaf in leaves(nodes, root, start):
        first = bisect_left(leaf.keys, start)
        payloads = map(nodes.payload, leaf.payloads[first:]) if leaf.stubs else leaf.payloads[first:]
        yield from zip(leaf.keys[first:], payloads, strict=True)


def leaves(nodes: Nodes, root: ObjectId, start: RRKey = LOWEST) -> Iterator[Leaf]:
    """Leaves in canonical order, from the one that holds `start`, or would."""
    path: list[Iterator[ObjectId]] = []
    node = nodes(root)
    while not isinstance(node, Leaf):
        at = min(bisect_left(node.keys, start), len(node.keys) - 1)
        path.append(islice(node.children, at + 1, None))
        node = nodes(node.children[at])
    yield node
    while path:
        child = next(path[-1], None)
        if child is None:
            path.pop()
            continue
        node = nodes(child)
        if isinstance(node, Leaf):
            yield node
        else:
            path.append(iter(node.children))


def under(nodes: Nodes, root: ObjectId, prefix: RRKey) -> Iterator[tuple[RRKey, bytes]]:
    """`(key, stored RRset)` of the keys that begin with `prefix`. If one leaf has them all, no other is read."""
    leaf = leaf_for(nodes, root, prefix)
    at = bisect_left(leaf.keys, prefix)
    while at < len(leaf.keys):
        if not leaf.keys[at].startswith(prefix):
            return
        yield leaf.keys[at], nodes.payload(leaf.payloads[at])
        at += 1
    if leaf.keys:
        for key, payload in entries(nodes, root, RRKey(max(prefix, leaf.keys[-1] + b"\0"))):
            if not key.startswith(prefix):
                return
            yield key, payload


def last_before(nodes: Nodes, root: ObjectId, key: RRKey) -> RRKey | None:
    """The greatest key that is below `key`."""
    return next(keys_before(nodes, root, key), None)


def keys_before(nodes: Nodes, root: ObjectId, key: RRKey) -> Iterator[RRKey]:
    """The keys that are below `key`, the greatest first. The tree is descended once for each leaf."""
    while found := _keys_below(nodes, root, key):
        yield from reversed(found)
        key = found[0]


def _keys_below(nodes: Nodes, root: ObjectId, key: RRKey) -> Sequence[RRKey]:
    """The keys that are below `key` in the leaf that has the greatest of them."""
    node = nodes(root)
    left: ObjectId | None = None
    while True:
        at = bisect_left(node.keys, key)
        if isinstance(node, Leaf):
            if at:
                return node.keys[:at]
            break
        if at:
            left = node.children[at - 1]
        if at == len(node.children):
            break
        node = nodes(node.children[at])
    if left is None:
        return ()
    node = nodes(left)
    while not isinstance(node, Leaf):
        node = nodes(node.children[-1])
    return node.keys


def runs(nodes: Nodes, root: ObjectId) -> Iterator[tuple[int, bytes]]:
    """`(records, RRs)` of whole leaves as stored, in canonical order, for transfers. Leaves aren't cached."""
    get = nodes.source.get
    path: list[ObjectId] = [root]
    while path:
        data = get(path.pop())
        if node_level(data):
            # Calling `ObjectId` for each would take a twentieth of the time.
            path.extend(cast(Sequence[ObjectId], node_parts(data)[1])[::-1])
        elif run := leaf_rrs(data):
            yield run
        else:
            yield from _expanded(nodes, data)


def _expanded(nodes: Nodes, data: bytes) -> Iterator[tuple[int, bytes]]:
    """The runs of a leaf that holds stubs."""
    leaf = decode_node(data)
    if not isinstance(leaf, Leaf):
        return
    for entry in leaf.payloads:
        payload = nodes.payload(entry)
        yield payload_records(payload), payload
