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
from zonegit.store.port import RefUpdate, Store
from zonegit.store.refindex import RefIndex, index_key
from zonegit.store.tables import Table
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.ref_diff import MANY, PART, Change, Question, change_for, holds_many
from zonegit.sync.ref_lists import RefLists, in_order
from zonegit.sync.ref_table import EMPTY, RefTable
from zonegit.sync.server import Endpoint
from zonegit.sync.tips import Tip, Tips
from zonegit.sync.wire import PeerRefs
from zonegit.sync.work import finish, never

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


def tracking(refs: Refs) -> MemoryStore:
    """A store that tracks these refs as a mirror's does."""
    store = MemoryStore()
    with store.write() as writer:
        for name, oid in refs.items():
            writer.draft.put(Table.REFS, name.encode(), oid)
        for name, oid in refs.items():
            zone, _, label = name.split("/", 2)[2].rpartition("/")
            if name.startswith("refs/heads/"):
                writer.draft.put(Table.REFS, remote(PEER, zone, label).encode(), oid)
        writer.draft.put(Table.META, b"setting/peer/primary-1/highest", f"{EPOCH} 1 {ROOT}".encode())
    return store


def held(store: Store, *, mirrored: bool = True) -> KnownRefs:
    found = KnownRefs(PEER, mirrored=mirrored)
    with store.read() as reader:
        found.catch_up(reader)
    return found


def state(seq: int = 7) -> PeerRefs:
    return PeerRefs(EPOCH, seq, ROOT)


@pytest.mark.parametrize("count", [0, 1, 2, 17, 300, 2000])
def test_a_table_that_is_kept_up_has_the_index_of_its_refs(count: int) -> None:
    rng = Random(count)
    kept, table, refs = RefIndex({}), RefTable(), some_refs(rng, count)
    for name, oid in refs.items():
        kept.set(name, oid)
        table.move(name, oid)
    for _ in range(3):
        buckets = {bucket.prefix: bucket.digest for bucket in kept.buckets()}
        assert table.root == kept.root.hex()
        assert table.digests == tuple(buckets.get(at, EMPTY) for at in range(256))
        for name in rng.sample(sorted(refs), min(count, 5)):
            tip = rng.choice((None, ObjectId(rng.randbytes(32))))
            kept.set(name, tip)
            table.move(name, tip)
            assert table.get(name) == tip


@pytest.mark.parametrize("seed", range(20))
def test_what_a_client_holds_becomes_what_the_server_has(seed: int) -> None:
    rng = Random(seed)
    server = some_refs(rng, rng.choice((0, 3, 500)))
    zones = {name.split("/")[2] for name in server if name.startswith("refs/heads/")}
    server = {name: oid for name, oid in server.items() if name.split("/")[2] in zones}  # tags are of zones
    heads = {name: oid for name, oid in server.items() if rng.random() > 0.02 or name.startswith("refs/tags/")}
    others = {name: oid for name, oid in some_refs(rng, rng.choice((0, 5))).items() if "heads" in name}
    store = tracking(heads | others)
    client = held(store)
    change = Change.decode(
        finish(change_for(Question.decode(client.question()), RefTable(server.items()), state())).encode()
    )
    lists = finish(in_order([list(server.items())], never))
    assert client.complete(client.differences(change)) == PeerRefs(EPOCH, 7, ROOT, lists)
    found = client.differences(change)
    with store.read() as reader:
        refs = {RefName(name): oid for name, oid in reader.refs("refs/heads/")}
        refs |= {name: oid for name, oid in reader.refs("refs/tags/") if name.split("/")[2] in tracked_zones(refs)}
    news = {head(tip.zone, tip.name): tip.oid for tip in found.branches}
    news |= {tag(tip.zone, tip.name): tip.oid for tip in found.tags}
    assert found.gone is not None
    assert {name: oid for name, oid in (refs | news).items() if name not in found.gone} == server
    assert not [name for name, oid in news.items() if refs.get(name) == oid], "only what differs"


def tracked_zones(refs: Refs) -> set[str]:
    return {name.split("/")[2] for name in refs}


def test_equal_refs_differ_in_no_bucket_and_another_repository_in_all() -> None:
    table = RefTable(some_refs(Random(1), 400).items())

    def asked(epoch: str) -> Change:
        return finish(change_for(Question(epoch, table.root, table.digests), table, state()))

    same = asked(EPOCH)
    assert (same.prefixes, same.lists) == ((), RefLists())
    other = asked(OTHER)
    assert len(other.prefixes) == 256
    assert len(list(other.lists.refs)) == len(set(other.lists.refs)) > 300
    assert asked("") == same


