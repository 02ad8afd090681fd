"""Checks each object on its only way into the store: against its kind's canonical form and what it points to.

Refused: unknown kinds and versions, objects above their kind's size, any bytes but the canonical ones, a child that
is not stored, a child that differs from its parent's description (level, record count, keys and their order, zone,
generation), a commit whose seq is too far ahead, and a published version that has parents or children. None of this
can be switched off. Only leaves that this process has built itself aren't decoded again (`built`).
"""

from collections.abc import Callable, Mapping
from typing import Final

from zonegit.errors import InvalidObject, LimitExceeded, NotFound, RevisionError
from zonegit.model.commit import NOT_BEFORE, PUBLISHES, Commit, Tag
from zonegit.model.ids import MAX_SIZE, Kind, ObjectId, kind_of, short
from zonegit.model.leaf_scan import LeafScan, scan_leaf
from zonegit.model.names import parse_apex
from zonegit.model.node import HAS_STUBS, Inner, Leaf, Node, check_node, check_rrset, is_stub, stub_target
from zonegit.model.refs import Ref, RefKind
from zonegit.model.rrset import RRKey, payload_key, record_count
from zonegit.model.zone import Zone
from zonegit.store.facts import (
    CommitFacts,
    Facts,
    NodeFacts,
    RRsetFacts,
    TagFacts,
    ZoneFacts,
    node_facts,
)
from zonegit.tree.oversized import is_light
from zonegit.tree.servable import Plain, checked_plain, is_sound, leaf_plain
from zonegit.zonefile.rdata.fitting import misfit

SEQ_STEP: Final = 1 << 64
"""How far a commit's seq may be ahead of its parents': as far as 2^32 changes that each go once around all serials.
Without a bound one commit could use up the numbers of all later ones (`model.commit`)."""

_MAX_NODE: Final = MAX_SIZE[Kind.NODE]

Describe = Callable[[ObjectId], Facts | None]
"""The facts of a stored object; None if it isn't stored."""


_FITTING: Final[Mapping[RefKind, tuple[type, ...]]] = {
    RefKind.TAG: (CommitFacts, TagFacts),
    RefKind.REVIEW: (TagFacts,),
    RefKind.PROPOSAL: (TagFacts,),
}
"""What a ref of a kind may point to, if not to commits only."""


def check_object(data: bytes, describe: Describe, decoded: Node | None = None) -> Facts:
    """Check an object; returns the facts that objects pointing to it rely on. `InvalidObject`, `LimitExceeded`.

    `decoded`: what `decode_node` makes of these bytes, if the caller has it already.
    """
    scan = scan_leaf(data) if len(data) <= _MAX_NODE else None
    if scan is not None:
        return _leaf_facts(data, scan, len(data))
    kind = kind_of(data)
    if len(data) > MAX_SIZE[kind]:
        raise LimitExceeded(f"{kind.name.lower()} of {len(data)} bytes; at most {MAX_SIZE[kind]}")
    if kind is Kind.NODE:
        return _check_node(data, describe, decoded)
    return _CHECKS[kind](data, describe)


def check_target(ref: Ref, oid: ObjectId, describe: Describe) -> None:
    """Check that a ref may point to an object: a commit of its zone, or for a tag also a tag. `NotFound`."""
    facts = describe(oid)
    if facts is None:
        raise NotFound(f"{ref.full} can't point to {short(oid)}, which is not here")
    fitting = _FITTING.get(ref.kind, (CommitFacts,))
    if not isinstance(facts, CommitFacts | TagFacts) or not isinstance(facts, fitting) or facts.zone != ref.zone:
        raise InvalidObject(f"{ref.full} can't point to {short(oid)}, which is not a commit of {ref.zone}")
    if isinstance(facts, CommitFacts) and facts.published is not (ref.kind is RefKind.PUBLISHED):
        what = "a published version" if facts.published else "a commit of a branch"
        raise InvalidObject(f"{ref.full} can't point to {short(oid)}, which is {what}")


def _check_node(data: bytes, describe: Describe, decoded: Node | None) -> Facts:
    node = check_node(data, decoded)
    if isinstance(node, Inner):
        return node_facts(node, *_check_children(node, describe))
    size = len(data) + (_check_stubs(node, describe) if data[2] & HAS_STUBS else 0)
    if not node.keys:
        return node_facts(node, RRKey(b""))
    return _leaf_facts(data, LeafScan(node.records, node.keys[0], node.keys[-1], max(map(len, node.keys))), size)


def _leaf_facts(data: bytes, scan: LeafScan, size: int) -> NodeFacts:
    """Facts of a leaf whose RRsets have `size` bytes, with those in objects of their own."""
    plain: Plain | None = None
    if is_light(scan.records, size, scan.first, scan.last):
        plain = checked_plain(scan.longest) if scan.checked else leaf_plain(data, scan.longest, misfit)
    return NodeFacts(0, scan.records, scan.first, scan.last, plain)


