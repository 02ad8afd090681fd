"""`POST /v0/push` over a connection: objects come in, refs move, and what may not be leaves nothing behind."""

import json
import time

import pytest

from arrivalkit import change, nodes_with, tip_of
from httpkit import generous_gate, run, running
from pushserverkit import WRITER, Answer, PushRequest, everything, key_for, lacking, offers, send, signed_push
from synckit import NET, ORG, commit, local_refs, names
from zonegit.auth.key import Key
from zonegit.repo.heads import is_automatic
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Store
from zonegit.sync.policy import Policy


def push(store: Store, body: bytes, key: Key = WRITER, policy: Policy = Policy.FF_ONLY) -> Answer:
    async def test() -> Answer:
        async with running(store, generous_gate((key,)), policy_of=lambda kid, zone: policy) as server:
            return await send(server.url, key, body)

    return run(test())


def test_a_push_brings_objects_and_moves_refs() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    request = everything(one, two)
    answer = push(two, request.encode())
    assert answer.signed
    assert answer.push.stored == len(request.objects)
    assert [result.outcome for result in answer.push.results] == ["updated"]
    assert local_refs(two) == local_refs(one)
    with two.read() as reader:
        [newest, *_] = reader.reflog(request.updates[0].ref.full)
    assert (newest.reason, newest.who.name) == ("push: laptop", "key laptop")


@pytest.mark.parametrize("compress", [False, True])
def test_a_new_repository_is_filled_in_one_push(compress: bool) -> None:
    one, two = MemoryStore(), MemoryStore()
    for zone in (ORG, NET):
        for at in range(3):
            commit(one, zone, names(zone, 400, at, large=1))
    answer = push(two, everything(one, two).encode(compress=compress))
    assert [result.outcome for result in answer.push.results] == ["updated", "updated"]
    assert local_refs(two) == local_refs(one)


def test_what_is_not_complete_moves_nothing_and_goes_on_where_it_broke_off() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    objects, updates = lacking(one, two), tuple(offers(one, two))
    first = push(two, PushRequest(tuple(objects[:-1]), (), updates).encode())
    assert [result.outcome for result in first.push.results] == ["missing"]
    from zonegit.model.ids import object_id

    asked = tuple(map(object_id, objects))
    second = push(two, PushRequest((), asked).encode())
    assert (second.push.missing, second.push.stored) == (asked[-1:], 0)
    third = push(two, PushRequest(tuple(objects[-1:]), asked, updates).encode())
    assert (third.push.missing, [result.outcome for result in third.push.results]) == ((), ["updated"])
    assert local_refs(two) == local_refs(one)


def test_objects_that_point_to_what_is_not_there_are_refused() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    before = two.txn_id()
    answer = push(two, PushRequest(tuple(lacking(one, two)[-1:])).encode())
    assert (answer.status, json.loads(answer.body)["error"], answer.signed) == (409, "incomplete", True)
    assert two.txn_id() == before


def test_a_merge_is_made_here_and_its_tip_told() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    change(two, "mail", 2)
    body = everything(one, two).encode()
    refused = push(two, body)
    assert [(result.outcome, result.reason) for result in refused.push.results] == [("refused", "not-fast-forward")]
    merged = push(two, body, policy=Policy.MERGE)
    [result] = merged.push.results
    assert (result.outcome, result.tip) == ("merged", tip_of(two))
    assert result.tip is not None
    with two.read() as reader:
        from zonegit.model.commit import Commit

        assert is_automatic(Commit.decode(reader.get(result.tip)))


def test_a_merge_that_a_push_caused_is_logged_as_one_of_a_pull(caplog: pytest.LogCaptureFixture) -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1, ttl=60)
    change(two, "www", 1, ttl=90)
    caplog.set_level("INFO")
    answer = push(two, everything(one, two).encode(), policy=Policy.MERGE)
    [result] = json.loads(answer.body)["results"]
    assert (result["outcome"], result["rules"]) == ("merged", 1)
    told = [record.message for record in caplog.records if "merged the changes" in record.message]
    assert told == [
        "merged the changes of both sides peer=laptop zone=example.org. branch=main rules=1",
    ]


def test_without_the_verb_or_beyond_the_scope_it_is_the_same_signed_403_and_stores_nothing() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    commit(one, NET, names(NET, 3))
    body = everything(one, two).encode()
    before = two.txn_id()
    found = set()
    for scopes in (("read:*",), (f"push:{ORG}",), (f"push:{NET}",), (f"push:{ORG}:side", f"push:{NET}")):
        answer = push(two, body, key_for(*scopes))
        assert answer.signed
        found.add((answer.status, answer.body))
    assert found == {(403, b'{"error":"forbidden"}')}
    assert two.txn_id() == before


def test_a_request_is_taken_once_by_all_processes() -> None:
    one, two, _ = nodes_with()
    change(one, "www", 1)
    body = everything(one, two).encode()
    header = signed_push(WRITER, body, time.time)

    async def test() -> None:
        async with (
            running(two, generous_gate((WRITER,))) as server,
            running(two, generous_gate((WRITER,))) as other,
        ):
            first = await send(server.url, WRITER, body, header)
            assert first.status == 200
            for url in (server.url, other.url):
                again = await send(url, WRITER, body, header)
                assert (again.status, again.signed, again.body) == (401, False, b'{"error":"unauthorized"}')
            assert other.samples.values["auth_attempts_total,key_id=laptop,result=replayed"] == 1

    run(test())
