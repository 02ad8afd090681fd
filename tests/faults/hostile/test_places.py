"""Places of a key that somebody holds behind its owner's address: by its owner's requests, withheld on the
way, by PINGs, by requests without a signature; answers of one key that nobody reads."""

import time
from contextlib import ExitStack

import pytest

from daemonkit import until
from httpkit import Running, generous_gate, run, served, small_store
from rawh2 import RawClient
from synckit import KEY, refs_of
from zonegit.auth.key import Key
from zonegit.net.server import replication_app
from zonegit.net.server.authenticated import IDLE
from zonegit.net.server.frame_budget import FrameBudget
from zonegit.sync import limits

SECONDS = 60.0
PLACES = 2
SOON = 0.4
"""Seconds without a request that passed, in place of 300."""


def status(client: RawClient, key: Key = KEY) -> int:
    return client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", key=key)).status


def test_requests_that_were_withheld_lock_nobody_out(caplog: pytest.LogCaptureFixture) -> None:
    """Neither PINGs nor requests without a signature keep a place; the operator is told."""

    def test(server: Running) -> None:
        with ExitStack() as stack:
            played = [stack.enter_context(RawClient(server.port)) for _ in range(PLACES)]
            assert [status(each) for each in played] == [200] * PLACES
            for each in played:
                each.h2.ping(b"12345678")
                assert each.ask("GET", "/v0/refs", []).status in (401, 429)
            owners = stack.enter_context(RawClient(server.port))
            assert status(owners) == 200
            while played[0].read():
                pass
            assert status(owners) == status(played[1]) == 200, "one was enough"
            assert len(server.server.authenticated) == PLACES

    served(test, seconds=SECONDS, connections=PLACES)
    assert [each for each in caplog.messages if "to make room" in each and "kid=k1" in each]


def test_connections_with_a_request_in_progress_keep_their_places() -> None:
    """A poll of each; the one whose poll has ended goes first, whenever it began."""
    store = small_store()
    root = refs_of(store).root

    def test(server: Running) -> None:
        with ExitStack() as stack:
            known = [stack.enter_context(RawClient(server.port)) for _ in range(PLACES)]
            polls = [each.poll(root) for each in known]
            late = stack.enter_context(RawClient(server.port))
            assert status(late) == 429
            known[1].h2.reset_stream(polls[1])
            known[1].flush()
            while status(late) != 200:
                assert not known[1].answers[polls[1]].status
            while known[1].read():
                pass
            assert status(known[0]) == 200
            assert not known[0].answers[polls[0]].status

    served(test, store, seconds=SECONDS, connections=PLACES)


def test_only_requests_that_pass_keep_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that passed once, the one that asks without a signature ends; a long-poll is not cut off."""
    assert IDLE == 300 > limits.MAX_WAIT
    store = small_store()
    root = refs_of(store).root

    def test(server: Running) -> None:
        monkeypatch.setattr(server.server.authenticated, "idle_seconds", SOON)
        with RawClient(server.port) as asking, RawClient(server.port) as polling:
            began = time.monotonic()
            assert status(asking) == 200
            stream = polling.poll(root)
            while not asking.closed:
                asking.ask("GET", "/v0/refs", [])
                time.sleep(SOON / 10)  # within its budget of frames
            assert time.monotonic() - began > SOON / 2
            assert not polling.answers[stream].ended
            assert len(server.server.authenticated) == 1
            assert status(polling) == 200

    served(test, store, seconds=SECONDS, connections=PLACES)


def test_what_one_key_does_not_read_is_not_on_the_account_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    store = small_store()
    (tip,) = refs_of(store).branches
    path = f"/v0/objects/{tip.oid.hex()}"
    with store.read() as reader:
        monkeypatch.setattr(replication_app, "ANSWERS_PER_KEY", 2 * len(reader.get(tip.oid)))
    other = Key.derive("k2", bytes(range(1, 33)), scopes=KEY.scopes)

    def test(server: Running) -> None:
        with RawClient(server.port, window=0) as slow, RawClient(server.port) as owners:
            streams = [slow.send("GET", path, slow.signed("GET", path, key=other)) for _ in range(3)]
            while not all(slow.answers[stream].status for stream in streams):
                assert slow.read()
            assert sorted(slow.answers[stream].status for stream in streams) == [200, 200, 429]
            assert owners.ask("GET", path, owners.signed("GET", path)).status == 200
            assert owners.ask("GET", path, owners.signed("GET", path, key=other)).status == 429

    served(test, store, seconds=SECONDS, gate=generous_gate((KEY, other)))


def test_a_source_with_very_many_keys_has_its_bound_too(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = tuple(Key.derive(f"k{at}", bytes((at, *range(31))), scopes=KEY.scopes) for at in range(3))

    def test(server: Running) -> None:
        server.server.authenticated.per_source = PLACES
        with ExitStack() as stack:
            clients = [stack.enter_context(RawClient(server.port)) for _ in keys]
            assert [status(*each) for each in zip(clients, keys, strict=True)] == [200] * 3
            assert len(server.server.authenticated) == PLACES
            while clients[0].read():
                pass

    served(test, seconds=SECONDS, gate=generous_gate(keys), connections=8)


def test_only_connections_that_passed_count_against_their_key() -> None:
    """One too many is told so, by a signed answer, and may ask again when there is room.

    All have a long-poll in progress: otherwise one would make room.
    """
    store = small_store()
    root = refs_of(store).root

    def test(server: Running) -> None:
        with ExitStack() as stack:
            known = [stack.enter_context(RawClient(server.port)) for _ in range(4)]
            late = [stack.enter_context(RawClient(server.port)) for _ in range(2)]
            for each in known:
                each.poll(root)
            for each in [*late, stack.enter_context(RawClient(server.port))]:
                answer = each.ask("GET", "/v0/refs", each.signed("GET", "/v0/refs"))
                assert (answer.status, answer.body) == (429, b'{"error":"too_many_connections"}')
                assert "zg-signature" in answer.headers
            for each in known:
                assert status(each) == 200
            known[0].sock.close()
            until(lambda: len(server.server.authenticated) == 3, "the end of one")
            assert status(late[0]) == 200
        until(lambda: not server.server.authenticated, "the end of all")
        assert server.samples.values["http_connections_refused_total,key_id=k1"] == 3

    served(test, store, seconds=SECONDS, connections=4)


def test_who_has_a_key_keeps_no_other_key_out() -> None:
    other = Key.derive("k2", bytes(range(1, 33)), scopes=KEY.scopes)
    store = small_store()
    root = refs_of(store).root

    def test(server: Running) -> None:
        with ExitStack() as stack:
            mine = [stack.enter_context(RawClient(server.port)) for _ in range(60)]
            for each in mine[:8]:
                each.poll(root)
            assert [status(each) for each in mine] == [200] * 8 + [429] * 52
            assert status(stack.enter_context(RawClient(server.port)), other) == 200

    served(test, store, seconds=SECONDS, gate=generous_gate((KEY, other)), connections=8)


def test_who_passes_without_a_place_does_not_come_before_newcomers() -> None:
    """As long as it is a stranger, it has its turns behind those at its source that had fewer."""
    turns = []

    async def turn(had: int) -> None:
        turns.append(had)

    async def test() -> None:
        budget = FrameBudget(passed=lambda kid: False, turn=turn)
        for _ in range(3):
            await budget.turn(first=True)
            assert not budget.passed(10, "k1")

    run(test())
    assert turns == [0, 1, 2]
