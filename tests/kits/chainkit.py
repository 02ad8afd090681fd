"""Zones as trees, from text, for tests of what signing adds to them."""

from collections.abc import Iterable, Mapping

from checkkit import APEX, entries_of
from treekit import Objects
from zonegit.dnssec.bounded_findings import BoundedFindings
from zonegit.dnssec.denial import check_chain
from zonegit.dnssec.nodes import nodes
from zonegit.dnssec.signing.standing import signed_types, standing_owners
from zonegit.model.names import OwnerKey, key_owner, owner_key, owner_text, relative
from zonegit.model.names import from_text as name_from_text
from zonegit.model.rdata import RRSIG
from zonegit.model.rrset import RRKey, RRset
from zonegit.model.zone import Shape
from zonegit.tree.build import build
from zonegit.tree.edit import edit
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree
from zonegit.zonefile.findings import Finding

SHAPE = Shape(b"c" * 32, 64, 128, 256)
"""Small nodes, so that a small zone has levels."""


def tree_of(found: Iterable[tuple[RRKey, bytes]]) -> Tree:
    """The tree of these entries, which are in canonical order."""
    objects = Objects()
    return Tree(objects.nodes, objects.take(build(SHAPE, found)).root)


def zone_of(text: str) -> Tree:
    """The tree of a zone at example.com."""
    return tree_of(entries_of(text))


def changed(tree: Tree, changes: Mapping[RRKey, bytes | None]) -> Tree:
    """The tree with these RRsets put or (None) deleted."""
    source = tree.nodes.source
    assert isinstance(source, Objects)
    return Tree(tree.nodes, source.take(edit(tree.nodes, tree.root, SHAPE, changes.items())).root)


def entries_in(tree: Tree) -> list[tuple[RRKey, bytes]]:
    return list(entries(tree.nodes, tree.root))


def key_of(name: str) -> OwnerKey:
    """The key of an owner that is written as in the zone file."""
    return owner_key(relative(name_from_text(name, APEX), APEX))


def text_of(key: OwnerKey) -> str:
    return owner_text(key_owner(key))


def signed_tree(zone: Tree, chain: Iterable[tuple[RRKey, bytes]]) -> Tree:
    """The zone with a chain, and with records instead of signatures that say what they cover and nothing else."""
    records = dict(chain)
    whole = changed(zone, records)
    marks: dict[RRKey, bytes | None] = {}
    for each in standing_owners(entries_in(whole)):
        if covered := signed_types(each.standing, each.types):
            rdatas = [rtype.to_bytes(2, "big") + bytes(16) + b"\0" for rtype in covered]
            mark = RRset.of(key_owner(each.key), RRSIG, 0, rdatas)
            marks[mark.key] = mark.encode()
    return changed(whole, marks)


def faults(signed: Tree) -> list[Finding]:
    """What validators would find wrong with the chain of a signed zone."""
    stored = entries_in(signed)
    found = BoundedFindings()
    check_chain(APEX, next(nodes(stored)), stored, found)
    return found.listed()


def touched(old: Tree, new: Tree) -> list[OwnerKey]:
    """Every owner whose types or standing differ between two zones."""
    before, after = (
        {each.key: (list(each.types), each.standing) for each in standing_owners(entries_in(zone))}
        for zone in (old, new)
    )
    return [owner for owner in sorted({*before, *after}) if before.get(owner) != after.get(owner)]
