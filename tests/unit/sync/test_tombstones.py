"""Branches that were removed by tombstones, at whoever follows them: mirrors, older ones, owners of zones."""

import json

import pytest

from synckit import (
    KEY,
    NET,
    ORG,
    PEER,
    Wire,
    commit,
    local_refs,
    names,
    put_tag,
    refs_of,
    refused,
    writable,
)
from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.model.refs import head, remote, tag
from zonegit.repo.context import Context
from zonegit.repo.removal import remove_zone, restore_zone
from zonegit.repo.zones import add_zone
from zonegit.store.fsck import fsck
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.ref_diff import Change, Question
from zonegit.sync.server import Endpoint
from zonegit.sync.wire import Accepts, PeerRefs
from zonegit.sync.work import finish

MAIN = head(ORG, "main")
WHO = "Ada <ada@example.org>"


def remove(store: Store, *, tombstone: bool = True) -> None:
    remove_zone(Context.over(store), ORG, WHO, dry_run=False, tombstone=tombstone)


def begin(store: Store) -> ObjectId | None:
    return add_zone(Context.over(store), ORG, [], None, WHO, dry_run=False).new


def live(store: Store) -> set[str]:
    with store.read() as reader:
        return {name for name, _ in reader.live_refs()}


def told(store: Store, accepts: Accepts) -> PeerRefs:
    """The refs as a client reads them that knows no tombstones."""
    body = json.loads(finish(Endpoint(store).refs(KEY, accepts)).body)
    body.pop("removed", None)
    return PeerRefs.decode(json.dumps(body).encode())


def shown(store: Store) -> bool:
    """Whether the zone has a served view."""
    with store.read() as reader:
        return reader.view(MAIN) is not None


def primary_and_mirror() -> tuple[MemoryStore, MemoryStore]:
    primary, mirror = MemoryStore(), MemoryStore()
    put_tag(primary, ORG, "v1", commit(primary, ORG, names(ORG, 10)))
    commit(primary, NET, names(NET, 3))
    Wire(primary).pull(mirror)
    return primary, mirror


def test_a_mirror_follows_a_removal_and_a_new_beginning() -> None:
    primary, mirror = primary_and_mirror()
    remove(primary)
    Wire(primary).pull(mirror)
    assert local_refs(mirror) == local_refs(primary)
    assert live(mirror) == {head(NET, "main"), remote(PEER, NET, "main"), tag(ORG, "v1")}
    assert not shown(mirror)
    begin(primary)
    Wire(primary).pull(mirror)
    assert local_refs(mirror) == local_refs(primary)
    assert MAIN in live(mirror) and shown(mirror)
    assert not writable(mirror) and refused(mirror) == set()
    assert fsck(mirror).problems == fsck(primary).problems == []


def test_a_mirror_that_begins_with_a_tombstone() -> None:
    primary, mirror = MemoryStore(), MemoryStore()
    commit(primary, ORG, names(ORG, 10))
    remove(primary)
    Wire(primary).pull(mirror)
    assert local_refs(mirror) == local_refs(primary)
    assert live(mirror) == set()
    Wire(mirror).pull(further := MemoryStore(), peer="mirror-1")
    assert local_refs(further) == local_refs(primary)


def test_a_client_of_an_older_version_is_told_that_the_branch_is_gone() -> None:
    """It would refuse the tombstone, as a version without SOA, and serve the zone on."""
    primary, mirror = primary_and_mirror()
    older = Accepts(all_names=True)
    remove(primary)
    with pytest.raises(InvalidData, match="left out refs that were asked for"):
        refs_of(primary, accepts=older)  # preferences aren't signed
    refs = told(primary, older)
    assert refs.zones == [NET]
    Wire(primary).pull(mirror, refs=refs)
    assert local_refs(mirror).keys() == {head(NET, "main"), tag(ORG, "v1")}
    begin(primary)
    Wire(primary).pull(mirror, refs=told(primary, older))
    assert local_refs(mirror) == local_refs(primary)


def test_the_same_by_differences() -> None:
    primary, mirror = primary_and_mirror()
    endpoint, tracked = Endpoint(primary), KnownRefs(PEER, mirrored=True)
    for accepts in (Accepts(all_names=True), Accepts(all_names=True, tombstones=True)):
        with mirror.read() as reader:
            tracked.catch_up(reader)
        remove(primary)
        question = Question.decode(tracked.question())._replace(accepts=accepts)
        change = Change.decode(finish(endpoint.refs_diff(KEY, question.encode())).body)
        assert (MAIN in dict(change.lists.refs)) == accepts.tombstones
        Wire(primary).pull(mirror, refs=tracked.differences(change))
        assert MAIN not in live(mirror)
        begin(primary)
        Wire(primary).pull(mirror)


def test_a_mirror_may_begin_a_removed_zone_of_its_own() -> None:
    primary, mirror = primary_and_mirror()
    remove(primary)
    Wire(primary).pull(mirror)
    assert writable(mirror)
    own = begin(mirror)
    for _ in range(2):
        Wire(primary).pull(mirror)
        assert local_refs(mirror)[MAIN] == own
        assert writable(mirror) and refused(mirror) == set()
    begin(primary)
    Wire(primary).pull(mirror)
    assert local_refs(mirror)[MAIN] == own and refused(mirror) == {ORG}, "two zones of one name"


def test_a_zone_that_both_had_goes_with_the_one_that_removes_it() -> None:
    one, two = MemoryStore(), MemoryStore()
    commit(one, ORG, names(ORG, 3))
    for to, frm in ((two, one), (one, two)):
        Wire(frm).pull(to)
    remove(one)
    Wire(one).pull(two)
    Wire(two).pull(one)
    assert local_refs(one) == local_refs(two)
    assert live(one) == live(two) == set()


def test_what_was_restored_is_followed() -> None:
    primary, mirror = primary_and_mirror()
    remove(primary)
    Wire(primary).pull(mirror)
    restore_zone(Context.over(primary), ORG, WHO, dry_run=False)
    Wire(primary).pull(mirror)
    assert local_refs(mirror) == local_refs(primary)
    assert MAIN in live(mirror)


def test_a_removed_zone_can_be_restored_where_it_was_followed() -> None:
    """Who restores it may be at any node that writes, not only where it was removed."""
    primary, mirror = primary_and_mirror()
    remove(primary)
    Wire(primary).pull(mirror)
    restored = restore_zone(Context.over(mirror), ORG, WHO, dry_run=False)
    assert set(restored.branches) == {"main"}
    Wire(primary).pull(mirror)
    assert local_refs(mirror)[MAIN] == restored.branches["main"]
