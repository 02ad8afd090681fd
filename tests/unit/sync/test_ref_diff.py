"""Differences of refs by buckets: the answer makes the client's refs the server's, whatever the client held."""

import json
from random import Random

import pytest

from synckit import KEY, PEER, WHO, commit, names, put_tag
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName, head, remote, tag
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.store.refindex import RefIndex, index_key, index_of
from zonegit.sync.ref_diff import MANY, Change, Question, RefTable, held_of, holds_many, tips
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import PeerRefs, Tip

EPOCH, OTHER = "e" * 32, "d" * 32
ROOT = "ab" * 32
Refs = dict[RefName, ObjectId]


def some_refs(rng: Random, count: int) -> Refs:
    made: Refs = {}
    for _ in range(count):
        name = head if rng.random() < 0.8 else tag
        made[name(f"z{rng.randrange(2 * count)}.example.", rng.choice(("main", "next")))] = ObjectId(
            rng.randbytes(32)
        )
    return made


@pytest.mark.parametrize("count", [0, 1, 2, 17, 300, 2000])
def test_an_index_made_at_once_is_the_index_that_is_kept(count: int) -> None:
    refs = some_refs(Random(count), count)
    kept = RefIndex({})
    for name, oid in refs.items():
        kept.set(name, oid)
    assert index_of(refs.items()) == (kept.root, kept.buckets())


@pytest.mark.parametrize("seed", range(20))
def test_what_a_client_holds_becomes_what_the_server_has(seed: int) -> None:
    rng = Random(seed)
    server = some_refs(rng, rng.choice((0, 3, 500)))
    client = {name: oid for name, oid in server.items() if rng.random() > 0.02} | some_refs(rng, rng.choice((0, 5)))
    asked = Question.decode(RefTable(client).question(EPOCH))
    change = Change.decode(RefTable(server).change(asked, EPOCH, 7, ROOT).encode())
    branches, tagged = tips(server)
    assert RefTable(client).apply(change) == PeerRefs(EPOCH, 7, ROOT, branches, tagged)


def test_equal_refs_differ_in_no_bucket_and_another_repository_in_all() -> None:
    table = RefTable(some_refs(Random(1), 400))
    same = table.change(Question.decode(table.question(EPOCH)), EPOCH, 7, ROOT)
    assert (same.prefixes, same.branches, same.tags) == ((), (), ())
    other = table.change(Question.decode(table.question(OTHER)), EPOCH, 7, ROOT)
    assert len(other.prefixes) == 256
    assert len(list(other.refs())) == len(set(other.refs())) > 300
    first = table.change(Question.decode(table.question("")), EPOCH, 7, ROOT)
    assert first == same


def test_a_key_is_told_of_its_zones_only() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 1))
    commit(store, "example.net.", names("example.net.", 1))
    narrow = Key.derive("k2", b"n" * 32, scopes=(parse_scope("read:example.net."),))
    endpoint = Endpoint(store)
    for key, zones in ((KEY, ["example.net.", "example.org."]), (narrow, ["example.net."])):
        change = Change.decode(endpoint.refs_diff(key, RefTable({}).question("")).body)
        refs = RefTable({}).apply(change)
        assert refs.zones == zones
        assert refs == PeerRefs.decode(endpoint.refs(key).body)
        held = dict(Change.refs(change))
        assert not Change.decode(endpoint.refs_diff(key, RefTable(held).question("")).body).prefixes


def test_held_are_the_tracked_branches_and_the_tags_of_their_zones() -> None:
    store = MemoryStore()
    oid = commit(store, "example.org.", names("example.org.", 1))
    own = commit(store, "example.net.", names("example.net.", 1))
    put_tag(store, "example.org.", "v1", oid)
    put_tag(store, "example.net.", "v1", own)
    with store.write() as writer:
        writer.move_refs([RefUpdate(remote(PEER, "example.org.", "main"), None, oid)], WHO, "pull: test")
    with store.read() as reader:
        epoch, held = held_of(reader, PEER)
        assert not holds_many(reader, PEER)
    assert (epoch, held) == ("", {head("example.org.", "main"): oid, tag("example.org.", "v1"): oid})
    with store.write() as writer:
        updates = [RefUpdate(remote(PEER, "example.org.", f"b{at}"), None, oid) for at in range(MANY)]
        writer.move_refs(updates, WHO, "pull: test")
    with store.read() as reader:
        assert holds_many(reader, PEER)


def good_change() -> dict[str, object]:
    name = head("example.org.", "main")
    branches, _ = tips({name: ObjectId(bytes(32))})
    return json.loads(Change(EPOCH, 7, ROOT, (index_key(name)[0],), branches, ()).encode())


def test_the_good_change_is_good() -> None:
    change = Change.decode(json.dumps(good_change()).encode())
    assert change.branches == (Tip("example.org.", "main", ObjectId(bytes(32))),)


A = "A" * 43


@pytest.mark.parametrize(
    "spoilt",
    [
        {"epoch": "x" * 32},
        {"root": "ab"},
        {"seq": -1},
        {"seq": True},
        {"buckets": [256]},
        {"buckets": [-1]},
        {"buckets": ["1"]},
        {"buckets": "1"},
        {"buckets": []},
        {"branches": {}},
        {"branches": [["example.org.", "main"]]},
        {"branches": [["example.org.", "main", 1]]},
        {"branches": [["example.org.", "main", A[1:]]]},
        {"branches": [["example.org.", "main", A[1:] + "B"]]},
        {"branches": [["example.org.", "main", A[1:] + "é"]]},
        {"branches": [["Example.org.", "main", A]]},
        {"branches": [["example.org.", "../main", A]]},
        {"branches": [["example.org.", "main", A], ["example.org.", "main", A]]},
        {"tags": [["example.org.", "main", A]]},
    ],
)
def test_a_change_that_is_wrong_is_refused(spoilt: dict[str, object]) -> None:
    with pytest.raises(InvalidData):
        Change.decode(json.dumps(good_change() | spoilt).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        json.dumps({"epoch": EPOCH, "root": ROOT, "buckets": []}).encode(),
        json.dumps({"epoch": EPOCH, "root": ROOT, "buckets": "A" * 5461}).encode(),
        json.dumps({"epoch": EPOCH, "root": ROOT, "buckets": "A" * 5460 + "=="}).encode(),
        json.dumps({"epoch": EPOCH, "root": 1, "buckets": "A" * 5462}).encode(),
    ],
)
def test_a_question_that_is_wrong_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidData):
        Endpoint(MemoryStore()).refs_diff(KEY, body)


def test_refs_without_their_lists_are_no_refs() -> None:
    brief = Endpoint(MemoryStore()).brief(KEY).body
    with pytest.raises(InvalidData, match="no list"):
        PeerRefs.decode(brief)
