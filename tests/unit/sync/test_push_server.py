"""What becomes of a push at its endpoint, without a socket."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from arrivalkit import MAIN, change, nodes_with, tip_of
from pushserverkit import WRITER, PushRequest, everything, ids, key_for, lacking, offers, pushed
from synckit import NET, ORG, SMALL_NODES, WHO, commit, local_refs, move, names, put_tag
from zonegit.errors import Forbidden, Incomplete, QuotaUsedUp, Replayed, StoreBusy, StoreFull
from zonegit.model.ids import ObjectId, short
from zonegit.model.refs import RefName, parse, remote
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.canonical import Merged, reconcile
from zonegit.repo.diverged import diverged
from zonegit.store import insert, insertion
from zonegit.store.facts import Facts
from zonegit.store.gc import gc
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate, Writer
from zonegit.store.writer import StoreWriter
from zonegit.sync import arrival
from zonegit.sync.arrival import Offer
from zonegit.sync.limits import ServerLimits
from zonegit.sync.policy import Policy
from zonegit.sync.push_server import AT_ONCE, TRIES, PushEndpoint
from zonegit.sync.push_wire import Answer
from zonegit.sync.quota import REF_BYTES
from zonegit.tree.source import Nodes

NOW = 1_767_225_600.0


def outcomes(answer: Answer) -> list[str]:
    return [result.outcome for result in answer.results]


def seq_of(store: MemoryStore) -> int:
    with store.read() as reader:
        return reader.seq


def many_branches(count: int) -> MemoryStore:
    store = MemoryStore()
    tip = commit(store, ORG, names(ORG, 3))
    with store.write() as writer:
        updates = (RefUpdate(RefName(f"refs/heads/{ORG}/b{at:04}"), None, tip) for at in range(count))
        writer.move_refs(updates, WHO, "branch: test")
    return store


def test_refs_move_some_at_a_time_and_all_at_once_where_that_is_asked_for() -> None:
    source = many_branches(3 * AT_ONCE)
    for atomic, transactions in ((False, 4), (True, 1)):
        store = MemoryStore()
        answer = pushed(store, everything(source, store, atomic=atomic))
        assert set(outcomes(answer)) == {"updated"}
        assert local_refs(store) == local_refs(source)
        assert seq_of(store) == transactions


def test_no_writer_waits_while_many_objects_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    source, store = MemoryStore(), MemoryStore()
    commit(source, ORG, names(ORG, 4_000), shape=SMALL_NODES)
    check, write = insert.check_object, store.write
    checked = 0
    is_writing = False

    def checks(data: bytes, describe: insert.Describe) -> Facts:
        nonlocal checked
        checked += 1
        assert not is_writing
        return check(data, describe)

    @contextmanager
    def writing() -> Iterator[StoreWriter]:
        nonlocal is_writing
        with write() as writer:
            is_writing = True
            yield writer
            is_writing = False

    for module in (insert, insertion):
        monkeypatch.setattr(module, "check_object", checks)
    monkeypatch.setattr(store, "write", writing)
    request = everything(source, store)
    assert outcomes(pushed(store, request)) == ["updated"]
    assert checked == len(request.objects) > 500
    assert local_refs(store) == local_refs(source)


@pytest.mark.parametrize("policy", list(Policy))
def test_a_commit_on_top_of_ours_is_durable_after_one_transaction(policy: Policy) -> None:
    one, two, _ = nodes_with()
    for at in range(3):
        change(one, "www", at)
        before = two.txn_id()
        assert outcomes(pushed(two, everything(one, two), policy=policy, nonce=f"{at:022}")) == ["updated"]
        assert two.txn_id() == before + 1
        with pytest.raises(Replayed):
            pushed(two, everything(one, two), policy=policy, nonce=f"{at:022}")
    bad = commit(one, ORG, dict(list(names(ORG, 3).items())[1:]))
    answer = pushed(two, everything(one, two), policy=policy)
    assert [(result.outcome, result.reason) for result in answer.results] == [("refused", "unfit")]
    assert tip_of(two) != bad


def test_an_atomic_push_that_can_not_move_all_moves_none() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    change(two, "mail", 1)
    commit(one, NET, names(NET, 3))
    before = local_refs(two)
    answer = pushed(two, everything(one, two, atomic=True))
    assert sorted((result.outcome, result.reason) for result in answer.results) == [
        ("refused", "atomic"),
        ("refused", "not-fast-forward"),
    ]
    assert local_refs(two) == before


@pytest.mark.parametrize("anew", [False, True])
def test_nothing_is_merged_while_other_writers_wait(monkeypatch: pytest.MonkeyPatch, anew: bool) -> None:
    one, two, _ = nodes_with()
    change(two, "mail", 1)
    if anew:
        commit(one, ORG, names(ORG, 4), parents=())
    else:
        change(one, "www", 1)
    held: list[bool] = []
    writing = two.write

    @contextmanager
    def write() -> Iterator[Writer]:
        with writing() as writer:
            held.append(True)
            yield writer
        held.clear()

    def merged(nodes: Nodes, local: ObjectId, new: ObjectId) -> Merged:
        assert not held
        return reconcile(nodes, local, new)

    monkeypatch.setattr(two, "write", write)
    monkeypatch.setattr(arrival, "reconcile", merged)
    assert outcomes(pushed(two, everything(one, two), policy=Policy.MERGE)) == ["merged"]


def test_a_push_to_what_moves_all_the_time_is_to_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    ours = [change(two, "mail0", 1)]
    writing = two.write

    @contextmanager
    def write() -> Iterator[Writer]:
        if len(ours) <= 2 * TRIES:  # not when it is this very commit
            monkeypatch.setattr(two, "write", writing)
            ours.append(change(two, f"mail{len(ours)}", 1))
            monkeypatch.setattr(two, "write", write)
        with writing() as writer:
            yield writer

    monkeypatch.setattr(two, "write", write)
    with pytest.raises(StoreBusy, match="push again"):
        pushed(two, everything(one, two), policy=Policy.MERGE)
    assert tip_of(two) == ours[-1]


@pytest.mark.parametrize("times", [1, TRIES])
def test_a_commit_that_comes_between_the_plan_and_the_move_is_merged_too(times: int) -> None:
    one, two, _ = nodes_with()
    theirs = change(one, "www", 1)
    left = iter(range(min(times, TRIES)))
    ours = []

    def policy_of(kid: str, zone: str) -> Policy:
        if (number := next(left, None)) is not None:
            ours.append(change(two, f"mail{number}", 1))
        return Policy.MERGE

    endpoint = PushEndpoint(two, policy_of, clock=lambda: NOW)
    answer = pushed(two, everything(one, two), endpoint=endpoint)
    assert outcomes(answer) == ["merged"]
    with two.read() as reader:
        tip = reader.ref(MAIN.full)
        assert tip == answer.results[0].tip
        assert tip is not None
        assert all(is_ancestor(reader, oid, tip) for oid in (theirs, *ours))


def test_what_is_held_is_noted_and_can_be_named_until_it_is_merged() -> None:
    one, two, _ = nodes_with()
    theirs, ours = change(one, "www", 1, ttl=60), change(two, "www", 1, ttl=90)
    answer = pushed(two, everything(one, two), policy=Policy.HOLD)
    assert (outcomes(answer), tip_of(two)) == (["held"], ours)
    with two.read() as reader:
        assert [(each.peer, each.theirs, each.rules) for each in diverged(reader)] == [("laptop", theirs, 1)]
        assert reader.ref(remote("laptop", ORG, "main")) == theirs
    pushed(two, PushRequest((), (), (Offer(MAIN, theirs),)), policy=Policy.MERGE)
    with two.read() as reader:
        assert diverged(reader) == []


def test_a_refused_push_is_told_to_its_pusher_and_raises_no_alarm_here() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    change(two, "mail", 1)
    assert outcomes(pushed(two, everything(one, two))) == ["refused"]
    with two.read() as reader:
        assert diverged(reader) == []


def test_a_push_is_taken_once_also_where_it_was_refused() -> None:
    one, two, old = nodes_with()
    theirs = change(one, "www", 1)
    ours = change(two, "mail", 1)
    assert outcomes(pushed(two, everything(one, two), nonce="n" * 22)) == ["refused"]
    move(two, ORG, "main", old)
    with pytest.raises(Replayed):
        pushed(two, everything(one, two), nonce="n" * 22)
    assert tip_of(two) == old
    assert outcomes(pushed(two, everything(one, two), nonce="o" * 22)) == ["updated"]
    assert tip_of(two) == theirs != ours


def test_nonces_are_forgotten_an_hour_after_their_end_and_not_before() -> None:
    one, two, _ = nodes_with()
    request = everything(one, two)
    pushed(two, request, nonce="n" * 22, now=NOW)
    for later in (60.0, 3_600.0):
        pushed(two, request, nonce=f"{later:022}", now=NOW + later)
    with pytest.raises(Replayed):
        pushed(two, request, nonce="n" * 22, now=NOW)
    with two.read() as reader:
        assert len(list(reader.settings("taken/"))) == 3
    pushed(two, request, nonce="p" * 22, now=NOW + 9 * 3_600)
    with two.read() as reader:
        assert len(list(reader.settings("taken/"))) == 1


def test_a_day_s_bytes_of_a_key_are_bounded_and_others_have_their_own() -> None:
    one, two = MemoryStore(), MemoryStore()
    commit(one, ORG, names(ORG, 3_000))
    request = everything(one, two)
    size = sum(map(len, request.objects))
    endpoint = PushEndpoint(two, bounds=ServerLimits(push_day_bytes=size), clock=lambda: NOW)
    pushed(two, PushRequest(request.objects), endpoint=endpoint)
    with pytest.raises(QuotaUsedUp, match=r"push_day_bytes in \[replication.limits\]"):
        pushed(two, request, endpoint=endpoint)
    assert local_refs(two) == {}
    other = key_for("read:*", "push:*", kid="other")
    assert outcomes(pushed(two, PushRequest((), (), request.updates), other, endpoint=endpoint)) == ["updated"]
    tomorrow = PushEndpoint(two, bounds=ServerLimits(push_day_bytes=size), clock=lambda: NOW + 86_400)
    assert outcomes(pushed(two, PushRequest((), (), request.updates), endpoint=tomorrow)) == ["unchanged"]


def test_nothing_is_stored_where_the_disk_has_little_left(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    request = everything(one, two)
    monkeypatch.setattr(MemoryStore, "has_room", lambda store, size: False)
    before = two.txn_id()
    with pytest.raises(StoreFull, match="disk_free in"):
        pushed(two, request)
    assert two.txn_id() == before


def test_a_ref_that_moves_costs_a_key_some_of_its_day() -> None:
    source, store = many_branches(10), MemoryStore()
    pushed(store, PushRequest(tuple(lacking(source, store))))
    bounds = ServerLimits(push_day_bytes=8 * REF_BYTES)
    endpoint = PushEndpoint(store, bounds=bounds, clock=lambda: NOW)
    other = key_for("read:*", "push:*", kid="other")
    first = PushRequest((), (), tuple(offers(source)))
    assert outcomes(pushed(store, first, other, endpoint=endpoint)) == ["updated"] * 11
    with pytest.raises(QuotaUsedUp):
        pushed(store, first, other, endpoint=endpoint)


@pytest.mark.parametrize(
    ("scope", "ref", "allowed"),
    [
        ("push:*", "refs/heads/example.org./main", True),
        ("push:*", "refs/tags/example.org./v1", True),
        ("push:example.org.", "refs/heads/sub.example.org./main", True),
        ("push:example.org.", "refs/heads/badexample.org./main", False),
        ("push:example.org.:main", "refs/heads/example.org./main", True),
        ("push:example.org.:main", "refs/heads/example.org./main2", False),
        ("push:example.org.:main", "refs/heads/sub.example.org./main", True),
        ("push:example.org.:v1", "refs/tags/example.org./v1", False),
        ("push:*:main", "refs/heads/example.net./main", True),
        ("push:*:main", "refs/heads/example.net./side", False),
        ("push:example.org.:*", "refs/tags/example.org./v1", True),
        ("read:*", "refs/heads/example.org./main", False),
    ],
)
def test_each_ref_has_to_be_in_the_scope(scope: str, ref: str, allowed: bool) -> None:
    store = MemoryStore()
    zone = parse(ref).zone
    tip = commit(store, zone, names(zone, 1), branch="there")
    request = PushRequest((), (), (Offer(parse(ref), tip),))
    if allowed:
        assert outcomes(pushed(store, request, key_for("read:*", scope))) == ["updated"]
        return
    with pytest.raises(Forbidden):
        pushed(store, request, key_for("read:*", scope))
    assert local_refs(store) == {f"refs/heads/{zone}/there": tip}


def test_a_scope_for_one_branch_begins_no_zone() -> None:
    one, two, _ = nodes_with()
    api = commit(one, f"api.{ORG}", names(f"api.{ORG}", 3), branch="dev")
    change(one, "www", 1, branch="dev")
    before = local_refs(two)
    for scope in (f"push:{ORG}:dev", "push:*:dev"):
        key = key_for("read:*", scope, f"push:{ORG}:main")
        answer = pushed(two, everything(one, two), key)
        found = {result.ref.zone: (result.outcome, result.reason) for result in answer.results}
        assert found[f"api.{ORG}"] == ("refused", "new-zone")
        assert any(f"push:api.{ORG} may create it" in result.message for result in answer.results)
        assert {zone for zone in local_refs(two) if "/api." in zone} == set()
    assert local_refs(two).items() > before.items(), "the branch of a zone that is there"
    answer = pushed(two, everything(one, two), key_for("read:*", f"push:{ORG}"))
    assert set(outcomes(answer)) <= {"updated", "unchanged"}
    assert local_refs(two)[f"refs/heads/api.{ORG}/dev"] == api


def test_what_a_pusher_is_told_is_right_where_it_is_read() -> None:
    one, two, old = nodes_with()
    put_tag(one, ORG, "v1", change(one, "www", 1, ttl=60))
    ours = change(two, "www", 1, ttl=90)
    put_tag(two, ORG, "v1", old)
    told = [result.message for result in pushed(two, everything(one, two)).results]
    assert told == [
        f"main of {ORG} has moved to {short(ours)} meanwhile: pull first, then push again",
        f"the tag v1 of {ORG} names another object here, and tags don't move",
    ]
    [merged, _] = pushed(two, everything(one, two), policy=Policy.MERGE).results
    assert (merged.outcome, merged.rules, merged.message) == ("merged", 1, "1 RRset was decided by a rule")


def test_a_held_push_is_noted_with_the_name_of_its_peer() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1, ttl=60)
    change(two, "www", 1, ttl=90)
    endpoint = PushEndpoint(
        two, lambda kid, zone: Policy.HOLD, name_of={"laptop": "fra"}.__getitem__, clock=lambda: NOW
    )
    assert outcomes(pushed(two, everything(one, two), endpoint=endpoint)) == ["held"]
    with two.read() as reader:
        [noted] = diverged(reader)
    assert (noted.peer, noted.name) == ("laptop", "fra")


def test_one_update_beyond_the_scope_refuses_all_of_the_request() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    commit(one, NET, names(NET, 3))
    before = two.txn_id()
    for scope in (f"push:{ORG}", f"push:{NET}"):
        with pytest.raises(Forbidden):
            pushed(two, everything(one, two), key_for("read:*", scope))
    assert two.txn_id() == before


def test_a_narrow_key_pushes_a_large_zone_in_several_requests() -> None:
    one, two = MemoryStore(), MemoryStore()
    for at in range(3):
        commit(one, ORG, names(ORG, 2_000, at, large=3))
    commit(two, NET, names(NET, 10))
    key, endpoint = key_for(f"push:{ORG}"), PushEndpoint(two, clock=lambda: NOW)
    objects = lacking(one, two)
    for at in range(0, len(objects), 40):
        pushed(two, PushRequest(tuple(objects[at : at + 40])), key, endpoint=endpoint)
    asked = tuple(ids(objects))
    answer = pushed(two, PushRequest((), asked, tuple(offers(one))), key, endpoint=endpoint)
    assert (answer.missing, outcomes(answer)) == ((), ["updated"])
    changed = commit(one, ORG, names(ORG, 2_001, 2, large=3))
    put_tag(one, ORG, "v1", changed)
    answer = pushed(two, everything(one, two), key, endpoint=PushEndpoint(two, clock=lambda: NOW))
    assert outcomes(answer) == ["updated", "updated"]


def test_what_was_brought_and_is_gone_has_to_be_sent_again() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    objects = lacking(one, two)
    for key in (WRITER, key_for(f"push:{ORG}")):
        endpoint = PushEndpoint(store := nodes_with()[1], clock=lambda: NOW)
        pushed(store, PushRequest(tuple(objects[:-1])), key, endpoint=endpoint)
        gc(store, WHO.time)
        with pytest.raises(Incomplete):
            pushed(store, PushRequest(tuple(objects[-1:])), key, endpoint=endpoint)
        answer = pushed(store, PushRequest((), tuple(ids(objects))), key, endpoint=endpoint)
        assert answer.missing == tuple(ids(objects))
        pushed(store, PushRequest(tuple(objects), (), tuple(offers(one))), key, endpoint=endpoint)
        assert local_refs(store) == local_refs(one)
