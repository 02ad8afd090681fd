"""Zones as trees, from text, for tests of what signing adds to them."""

from collections.abc import Iterable, Mapping

from checkkit import APEX, entries_of
from treekit import Objects
from zonegit.model.names import OwnerKey, key_owner, owner_key, owner_text, relative
from zonegit.model.names import from_text as name_from_text
from zonegit.model.rrset import RRKey
from zonegit.model.zone import Shape
from zonegit.tree.build import build
from zonegit.tree.edit import edit
from zonegit.tree.walk import entries
from zonegit.tree.zone_tree import Tree

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
