"""Branches and tags with capitals and slashes: for peers that can take such names, and hidden from older ones."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from synckit import KEY, PEER, WHO, Wire, commit, local_refs, names, put_tag
from zonegit.errors import InvalidData
from zonegit.model.refs import head, remote, tag
from zonegit.repo.results import Position
from zonegit.repo.revisions import Resolver
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.ref_diff import Change, Question
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import Accepts, PeerRefs
from zonegit.sync.work import finish

ZONE = "example."
NEW = ("CHG-1234", "feature/x")


@pytest.fixture
def primary():
    store = MemoryStore()
    tip = commit(store, ZONE, names(ZONE, 3))
    for at, branch in enumerate(NEW):
        commit(store, ZONE, names(ZONE, 3, seed=at + 1), branch=branch)
    put_tag(store, ZONE, "v1", tip)
    put_tag(store, ZONE, "Release/1.0", tip)
    return store


def labels(table):
    return {item["name"] for kind in ("branches", "tags") for item in table[kind]}


def test_who_says_so_gets_every_name(primary) -> None:
    refs = PeerRefs.decode(finish(Endpoint(primary).refs(KEY, Accepts(all_names=True))).body)
    assert {tip.name for tip in (*refs.branches, *refs.tags)} == {"main", "v1", "Release/1.0", *NEW}
    mirror = MemoryStore()
    Wire(primary).pull(mirror, refs=refs)
    assert local_refs(mirror) == local_refs(primary)
    with mirror.read() as reader:
        assert reader.ref(remote(PEER, ZONE, "feature/x")) == reader.ref(head(ZONE, "feature/x"))


def test_others_get_the_rest_and_follow_it(primary) -> None:
    endpoint = Endpoint(primary)
    table = json.loads(finish(endpoint.refs(KEY)).body)
    assert labels(table) == {"main", "v1"}
    assert table["left_out"] == 3
    with primary.write() as writer:
        writer.move_refs(
            [RefUpdate(head(ZONE, "feature/x"), writer.ref(head(ZONE, "feature/x")), None)], WHO, "gone"
        )
    commit(primary, ZONE, names(ZONE, 3, seed=9), branch="Another")
    commit(primary, ZONE, names(ZONE, 3, seed=9), branch="another")
    commit(primary, ZONE, names(ZONE, 3, seed=9), branch="Last")
    table = json.loads(finish(endpoint.refs(KEY)).body)
    assert labels(table) == {"main", "another", "v1"}
    assert table["left_out"] == 4


def test_an_answer_that_leaves_out_what_was_asked_for_is_refused(primary) -> None:
    with pytest.raises(InvalidData, match="changed in transit"):
        PeerRefs.decode(finish(Endpoint(primary).refs(KEY)).body)


def test_differences_know_the_same_names(primary, tmp_path: Path) -> None:
    endpoint, wire = Endpoint(primary), Wire(primary)
    with closing(LmdbStore.create(tmp_path)) as mirror:
        tracked = KnownRefs(PEER, mirrored=True)
        with mirror.read() as reader:
            tracked.catch_up(reader)
        change = Change.decode(finish(endpoint.refs_diff(KEY, tracked.question())).body)
        assert {tip.name for tip in change.lists.branches} == {"main", *NEW}
        wire.pull(mirror, refs=tracked.differences(change))
        assert local_refs(mirror) == local_refs(primary)
    old = Question.decode(tracked.question())
    plain = Question(old.epoch, old.root, old.digests, Accepts())
    assert Question.decode(plain.encode()).accepts == Accepts()
    change = Change.decode(finish(endpoint.refs_diff(KEY, plain.encode())).body)
    assert {tip.name for tip in (*change.lists.branches, *change.lists.tags)} == {"main", "v1"}


def test_tags_and_branches_of_one_name_stand_apart(primary) -> None:
    with primary.read() as reader:
        assert reader.ref(tag(ZONE, "Release/1.0")) == reader.ref(head(ZONE, "main"))
        assert reader.ref(head(ZONE, "Release/1.0")) is None


def test_a_branch_comes_before_what_is_tracked_of_a_peer(primary) -> None:
    tip, other = (commit(primary, ZONE, names(ZONE, 3, seed=at), branch="other") for at in (20, 21))
    with primary.write() as writer:
        writer.move_refs([RefUpdate(remote(PEER, ZONE, "feature/y"), None, tip)], WHO, "test")

    def resolved():
        with primary.read() as reader:
            return Resolver(reader, Position(ZONE, "main"), lambda: 0.0).resolve(f"{PEER}/feature/y").id

    assert resolved() == tip
    with primary.write() as writer:
        writer.move_refs([RefUpdate(head(ZONE, f"{PEER}/feature/y"), None, other)], WHO, "test")
    assert resolved() == other