@pytest.mark.parametrize("epoch", [EPOCH, OTHER])
def test_an_answer_in_parts_is_the_answer(epoch: str) -> None:
    refs = some_refs(Random(6), 900)
    table, nothing = RefTable(refs.items()), RefTable()
    found: Refs = {}
    first, parts, prefixes = 0, 0, []
    while not parts or first:
        question = Question(epoch, nothing.root, nothing.digests, first=first, most=100)
        change = finish(change_for(Question.decode(question.encode()), table, state()))
        change = Change.decode(change.encode())
        part = dict(change.lists.refs)
        assert 0 < len(part) < 130
        assert not part.keys() & found.keys()
        found |= part
        prefixes += change.prefixes
        first, parts = change.next, parts + 1
    assert found == refs
    assert parts > 5
    assert prefixes == sorted(set(prefixes))
    assert len(finish(change_for(question._replace(first=0, most=0), table, state())).lists.branches) > 130


def test_a_key_is_told_of_its_zones_only() -> None:
    store = MemoryStore()
    commit(store, "example.org.", names("example.org.", 1))
    commit(store, "example.net.", names("example.net.", 1))
    narrow = Key.derive("k2", b"n" * 32, scopes=(parse_scope("read:example.net."),))
    endpoint = Endpoint(store)
    for key, zones in ((KEY, ["example.net.", "example.org."]), (narrow, ["example.net."])):
        nothing = held(MemoryStore())
        change = Change.decode(finish(endpoint.refs_diff(key, nothing.question())).body)
        refs = nothing.complete(nothing.differences(change))
        assert refs.zones == zones
        assert refs == PeerRefs.decode(finish(endpoint.refs(key)).body)
        all_held = RefTable(change.lists.refs)
        question = Question("", all_held.root, all_held.digests).encode()
        assert not Change.decode(finish(endpoint.refs_diff(key, question)).body).prefixes


def test_held_are_the_tracked_branches_and_the_tags_of_their_zones() -> None:
    store = MemoryStore()
    oid = commit(store, "example.org.", names("example.org.", 1))
    own = commit(store, "example.net.", names("example.net.", 1))
    put_tag(store, "example.org.", "v1", oid)
    put_tag(store, "example.net.", "v1", own)
    kept = held(store)

    def expect(refs: Refs, *, mirrored: bool = True) -> None:
        table = RefTable(refs.items())
        question = Question("", table.root, table.digests, most=PART).encode()
        assert held(store, mirrored=mirrored).question() == question
        if mirrored:
            with store.read() as reader:
                kept.catch_up(reader)
            assert kept.question() == question, "what was kept up is what is read anew"

    def put(name: RefName, tip: ObjectId | None) -> None:
        with store.write() as writer:
            writer.move_refs([RefUpdate(name, writer.ref(name), tip)], WHO, "test")

    expect({})
    put(remote(PEER, "example.org.", "main"), oid)
    expect({head("example.org.", "main"): oid, tag("example.org.", "v1"): oid})
    put(tag("example.org.", "v2"), oid)
    put(tag("example.net.", "v2"), own)
    put(tag("example.org.", "v1"), None)
    both = {head("example.org.", "main"): oid, tag("example.org.", "v2"): oid}
    expect(both)
    astray = commit(store, "example.org.", names("example.org.", 2))
    expect(both | {head("example.org.", "main"): ObjectId(bytes(32))})
    expect(both, mirrored=False)
    put(remote(PEER, "example.org.", "main"), astray)
    expect(both | {head("example.org.", "main"): astray})
    put(remote(PEER, "example.org.", "main"), None)
    expect({})
    with store.read() as reader:
        assert not holds_many(reader, PEER)
    with store.write() as writer:
        updates = [RefUpdate(remote(PEER, "example.org.", f"b{at}"), None, oid) for at in range(MANY + 1)]
        writer.move_refs(updates, WHO, "pull: test")
    with store.read() as reader:
        assert holds_many(reader, PEER)


def good_change() -> dict[str, object]:
    name = head("example.org.", "main")
    lists = finish(in_order([[(name, ObjectId(bytes(32)))]], never))
    return json.loads(Change(EPOCH, 7, ROOT, (index_key(name)[0],), lists).encode())


def test_the_good_change_is_good() -> None:
    change = Change.decode(json.dumps(good_change()).encode())
    assert change.lists.branches == Tips([Tip("example.org.", "main", ObjectId(bytes(32)))])


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
        {"next": 256},
        {"next": -1},
        {"next": True},
        {"next": "1"},
        {"next": 1},
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
        json.dumps({"epoch": EPOCH, "root": "", "buckets": "A" * 5462, "first": 256}).encode(),
        json.dumps({"epoch": EPOCH, "root": "", "buckets": "A" * 5462, "most": -1}).encode(),
    ],
)
def test_a_question_that_is_wrong_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidData):
        finish(Endpoint(MemoryStore()).refs_diff(KEY, body))


def test_refs_without_their_lists_are_no_refs() -> None:
    brief = Endpoint(MemoryStore()).brief().body
    with pytest.raises(InvalidData, match="no list"):
        PeerRefs.decode(brief)
