"""What is said of leaves that were just built is what a check finds; a transfer stores what an import does."""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incomingkit import SERVER
from repokit import Clock
from treekit import SHAPES, key_of, payload_of
from zonegit.model.ids import Kind, ObjectId, header, object_id
from zonegit.model.names import APEX, from_text, join
from zonegit.model.rrset import RRset
from zonegit.model.zone import Shape
from zonegit.repo import Repository
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import arrival, store_arrivals
from zonegit.repo.incoming.values import WholeZone
from zonegit.repo.results import Position
from zonegit.store.built import leaf_facts
from zonegit.store.facts import Facts
from zonegit.store.insert import check_object
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.build import build
from zonegit.zonefile.reader import read_zone

EXAMPLES = Path(__file__).parents[2] / "examples"
ODD = [
    RRset.of(APEX, 6, 60, [b"\2ns\0\5admin\0" + bytes(20)]),
    RRset.of(join([b"sub"]), 6, 60, [b"\2ns\0\5admin\0" + bytes(20)]),
    RRset.of(join([b"z" * 63, b"y" * 63, b"x" * 63, b"w" * 50]), 1, 60, [bytes(4)]),
    RRset.of(join([b"a"]), 51, 0, [b"\1\0\0\0\2a"]),
    RRset.of(join([b"b"]), 46, 0, [bytes(18) + b"\0s"]),
    RRset.of(join([b"c"]), 47, 60, [b"\0"]),
    RRset.of(join([b"large"]), 51, 0, [b"\1\0\0\0\x14" + bytes([at]) * 20 for at in range(60)]),
    *(RRset.of(join([b"many"]), 65_300 + at, 60, [bytes([at])]) for at in range(40)),
]
"""RRsets of which more is to be looked at than of an address."""


@given(
    st.randoms(use_true_random=False), st.integers(0, 400), st.sampled_from(SHAPES), st.sets(st.sampled_from(ODD))
)
def test_the_facts_are_those_that_a_check_finds(rng: Random, size: int, shape: Shape, odd: set[RRset]) -> None:
    content = {key: payload_of(key, rng) for key in (key_of(rng) for _ in range(size))}
    content |= {rrset.key: rrset.encode() for rrset in odd}
    entries = sorted(content.items())
    objects = {object_id(data): data for data in build(shape, entries).objects}
    checked: dict[ObjectId, Facts] = {}
    for oid, data in objects.items():
        checked[oid] = check_object(data, checked.get)
    leaves = {oid for oid, data in objects.items() if data[:4] == header(Kind.NODE) + b"\0"}
    assert leaf_facts(entries, objects) == {oid: checked[oid] for oid in leaves if entries}


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.zone")))
def test_a_transfer_stores_the_objects_of_an_import(name: str) -> None:
    apex = name.removesuffix("zone")
    parsed = read_zone(EXAMPLES / name, name=name, origin=from_text(apex))
    with TemporaryDirectory() as home:
        with Repository.init(Path(home) / "imported", now=Clock()) as repository:
            repository.import_zone(parsed, source=name, author="Ada <ada@example.org>")
            store = LmdbStore.open(Path(home) / "imported")
            tip = Context.over(store).tip(Position(apex, "main"))
            with store.read() as reader:
                imported = set(reader.object_ids()) - {tip.revision.id}
            store.close()
        store = LmdbStore.create(Path(home) / "transferred")
        context = Context.over(store, random=lambda _: tip.zone.shape.salt)
        whole = WholeZone(parsed.apex, parsed.serial, parsed.entries, parsed.records)
        store_arrivals(context, [found := arrival(context, Position(apex, "main"), whole, SERVER)])
        with store.read() as reader:
            assert set(reader.object_ids()) - {found.ready.done.new} == imported
        store.close()