def _check_stubs(leaf: Leaf, describe: Describe) -> int:
    """Check a leaf's stubs, and return the total bytes of the RRsets that they stand for."""
    size = 0
    for key, payload in zip(leaf.keys, leaf.payloads, strict=True):
        if is_stub(payload):
            records, oid = stub_target(payload)
            found = describe(oid)
            if not isinstance(found, RRsetFacts) or (found.records, found.key) != (records, key):
                raise _wrong("leaf", oid, "the RRset that its stub describes", describe)
            size += found.size
    return size


def _check_children(node: Inner, describe: Describe) -> tuple[RRKey, Plain | None]:
    """Check an inner node's children and return the first key below it and its `Plain`, if known."""
    below = node.level - 1
    first = previous = None
    plain: Plain | None = 0, False
    for key, oid, records in zip(node.keys, node.children, node.counts, strict=True):
        child = describe(oid)
        if not isinstance(child, NodeFacts):
            raise _wrong("inner node", oid, f"the level {below} node that it describes", describe)
        level, below_it, begins, ends, fine = child
        if level != below or below_it != records or ends != key:
            raise _wrong("inner node", oid, f"the level {below} node that it describes", describe)
        if previous is None:
            first = begins
        elif begins <= previous:
            raise InvalidObject(f"inner node's child {short(oid)} begins before the previous one ends")
        previous = key
        if fine is None:
            plain = None
        elif plain is not None and (fine[0] > plain[0] or fine[1]):
            plain = fine if fine[0] >= plain[0] and fine[1] >= plain[1] else (max(fine[0], plain[0]), True)
    if first is None:
        raise InvalidObject("inner node has no children")
    return first, plain


def _check_rrset(data: bytes, _: Describe) -> Facts:
    payload = check_rrset(data)
    return RRsetFacts(record_count(payload), payload_key(payload), len(payload))


def _check_zone(data: bytes, describe: Describe) -> Facts:
    zone = Zone.decode(data)
    tree = describe(zone.tree)
    if not isinstance(tree, NodeFacts) or tree.records != zone.records:
        raise _wrong("zone", zone.tree, f"the node of {zone.records} records that it describes", describe)
    return ZoneFacts(zone.records, tree.plain)


def _check_commit(data: bytes, describe: Describe) -> Facts:
    commit = Commit.decode(data)
    root = describe(commit.zone_root)
    if not isinstance(root, ZoneFacts):
        raise _wrong("commit", commit.zone_root, "a zone", describe)
    if commit.is_tombstone and root.records:
        raise InvalidObject(f"commit is a tombstone but has {root.records} records")
    published = _check_headers(commit)
    generation, seq, sound = 1, 0, commit.is_tombstone or is_sound(parse_apex(commit.zone), root.plain)
    for oid in commit.parents:
        parent = describe(oid)
        if not isinstance(parent, CommitFacts) or parent.zone != commit.zone:
            raise _wrong("commit", oid, f"a commit of {commit.zone}", describe)
        if parent.published:
            raise InvalidObject(f"commit has the parent {short(oid)}, which is a published version")
        generation, seq = max(generation, 1 + parent.generation), max(seq, parent.seq)
        sound = sound and parent.sound
    if commit.generation != generation:
        raise InvalidObject(f"commit says generation {commit.generation}; its parents make it {generation}")
    if commit.seq > seq + SEQ_STEP and not published:
        raise InvalidObject(f"commit says seq {commit.seq}; its parents allow at most {seq + SEQ_STEP}")
    return CommitFacts(commit.zone, generation, commit.seq, sound, published)


def _check_headers(commit: Commit) -> bool:
    """Check the headers that only some commits have; whether it is a published version."""
    try:
        published, _ = commit.publishes is not None, commit.not_before
    except (InvalidObject, RevisionError) as error:
        raise InvalidObject(f"commit has a header that can't be read: {error}") from None
    names = [name for name, _ in commit.extra]
    if names.count(PUBLISHES) > 1 or names.count(NOT_BEFORE) > 1:
        raise InvalidObject("commit has a header twice that it can have once")
    if published and commit.parents:
        raise InvalidObject("commit is a published version and has parents")
    return published


def _check_tag(data: bytes, describe: Describe) -> Facts:
    tag = Tag.decode(data)
    target = describe(tag.target)
    if not isinstance(target, CommitFacts) or target.zone != tag.zone:
        raise _wrong("tag", tag.target, f"a commit of {tag.zone}", describe)
    return TagFacts(tag.zone, tag.target)


def _wrong(what: str, oid: ObjectId, expected: str, describe: Describe) -> InvalidObject:
    if describe(oid) is None:
        return InvalidObject(f"{what} points to {short(oid)}, which is not here")
    return InvalidObject(f"{what} points to {short(oid)}, which is not {expected}")


_CHECKS = {
    Kind.RRSET: _check_rrset,
    Kind.ZONE: _check_zone,
    Kind.COMMIT: _check_commit,
    Kind.TAG: _check_tag,
}
