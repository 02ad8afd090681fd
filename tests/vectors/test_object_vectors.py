"""The golden bytes in objects.json: what an earlier version wrote is read, checked and made the same today."""

import json
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import Kind, ObjectId, kind_of
from zonegit.model.names import key_owner, parse_apex, relative
from zonegit.model.node import Leaf, check_node, check_rrset, encode_inner, encode_leaf, encode_rrset
from zonegit.model.refs import RefName
from zonegit.model.zone import Zone
from zonegit.store.memory import MemoryStore
from zonegit.store.refindex import RefIndex
from zonegit.store.reflog import decode_entry, encode_entry
from zonegit.tree.version import block_items

VECTORS: dict[str, Any] = json.loads(Path(__file__).with_name("objects.json").read_text(encoding="utf-8"))
OBJECTS = {name: bytes.fromhex(vector["hex"]) for name, vector in VECTORS["objects"].items()}


def made_again(data: bytes) -> bytes:
    match kind_of(data):
        case Kind.COMMIT:
            return Commit.decode(data).encode()
        case Kind.TAG:
            return Tag.decode(data).encode()
        case Kind.ZONE:
            return Zone.decode(data).encode()
        case Kind.RRSET:
            return encode_rrset(check_rrset(data))
        case Kind.NODE:
            node = check_node(data)
            if isinstance(node, Leaf):
                return encode_leaf(node.payloads)
            return encode_inner(node.level, node.keys, node.children, node.counts)


@pytest.mark.parametrize("name", OBJECTS)
def test_an_object_is_read_and_made_the_same(name: str) -> None:
    data = OBJECTS[name]
    assert blake3(data).hexdigest() == VECTORS["objects"][name]["id"]
    assert made_again(data) == data


def test_every_kind_has_a_vector() -> None:
    assert {kind_of(data) for data in OBJECTS.values()} == set(Kind)


def test_the_objects_make_a_closed_store() -> None:
    store = MemoryStore()
    with store.write() as writer:
        assert writer.insert(OBJECTS.values()) == len(OBJECTS)


def test_owner_keys() -> None:
    root = parse_apex(".")
    keys = [bytes.fromhex(key) for key in VECTORS["owner keys"].values()]
    assert keys == sorted(keys)
    for text, key in VECTORS["owner keys"].items():
        assert key_owner(bytes.fromhex(key)) == relative(parse_apex(text), root)  # type: ignore[arg-type]


def test_the_ref_index() -> None:
    vector = VECTORS["ref index"]
    index = RefIndex({})
    for name, oid in vector["refs"].items():
        index.set(RefName(name), ObjectId(bytes.fromhex(oid)))
    assert index.root.hex() == vector["root"]
    assert {f"{bucket.prefix:02x}": bucket.digest.hex() for bucket in index.buckets()} == vector["buckets"]


def test_a_reflog_entry() -> None:
    value = bytes.fromhex(VECTORS["reflog entry"])
    assert encode_entry(decode_entry(value)) == value


def test_a_block_holds_the_served_serial() -> None:
    items = list(block_items(bytes.fromhex(VECTORS["apex block with serial 7"])))
    assert [(rtype, records) for rtype, records, _ in items] == [(2, 2), (6, 1), (46, 1)]
    assert items[1][2][-20:-16] == b"\0\0\0\7"


def test_the_code_makes_every_vector_today() -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("make", Path(__file__).with_name("make.py"))
    assert spec
    assert spec.loader
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert json.loads(json.dumps(made.vectors())) == VECTORS
