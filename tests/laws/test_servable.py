"""What every version has to be, looked at in ways that agree: whole, beside what is known, by difference."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synckit import ORG, SMALL_NODES, commit, names, soa
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.names import APEX, Owner, join, parse_apex
from zonegit.model.rrset import SOA_KEY, RRKey, RRset, payload_key
from zonegit.store.memory import MemoryStore
from zonegit.tree.build import build
from zonegit.tree.servable import Inspection, change_fault
from zonegit.tree.source import Nodes
from zonegit.tree.version import block_weight, excess
from zonegit.zonefile.rdata.fitting import misfit

APEX_NAME = parse_apex(ORG)
GOOD = names(ORG, 60)
ONE = soa(ORG).rdatas[0]
WRONG = [
    RRset.of(APEX, 6, 60, [ONE, b"\1x" + ONE]),
    RRset.of(join([b"h000007"]), 6, 60, [ONE]),
    RRset.of(join([b"z" * 63, b"y" * 63, b"x" * 63, b"w" * 50]), 1, 60, [bytes(4)]),
    RRset.of(join([b"a"]), 51, 0, [b"\1\0\0\0\2a"]),
    RRset.of(join([b"a"]), 51, 0, [b"\1\0\0\0\0" + bytes(size) for size in range(1, 70)]),
    RRset.of(join([b"b"]), 46, 0, [bytes(18) + b"\0"]),
    RRset.of(join([b"c"]), 47, 60, [b"\0"]),
    RRset.of(join([b"d"]), 65, 60, [b"\0\1\0\0\3\0\1\0"]),
]
RIGHT = [
    RRset.of(join([b"z" * 63, b"y" * 63, b"x" * 63, b"w" * 48]), 16, 60, [b"\0"]),
    RRset.of(APEX, 51, 0, [b"\1\0\0\0\2ab", b"\1\0\0\0\0"]),
    RRset.of(join([b"txt"]), 16, 60, [b"\6\xc0\x0c\0\x06\0\1", b"\6\xc0\x0c\0\x33\0\1"]),
    RRset.of(join([b"b"]), 46, 0, [bytes(18) + b"\0s"]),
    RRset.of(join([b"c"]), 47, 60, [b"\0\0\1\2"]),
    RRset.of(join([b"none"]), 65_280, 60, [b"\0"]),
    RRset.of(join([b"large"]), 51, 0, [b"\1\0\0\0\x14" + bytes([at]) * 20 for at in range(60)]),
]


def crowd(owner: Owner, kinds: list[tuple[int, int, int]]) -> list[bytes]:
    """So many types of so many records of so many bytes and two."""
    shapes = [(records, size) for types, records, size in kinds for _ in range(types)]
    return [
        RRset.of(owner, 65_300 + at, 60, [n.to_bytes(2, "big") + bytes(size) for n in range(records)]).encode()
        for at, (records, size) in enumerate(shapes)
    ]


CROWDS = [
    crowd(owner, kinds)
    for owner in (APEX, join([b"h000030"]), join([b"zzz"]))
    for kinds in (
        [(66, 1, 990)],
        [(34, 31, 0)],
        [(2, 30, 1000), (6, 1, 900)],
        [(4, 250, 0), (5, 6, 0)],
        [(4, 250, 0), (3, 6, 0), (7, 1, 8)],
    )
]
"""RRsets at one owner: all of them are too much, and without a few they aren't."""


class Stored(dict[ObjectId, bytes]):
    def get(self, oid: ObjectId) -> bytes:  # type: ignore[override]
        return self[oid]


def put(store: Stored, content: Mapping[RRKey, bytes]) -> ObjectId:
    built = build(SMALL_NODES, sorted(content.items()))
    store.update({object_id(data): data for data in built.objects})
    return built.root


@given(
    st.sets(st.sampled_from(sorted(GOOD)), max_size=20),
    st.sets(st.integers(0, len(RIGHT) - 1)),
    st.sets(st.integers(0, len(WRONG) - 1), max_size=2),
)
def test_all_ways_to_look_agree(gone: set[RRKey], right: set[int], wrong: set[int]) -> None:
    content = {key: payload for key, payload in GOOD.items() if key not in gone}
    content |= {each.key: each.encode() for each in [RIGHT[at] for at in right] + [WRONG[at] for at in wrong]}
    store = Stored()
    old, new = put(store, GOOD), put(store, content)
    nodes = Nodes(store)
    beside = Inspection(APEX_NAME, nodes, misfit)
    beside.trust(old)
    found = Inspection(APEX_NAME, nodes, misfit).fault(new)
    assert (found is None) == (not wrong and SOA_KEY in content)
    assert (beside.fault(new) is None) == (found is None)
    assert (change_fault(APEX_NAME, nodes, old, new, misfit) is None) == (found is None)
    assert beside.fault(old) is None
    lately = MemoryStore()
    tip = commit(lately, ORG, content, shape=SMALL_NODES)
    with lately.read() as reader:
        assert Inspection(APEX_NAME, Nodes(reader), misfit, reader.plain).fault(new) == found
        assert found is None or not reader.is_sound(tip)


@pytest.mark.parametrize("wrong", [None, *WRONG])
def test_a_commit_is_sound_only_on_sound_ones(wrong: RRset | None) -> None:
    store = MemoryStore()
    commit(store, ORG, GOOD)
    spoilt = commit(store, ORG, GOOD | ({wrong.key: wrong.encode()} if wrong else {}))
    tip = commit(store, ORG, GOOD)
    with store.read() as reader:
        assert [reader.is_sound(oid) for oid in (spoilt, tip)] == [wrong is None] * 2


LACKING = [slice(None), *(slice(None, -n) for n in range(1, 5)), *(slice(n, None) for n in range(1, 4))]


@pytest.mark.parametrize("crowd", CROWDS)
def test_an_owner_with_too_much_is_found_wherever_it_lies(crowd: list[bytes]) -> None:
    """However its RRsets spread over nodes, and whichever of them were there before."""
    store, memory, trees = Stored(), MemoryStore(), []
    for here in LACKING:
        content = GOOD | {payload_key(rrset): rrset for rrset in crowd[here]}
        owner = [rrset for key, rrset in content.items() if key[:-3] == payload_key(crowd[0])[:-3]]
        trees.append((put(store, content), excess(*block_weight(owner)) is not None))
        with memory.write() as writer:
            writer.insert(build(SMALL_NODES, sorted(content.items())).objects)
    assert {spoilt for _, spoilt in trees} == {True, False}
    nodes = Nodes(store)
    for old in [tree for tree, spoilt in trees if not spoilt]:
        beside = Inspection(APEX_NAME, nodes, misfit)
        beside.trust(old)
        for tree, spoilt in trees:
            assert (beside.fault(tree) is not None) == spoilt
            assert (change_fault(APEX_NAME, nodes, old, tree, misfit) is not None) == spoilt
    with memory.read() as reader:
        lately = Inspection(APEX_NAME, Nodes(reader), misfit, reader.plain)
        for inspection in (Inspection(APEX_NAME, nodes, misfit), lately):
            assert [inspection.fault(tree) is not None for tree, _ in trees] == [spoilt for _, spoilt in trees]
