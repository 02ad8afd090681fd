"""Keys are turned under syncing clients, in every order of rollout, and no sync fails. No sockets."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import httpx
import pytest

from httpkit import Counted, pull_once, run
from synckit import PEER, commit, local_refs, names
from zonegit.auth.choice import RETRY
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotAuthorised
from zonegit.net.http_client import HttpPeer
from zonegit.net.http_server import ReplicationApp
from zonegit.store.memory import MemoryStore

TURNS = 20
START = 1_767_225_600.0
READ = (parse_scope("read:*"),)

# A turn at the server: take the new key in, then refuse the old one. At a client: take the new key in, sign with
# it, then give the old one up. What stands before "|" happens before the server's first step, and so on.
ORDERS = ("add|promote|retire", "add promote||retire", "|add promote|retire", "|add promote retire|",
          "add promote|retire|", "add||promote retire", "|add|promote retire", "add|promote retire|")  # fmt: skip


class Time:
    def __init__(self) -> None:
        self.now = START + 100

    def __call__(self) -> float:
        return self.now


class Direct(httpx.AsyncBaseTransport):
    """Carries requests straight into the application, as HTTP/2 from an address of its own."""

    def __init__(self, app: ReplicationApp, address: str) -> None:
        self._app = app
        self._client = (address, 1)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        messages = iter([{"type": "http.request", "body": await request.aread()}])
        sent: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            for message in messages:
                return message
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, object]) -> None:
            sent.append(message)

        headers = [(name.lower(), value) for name, value in request.headers.raw]
        scope = {"type": "http", "http_version": "2", "method": request.method, "raw_path": request.url.raw_path,
                 "query_string": b"", "headers": headers, "client": self._client}  # fmt: skip
        await self._app(scope, receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], stream=httpx.ByteStream(body))


class Node:
    """The keys that one machine has."""

    def __init__(self, first: Key) -> None:
        self.keys = {first.kid: first}

    def add(self, key: Key) -> None:
        self.keys[key.kid] = replace(key, state=State.ACCEPT)

    def promote(self, kid: str) -> None:
        for key in self.keys.values():
            if key.state is State.SIGN:
                self.keys[key.kid] = replace(key, state=State.ACCEPT)
        self.keys[kid] = replace(self.keys[kid], state=State.SIGN)

    def retire(self, kid: str) -> None:
        self.keys[kid] = replace(self.keys[kid], state=State.RETIRED)


class Secondary(Node):
    """A client at an address of its own, with a store that follows the primary."""

    def __init__(self, number: int, app: ReplicationApp, first: Key, clock: Time) -> None:
        super().__init__(first)
        self.store = MemoryStore()
        random = iter(range(number << 32, (number + 1) << 32))
        self.signer = Signer(PEER, first, clock, lambda size: next(random).to_bytes(size, "big"))
        self.peer = DirectPeer(self.signer, Direct(app, f"192.0.2.{number}"))

    def step(self, word: str, new: Key, old: Key) -> None:
        if word == "add":
            self.add(new)
        elif word == "promote":
            self.promote(new.kid)
        else:
            self.retire(old.kid)
        self.signer.take(self.keys.values())

    async def sync(self) -> None:
        await pull_once(self.peer, self.store)


class DirectPeer(HttpPeer):
    def __init__(self, signer: Signer, transport: Direct) -> None:
        super().__init__("http://127.0.0.1:9354", signer)
        self._transport = transport

    def _open_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=self._transport)


def turned(number: int) -> Key:
    return Key.derive(f"k{number}", b"%032d" % number, scopes=READ, not_before=START + number)


def first_key() -> Key:
    return replace(turned(0), state=State.SIGN)


def test_the_orders_are_all_that_keep_a_common_key() -> None:
    found = set()
    for at in combinations(range(5), 2):
        client = iter(("add", "promote", "retire"))
        steps = ["|" if place in at else next(client) for place in range(5)]
        if all(_common(steps[:length]) for length in range(6)):
            parts = " ".join(steps).split("|")
            found.add("|".join(part.strip() for part in parts))
    assert found == set(ORDERS)


def _common(steps: list[str]) -> bool:
    server = {"old"} - ({"old"} if steps.count("|") == 2 else set()) | ({"new"} if "|" in steps else set())
    client = {"old"} - ({"old"} if "retire" in steps else set()) | ({"new"} if "add" in steps else set())
    return bool(server & client)


def test_twenty_turns_under_syncing_clients_in_every_order() -> None:
    async def test() -> None:
        clock, samples, primary = Time(), Counted(), MemoryStore()
        server = Node(first_key())
        gate = Gate(PEER, Keyring(server.keys.values()), clock)
        app = ReplicationApp(primary, gate, samples, clock)
        fleet = [Secondary(number, app, first_key(), clock) for number in range(1, len(ORDERS) + 1)]

        async def everyone_syncs() -> None:
            clock.now += 6
            await asyncio.gather(*(each.sync() for each in fleet))

        await everyone_syncs()
        for turn in range(1, TURNS + 1):
            commit(primary, "example.org.", names("example.org.", turn))
            new, old = turned(turn), turned(turn - 1)
            for phase in range(3):
                if phase == 1:
                    server.add(new)
                elif phase == 2:
                    server.retire(old.kid)
                gate.keyring = Keyring(server.keys.values())
                await everyone_syncs()
                for number, word in _steps(turn, phase):
                    fleet[number].step(word, new, old)
                    await fleet[number].sync()
            assert all(local_refs(each.store) == local_refs(primary) for each in fleet)
            clock.now += RETRY
            await everyone_syncs()
            last = "auth_key_last_used_timestamp_seconds,key_id="
            assert samples.values[last + new.kid] == clock.now
            assert samples.values[last + old.kid] < clock.now
            assert all(each.signer.key.kid == new.kid for each in fleet)

    run(test())


def _steps(turn: int, phase: int) -> Iterator[tuple[int, str]]:
    """What each client does in a phase of a turn; each goes through all orders in 20 turns."""
    for number in range(len(ORDERS)):
        order = ORDERS[(number + turn) % len(ORDERS)]
        yield from ((number, word) for word in order.split("|")[phase].split())


def test_a_key_that_is_refused_costs_one_failure_and_not_one_per_request() -> None:
    async def test() -> None:
        clock, samples = Time(), Counted()
        app = ReplicationApp(MemoryStore(), Gate(PEER, Keyring([first_key()]), clock), samples, clock)
        client = Secondary(1, app, first_key(), clock)
        client.step("add", turned(1), turned(0))
        client.step("promote", turned(1), turned(0))
        for _ in range(30):
            await client.sync()
        assert samples.values["auth_attempts_total,key_id=unknown,result=unknown_key"] == 1
        clock.now += RETRY
        await client.sync()
        assert samples.values["auth_attempts_total,key_id=unknown,result=unknown_key"] == 2

    run(test())


def test_it_falls_back_once_and_then_tells() -> None:
    async def test() -> None:
        clock, samples = Time(), Counted()
        app = ReplicationApp(MemoryStore(), Gate(PEER, Keyring([turned(9)]), clock), samples, clock)
        client = Secondary(1, app, first_key(), clock)
        for number in (1, 2):
            client.step("add", turned(number), turned(0))
        with pytest.raises(NotAuthorised, match="refuses key k2"):
            await client.sync()
        assert samples.values["auth_attempts_total,key_id=unknown,result=unknown_key"] == 2

    run(test())


def test_a_pinned_key_is_not_replaced() -> None:
    async def test() -> None:
        clock, samples = Time(), Counted()
        app = ReplicationApp(MemoryStore(), Gate(PEER, Keyring([turned(1)]), clock), samples, clock)
        client = Secondary(1, app, first_key(), clock)
        with pytest.raises(NotAuthorised, match="refuses key k0"):
            await client.sync()
        assert samples.values["auth_attempts_total,key_id=unknown,result=unknown_key"] == 1

    run(test())
