"""Which RRsets stand in a leaf, and which in an object of their own."""

import pytest

from treekit import SHAPES, Objects
from zonegit.model.ids import Kind, kind_of
from zonegit.model.names import join
from zonegit.model.node import INLINE_MAX
from zonegit.model.rrset import RRset
from zonegit.tree import walk
from zonegit.tree.build import build
from zonegit.tree.edit import edit


def sized(size: int) -> RRset:
    """An RRset whose stored form has so many bytes."""
    owner = join([b"a"])
    return RRset.of(owner, 65280, 60, [bytes(size - len(owner) - 12)])


@pytest.mark.parametrize(("size", "apart"), [(INLINE_MAX - 1, 0), (INLINE_MAX, 0), (INLINE_MAX + 1, 1)])
def test_an_rrset_above_the_bound_has_an_object_of_its_own(size: int, apart: int) -> None:
    rrset = sized(size)
    assert len(rrset.encode()) == size
    objects = Objects()
    made = objects.take(build(SHAPES[0], [(rrset.key, rrset.encode())]))
    empty = objects.take(build(SHAPES[0], [])).root
    assert sum(kind_of(data) is Kind.RRSET for data in made.objects) == apart
    assert objects.take(edit(objects.nodes, empty, SHAPES[0], [(rrset.key, rrset.encode())])).root == made.root
    assert walk.get(objects.nodes, made.root, rrset.key) == rrset.encode()
    assert list(walk.runs(objects.nodes, made.root)) == [(1, rrset.encode())]
