"""Edits that make a small tree grow levels."""

from random import Random

import pytest

from treekit import SHAPES, Objects, key_of, payload_of
from zonegit.model.ids import Kind, kind_of, object_id
from zonegit.model.node import decode_node
from zonegit.model.rrset import RRKey
from zonegit.tree import walk
from zonegit.tree.build import build
from zonegit.tree.edit import edit


@pytest.mark.parametrize("block", range(4))
def test_a_root_that_stays_as_one_of_several_nodes_is_kept(block: int) -> None:
    shape = SHAPES[1]
    for seed in range(100 * block, 100 * block + 100):
        rng = Random(seed)
        before = _entries(rng, rng.randint(0, 3))
        changes = _entries(rng, 8)
        after = sorted({**before, **changes}.items())
        objects = Objects()
        old = objects.take(build(shape, sorted(before.items())))
        new = objects.take(edit(objects.nodes, old.root, shape, changes.items()))
        assert list(walk.entries(objects.nodes, new.root)) == after
        assert new.root == build(shape, after).root
        for data in filter(is_node, new.objects):
            assert objects.nodes(object_id(data)) == decode_node(data), "what is kept of a new node"


def is_node(data: bytes) -> bool:
    return kind_of(data) is Kind.NODE


def _entries(rng: Random, count: int) -> dict[RRKey, bytes]:
    keys = [key_of(rng) for _ in range(count)]
    return {key: payload_of(key, rng) for key in keys}
