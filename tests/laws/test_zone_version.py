"""`ZoneVersion` has two implementations, the tree's and the served view's: both say what a sorted list says."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from storekit import MAIN, SMALL_NODES, publish
from treekit import content, key_of
from zonegit.model.names import OwnerKey
from zonegit.model.rrset import RRKey, RRset, key_parts
from zonegit.store.memory import MemoryStore
from zonegit.tree.source import Nodes
from zonegit.tree.tree_version import TreeVersion
from zonegit.tree.version import ZoneVersion, block_item, block_items

SERIAL = 77

Content = dict[RRKey, bytes]


def agree(version: ZoneVersion, blocks: dict[OwnerKey, bytes], asked: list[OwnerKey]) -> None:
    owners = sorted(blocks)
    for owner in asked:
        below = [other for other in owners if other < owner]
        above = [other for other in owners if other > owner]
        following = above[0] if above else None
        assert version.at(owner) == blocks.get(owner)
        assert version.look(owner) == (blocks.get(owner), None if owner in blocks else following)
        assert version.before(owner) == ((below[-1], blocks[below[-1]]) if below else None)
        assert version.after(owner) == following
        assert version.owners_before(owner, 20) == below[:-21:-1]
    assert version.serial == SERIAL


@given(st.builds(content, st.integers(0, 120), st.integers(0, 2**32)), st.integers(0, 2**32))
@settings(max_examples=60)
def test_both_versions_agree_with_a_sorted_list(entries: Content, seed: int) -> None:
    blocks: dict[OwnerKey, bytes] = {}
    for key in sorted(entries):
        owner = OwnerKey(key[:-3])
        blocks[owner] = blocks.get(owner, b"") + block_item(entries[key], SERIAL)
    rng = Random(seed)
    asked = [*rng.sample(sorted(blocks), min(15, len(blocks))), *(OwnerKey(key_of(rng)[:-3]) for _ in range(10))]
    store = MemoryStore()
    with store.write() as writer:
        commit = publish(writer, map(RRset.decode, entries.values()), seq=SERIAL, shape=SMALL_NODES)
    with store.read() as reader:
        view = reader.view(MAIN)
        assert view is not None
        for version in (view, TreeVersion(Nodes(reader), commit)):
            assert (version.apex, version.commit) == (b"\7example\3org\0", commit)
            agree(version, blocks, asked)


@given(st.builds(content, st.integers(1, 40), st.integers(0, 2**32)))
@settings(max_examples=40)
def test_a_blocks_rrs_are_its_rrsets_with_the_owner_taken_off(entries: Content) -> None:
    for key, payload in entries.items():
        [(rtype, records, rrs)] = block_items(block_item(payload, SERIAL))
        owner, expected = key_parts(key)
        rrset = RRset.decode(payload)
        assert (rtype, records) == (expected, len(rrset.rdatas))
        assert len(rrs) == len(payload) - records * len(owner)
        assert all(rdata in rrs for rdata in rrset.rdatas)
