"""An exchange costs as much as moved, however many zones there are beside that."""

from contextlib import closing
from pathlib import Path

import pytest

from countkit import Counted, counted
from manykit import many_zones
from synckit import KEY, PEER, WHO, Wire, commit, local_refs, move, names, put_tag
from zonegit.model.refs import head
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.ref_diff import Change
from zonegit.sync.server import Endpoint
from zonegit.sync.work import finish


def exchange(endpoint: Endpoint, wire: Wire, store: LmdbStore, tracked: KnownRefs) -> None:
    with store.read() as reader:
        tracked.catch_up(reader)
        question = tracked.question()
    change = Change.decode(finish(endpoint.refs_diff(KEY, question)).body)
    wire.pull(store, refs=tracked.differences(change))


def cost(path: Path, zones: int) -> Counted:
    with (
        closing(many_zones(path / "primary", zones)) as primary,
        closing(LmdbStore.create(path / "mirror")) as mirror,
    ):
        endpoint, wire, tracked = Endpoint(primary), Wire(primary), KnownRefs(PEER, mirrored=True)
        for number in range(3):  # the first one brings all; the second one may still have to look at all of it
            commit(primary, "z1.example.", names("z1.example.", 3, seed=number))
            if number < 2:
                exchange(endpoint, wire, mirror, tracked)
        with counted() as count:
            exchange(endpoint, wire, mirror, tracked)
        assert local_refs(mirror) == local_refs(primary)
        return count


def test_a_commit_costs_a_mirror_and_its_primary_as_much_with_many_zones(tmp_path: Path) -> None:
    few, many = cost(tmp_path / "few", 20), cost(tmp_path / "many", 2000)
    assert few.reads > 10
    assert many.reads <= few.reads + 10, "the ref index has two levels more"
    assert many.puts <= few.puts + 5


@pytest.mark.parametrize("kept", [True, False], ids=["kept up", "read anew each time"])
def test_a_mirror_follows_whatever_moves(tmp_path: Path, kept: bool) -> None:
    with (
        closing(many_zones(tmp_path / "primary", 40)) as primary,
        closing(LmdbStore.create(tmp_path / "m")) as mirror,
    ):
        endpoint, wire, tracked = Endpoint(primary), Wire(primary), KnownRefs(PEER, mirrored=True)

        def follow() -> None:
            exchange(endpoint, wire, mirror, tracked if kept else KnownRefs(PEER, mirrored=True))
            assert local_refs(mirror) == local_refs(primary)

        follow()
        tip = commit(primary, "z1.example.", names("z1.example.", 3))
        put_tag(primary, "z1.example.", "v1", tip)
        follow()
        commit(primary, "z1.example.", names("z1.example.", 4), branch="next", parents=(tip,))
        move(primary, "z2.example.", "main", None)
        follow()
        assert "refs/tags/z1.example./v1" in local_refs(mirror)
        move(primary, "z1.example.", "main", None)
        move(primary, "z1.example.", "next", None)
        with primary.write() as writer:
            writer.move_refs([RefUpdate(head("new.example.", "main"), None, None)], WHO, "nothing")
        commit(primary, "new.example.", names("new.example.", 1))
        follow_but_tags(endpoint, wire, mirror, tracked, primary)
        commit(mirror, "z3.example.", names("z3.example.", 9))
        assert local_refs(mirror) != local_refs(primary), "somebody moved a mirrored branch here"
        commit(primary, "z4.example.", names("z4.example.", 9))
        exchange(endpoint, wire, mirror, tracked)
        assert heads(mirror) == heads(primary)


def follow_but_tags(
    endpoint: Endpoint, wire: Wire, mirror: LmdbStore, tracked: KnownRefs, primary: LmdbStore
) -> None:
    """A zone is gone, but for its tag, at the primary."""
    exchange(endpoint, wire, mirror, tracked)
    assert heads(mirror) == heads(primary)


def heads(store: LmdbStore) -> dict[str, bytes]:
    return {name: oid for name, oid in local_refs(store).items() if "/heads/" in name}
