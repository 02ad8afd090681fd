"""Keys are turned under syncing clients, in every order of rollout, and no sync fails. No sockets.

All clients but one stand behind one address, as behind a NAT: together they fail more often meanwhile than an
address may, and still none of them fails to sync.
"""

import asyncio
from dataclasses import replace
from itertools import combinations

import pytest

from directkit import START, Direct, DirectPeer, Time
from httpkit import Counted, pull_once, run
from synckit import PEER, commit, local_refs, names
from zonegit.auth.choice import RETRY
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key, State
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotAuthorised
from zonegit.net.server.replication_app import ReplicationApp
from zonegit.store.memory import MemoryStore

TURNS = 20
CLIENTS = 20
NAT = "192.0.2.1"
READ = (parse_scope("read:*"),)

# A turn at the server: take the new key in, then refuse the old one. At a client: take the new key in, sign with
# it, then give the old one up. What stands before "|" happens before the server's first step, and so on.
ORDERS = ("add|promote|retire", "add promote||retire", "|add promote|retire", "|add promote retire|",
          "add promote|retire|", "add||promote retire", "|add|promote retire", "add|promote retire|")  # fmt: skip


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
    """A client with a store that follows the primary."""

    def __init__(self, number: int, app: ReplicationApp, first: Key, clock: Time, address: str = NAT) -> None:
        super().__init__(first)
        self.store = MemoryStore()
        random = iter(range(number << 32, (number + 1) << 32))
        self.signer = Signer(PEER, first, clock, lambda size: next(random).to_bytes(size, "big"))
        self.transport = Direct(app, address, number)
        self.peer = DirectPeer(self.signer, self.transport)

    def step(self, word: str, new: Key, old: Key) -> None:
        if word == "add":
            self.add(new)
        elif word == "promote":
            self.promote(new.kid)
        else:
            self.retire(old.kid)
        self.signer.use_keys(self.keys.values())

    async def sync(self) -> None:
        await pull_once(self.peer, self.store)


class Fleet:
    """A primary, and the clients that follow it while its keys are turned."""

    def __init__(self, orders: tuple[str, ...] = ORDERS) -> None:
        self.orders = orders
        self.clock = Time()
        self.samples = Counted()
        self.primary = MemoryStore()
        self.server = Node(first_key())
        self.gate = Gate(PEER, Keyring(self.server.keys.values()), self.clock)
        self.app = ReplicationApp(self.primary, self.gate, self.samples, self.clock, failure_delay=0.0)
        places = [f"{NAT[:-1]}9", *[NAT] * (CLIENTS - 1)]
        self.clients = [
            Secondary(number, self.app, first_key(), self.clock, place) for number, place in enumerate(places)
        ]
        self._changes = 0

    async def sync(self, phase: int = 0, new: Key | None = None, old: Key | None = None) -> None:
        """A change, and every client syncs, all at once; the server's step falls into the middle of it."""
        self._changes += 1
        commit(self.primary, "example.org.", names("example.org.", self._changes))

        async def step() -> None:
            for _ in range(phase and 5):
                await asyncio.sleep(0)
            if phase == 1 and new:
                self.server.add(new)
            elif phase == 2 and old:
                self.server.retire(old.kid)
            self.gate.keyring = Keyring(self.server.keys.values())

        await asyncio.gather(*(client.sync() for client in self.clients), step())
        assert all(local_refs(client.store) == local_refs(self.primary) for client in self.clients)

    async def turn(self, number: int) -> None:
        """Turn the key before this number into the one with it; 20 turns take each client through all orders."""
        new, old = turned(number), turned(number - 1)
        for phase in range(3):
            await self.sync(phase, new, old)
            for place, client in enumerate(self.clients):
                order = self.orders[(place + number) % len(self.orders)]
                for word in order.split("|")[phase].split():
                    client.step(word, new, old)
                    await client.sync()
        self.clock.now += RETRY
        await self.sync()

    def used(self, number: int) -> float:
        """When this key last passed."""
        return self.samples.values[f"auth_key_last_used_timestamp_seconds,key_id=k{number}"]


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


def test_twenty_turns_under_twenty_syncing_clients_in_every_order() -> None:
    async def test() -> None:
        fleet = Fleet()
        await fleet.sync()
        for number in range(1, TURNS + 1):
            await fleet.turn(number)
            assert fleet.used(number) == fleet.clock.now
            assert fleet.used(number - 1) < fleet.clock.now
            assert all(client.signer.key.kid == f"k{number}" for client in fleet.clients)
        refusals = [client.transport.statuses.count(429) for client in fleet.clients]
        assert refusals[0] == 0
        assert sum(refusals) > 0, "too few failures behind one address: nothing was tested"

    run(test(), 120)


@pytest.mark.parametrize("order", ORDERS)
def test_a_whole_fleet_in_one_order(order: str) -> None:
    async def test() -> None:
        fleet = Fleet((order,))
        await fleet.sync()
        for number in (1, 2):
            await fleet.turn(number)
            assert all(client.signer.key.kid == f"k{number}" for client in fleet.clients)

    run(test())


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
        app = ReplicationApp(
            MemoryStore(), Gate(PEER, Keyring([turned(9)]), clock), samples, clock, failure_delay=0.0
        )
        client = Secondary(1, app, first_key(), clock)
        for number in (1, 2):
            client.step("add", turned(number), turned(0))
        for attempt in range(1, 6):
            with pytest.raises(NotAuthorised, match=r"refuses key k\d "):
                await client.sync()
            assert samples.values["auth_attempts_total,key_id=unknown,result=unknown_key"] == 2 * attempt
        with pytest.raises(NotAuthorised, match="too many failures from this address"):
            await client.sync()

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
