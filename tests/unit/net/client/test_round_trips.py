"""What it costs to learn of changes: round trips, and bytes on the wire counted by a proxy in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from connkit import talking
from httpkit import Running, peer_of, run, running
from keptkit import kept_in, put
from synckit import PEER, WHO, commit, move, names
from zonegit.errors import InvalidData, LimitExceeded
from zonegit.model.commit import Commit, Tag
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import head, remote, review
from zonegit.model.zone import Zone
from zonegit.net.client.peer import PeerClient
from zonegit.net.client.pull import latest_refs, pull
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.known_refs import KnownRefs
from zonegit.sync.limits import CLIENT
from zonegit.sync.peers import remember
from zonegit.sync.ref_diff import Change
from zonegit.sync.ref_lists import RefLists
from zonegit.sync.ref_sketch import SketchAnswer
from zonegit.sync.server import Endpoint
from zonegit.sync.session import Session
from zonegit.sync.wire import PeerRefs

ZONES = 10_000


class Proxy:
    """Passes bytes on, and counts them."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.bytes = 0
        self.url = ""

    @asynccontextmanager
    async def run(self) -> AsyncIterator["Proxy"]:
        async with talking(self._connected) as self.url:
            yield self

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        finally:
            back.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                self.bytes += len(data)
                writer.write(data)
                await writer.drain()
        writer.close()


class Cost:
    """Requests and bytes since it was made."""

    def __init__(self, server: Running, proxy: Proxy) -> None:
        self._server, self._proxy = server, proxy
        self._requests, self._bytes = server.requests, proxy.bytes

    @property
    def requests(self) -> int:
        return self._server.requests - self._requests

    @property
    def bytes(self) -> int:
        return self._proxy.bytes - self._bytes


def new_store() -> MemoryStore:
    """One whose epoch is always the same: of others, one sketch in some hundred takes a question more."""
    store = MemoryStore()
    with store.write() as writer:
        writer.begin_epoch(bytes(range(16)))
    return store


@pytest.fixture
def stores(made: tuple[MemoryStore, MemoryStore]) -> tuple[MemoryStore, MemoryStore]:
    """A primary of 10,000 zones, and a secondary that has them all; what a test changes is its own."""
    copies = new_store(), new_store()
    for copy, store in zip(copies, made, strict=True):
        copy._tables = list(store._tables)
    return copies


@pytest.fixture(scope="module")
def made() -> tuple[MemoryStore, MemoryStore]:
    primary, secondary = new_store(), new_store()
    tip = commit(primary, "model.example.", names("model.example.", 2))
    with primary.read() as reader:
        model = Commit.decode(reader.get(tip))
        zone = reader.get(model.zone_root)
        tree = reader.get(Zone.decode(zone).tree)
    move(primary, "model.example.", "main", None)
    tips: dict[str, ObjectId] = {}
    objects = [tree, zone]
    for at in range(ZONES):
        apex = f"zone-{at:05}.example.org."
        tips[apex] = object_id(raw := Commit(model.zone_root, (), apex, 1, 1, WHO, WHO, apex).encode())
        objects.append(raw)
    for store in (primary, secondary):
        with store.write() as writer:
            writer.insert(objects)
            updates = [RefUpdate(head(apex, "main"), None, oid) for apex, oid in tips.items()]
            if store is secondary:
                updates += [RefUpdate(remote(PEER, apex, "main"), None, oid) for apex, oid in tips.items()]
            writer.move_refs(updates, WHO, "commit: test")
    with primary.read() as reader:
        state = PeerRefs(reader.epoch, reader.seq, reader.index_root.hex())
    with secondary.write() as writer:
        remember(writer, PEER, state)
    return primary, secondary


async def sync(peer: PeerClient, secondary: MemoryStore, root: str = "") -> tuple[str, int]:
    """`(root, bytes of objects)`; the root is empty when nothing moved."""
    refs = await latest_refs(peer, secondary, PEER, root)
    if refs is None:
        return "", 0
    session = Session(secondary, PEER, refs)
    await pull(peer, session, WHO)
    return refs.root, session.size


def test_three_of_ten_thousand_zones(stores: tuple[MemoryStore, MemoryStore]) -> None:
    primary, secondary = stores

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            for at in (17, 4_711, 9_999):
                apex = f"zone-{at:05}.example.org."
                commit(primary, apex, names(apex, 3, seed=at))
            cost = Cost(server, proxy)
            root, objects = await sync(peer, secondary)
            assert cost.requests == 2
            assert objects > 0
            assert cost.bytes - objects <= 2_500
            with primary.read() as one, secondary.read() as two:
                assert dict(one.refs("refs/heads/zone")) == dict(two.refs("refs/heads/zone"))
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) == ("", 0)
            assert cost.requests == 1
            assert cost.bytes <= 1_000
            commit(primary, "zone-00001.example.org.", names("example.org.", 3))
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) != ("", 0)
            assert cost.requests == 3  # told that something moved, what, and the objects
            assert cost.bytes <= 3_500

    run(test())


@pytest.mark.parametrize("count", [5, 100])
def test_what_differs_costs_bytes_for_each_difference(stores: tuple[MemoryStore, MemoryStore], count: int) -> None:
    """The refs alone: 1 KB and 120 bytes for each that differs, in the middle one of three tries."""
    primary, secondary = stores

    async def test() -> None:
        costs = []
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            await sync(peer, secondary)
            for take in range(3):
                for at in range(count):
                    apex = f"zone-{at * 7:05}.example.org."
                    commit(primary, apex, names(apex, 1, seed=1000 * take + count + at))
                cost = Cost(server, proxy)
                refs = await latest_refs(peer, secondary, PEER, tracked=KnownRefs(PEER))
                assert refs is not None
                assert len(refs.branches) == count
                costs.append((cost.requests, cost.bytes))
                await sync(peer, secondary)
        assert sorted(costs)[1][0] <= (1 if count == 5 else 2)
        assert sorted(costs)[1][1] <= 1_000 + 120 * count

    run(test())


def test_who_wrote_as_much_as_the_peer_learns_all_of_it_at_once() -> None:
    """Two nodes that wrote while they were apart: `zonegit sync`, which tracks nothing from one run to the next."""
    here, there = new_store(), new_store()
    zones = [f"zone-{at:03}.example.org." for at in range(300)]
    for apex in zones:
        commit(there, apex, names(apex, 1))

    async def test() -> None:
        async with running(there) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            await sync(peer, here)
            for at, apex in enumerate(zones[:200]):
                commit(here if at % 2 else there, apex, names(apex, 1, seed=at + 1))
            cost = Cost(server, proxy)
            refs = await latest_refs(peer, here, PEER)
            assert (cost.requests, cost.bytes <= 13_000) == (1, True)
            assert refs == await peer.refs()

    run(test())


def test_a_peer_that_was_never_asked_is_asked_what_differs(stores: tuple[MemoryStore, MemoryStore]) -> None:
    """Two nodes that hold nearly the same learn each other's refs without a list."""
    primary, _ = stores
    other = new_store()
    with primary.read() as reader, other.write() as writer:
        writer.insert([reader.get(oid) for oid in reader.object_ids()])
        refs = [ref for ref in reader.refs("refs/heads/") if ref[0] != head("zone-00005.example.org.", "main")]
        writer.move_refs([RefUpdate(name, None, oid) for name, oid in refs], WHO, "commit: test")
    commit(other, "zone-00006.example.org.", names("zone-00006.example.org.", 2, seed=77))
    commit(other, "own.example.", names("own.example.", 2))

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            cost = Cost(server, proxy)
            refs = await latest_refs(peer, other, PEER)
            assert cost.requests == 2
            assert cost.bytes <= 3_000
            assert refs is not None
            listed = await peer.refs()
            assert listed is not None
            assert (refs.branches, refs.tags, refs.root, refs.gone) == (
                listed.branches,
                listed.tags,
                listed.root,
                None,
            )

    run(test())


def test_a_peer_that_has_little_of_what_is_here_lists_it(stores: tuple[MemoryStore, MemoryStore]) -> None:
    small, (_, large) = MemoryStore(), stores
    commit(small, "example.org.", names("example.org.", 3))

    async def test() -> None:
        async with running(small) as server, peer_of(server.url) as peer:
            refs = await latest_refs(peer, large, "another")
            assert refs == await peer.refs()

    run(test())


def test_a_list_that_is_too_long_comes_in_parts(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, _ = stores
    monkeypatch.setattr("zonegit.sync.ref_diff.PART", 1_000)

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            listed = await peer.refs()
            assert listed is not None
            peer.bounds = CLIENT._replace(refs_bytes=200_000)
            cost = Cost(server, proxy)
            refs = await latest_refs(peer, MemoryStore(), PEER, tracked=KnownRefs(PEER))
            assert refs == listed
            assert 8 <= cost.requests <= 14

    run(test())


def test_more_refs_than_a_client_holds_are_refused(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, _ = stores
    monkeypatch.setattr("zonegit.sync.ref_diff.PART", 1_000)
    monkeypatch.setattr("zonegit.net.client.pull.PARTS", 1)

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            peer.bounds = CLIENT._replace(refs_bytes=200_000)
            cost = Cost(server, proxy)
            with pytest.raises(LimitExceeded, match="refs_bytes"):
                await latest_refs(peer, MemoryStore(), PEER)
            assert cost.requests <= 6

    run(test())


def test_a_peer_that_finds_every_sketch_too_narrow_is_asked_by_buckets(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, secondary = stores
    decode = SketchAnswer.decode
    monkeypatch.setattr(SketchAnswer, "decode", lambda body: decode(body)._replace(differ=5))

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            cost = Cost(server, proxy)
            assert await latest_refs(peer, secondary, PEER, tracked=KnownRefs(PEER)) is not None
            assert cost.requests == 4

    run(test())


@pytest.mark.parametrize(("epoch", "following"), [("d" * 32, 0), ("e" * 32, 3)], ids=["epoch", "backwards"])
def test_parts_that_contradict_each_other_are_refused(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch, epoch: str, following: int
) -> None:
    primary, secondary = stores
    answers = iter([Change("e" * 32, 1, "ab" * 32, (), next=9)])
    then = Change(epoch, 1, "ab" * 32, (), next=following)
    monkeypatch.setattr(Change, "decode", lambda body: next(answers, then))
    monkeypatch.setattr(Endpoint, "refs_sketch", Endpoint.refs_diff)

    async def test() -> None:
        async with running(primary) as server, peer_of(server.url) as peer:
            with pytest.raises(InvalidData, match="contradict"):
                await latest_refs(peer, secondary, PEER)

    run(test())


def test_a_peer_that_knows_no_sketches_is_asked_by_buckets(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of an older version reads a question as JSON, whatever its type says."""
    primary, secondary = stores
    monkeypatch.setattr(Endpoint, "refs_sketch", Endpoint.refs_diff)

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            for requests in (3, 2):  # a sketch is offered once over a connection
                commit(primary, "zone-00001.example.org.", names("example.org.", 2, seed=requests))
                cost = Cost(server, proxy)
                await sync(peer, secondary)
                assert cost.requests == requests
            with primary.read() as one, secondary.read() as two:
                assert dict(one.refs("refs/heads/zone")) == dict(two.refs("refs/heads/zone"))

    run(test())


def test_an_answer_that_does_not_lead_to_its_sum_is_asked_for_by_buckets(
    stores: tuple[MemoryStore, MemoryStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    primary, secondary = stores
    decode = SketchAnswer.decode
    monkeypatch.setattr(SketchAnswer, "decode", lambda body: decode(body)._replace(lists=RefLists()))

    async def test() -> None:
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            commit(primary, "zone-00002.example.org.", names("example.org.", 2))
            cost = Cost(server, proxy)
            await sync(peer, secondary)
            assert cost.requests == 3
            with primary.read() as one, secondary.read() as two:
                assert dict(one.refs("refs/heads/zone")) == dict(two.refs("refs/heads/zone"))

    run(test())


def test_nothing_new_to_a_small_mirror() -> None:
    async def test() -> None:
        primary, secondary = new_store(), new_store()
        commit(primary, "example.org.", names("example.org.", 3))
        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            root, _ = await sync(peer, secondary)
            cost = Cost(server, proxy)
            assert await sync(peer, secondary, root) == ("", 0)
            assert cost.requests == 1
            assert cost.bytes <= 1_000

    run(test())


def test_reviews_that_were_refused_are_not_listed_again() -> None:
    async def test() -> None:
        primary, secondary = new_store(), new_store()
        tip = commit(primary, "example.org.", names("example.org.", 3))
        for number in range(300):
            unsigned = Tag(tip, "example.org.", "approve", WHO, f"{number}", ())
            put(primary, unsigned, review("example.org.", f"{number:040x}/{'1' * 16}"))
        tracked = KnownRefs(PEER, mirrored=True)

        async def follow() -> Cost:
            cost = Cost(server, proxy)
            refs = await latest_refs(peer, secondary, PEER, tracked=tracked)
            assert refs is not None
            await pull(peer, Session(secondary, PEER, refs), WHO)
            tracked.settle(refs)
            return cost

        async with running(primary) as server, Proxy(server.port).run() as proxy, peer_of(proxy.url) as peer:
            assert (await follow()).bytes > 300 * 100
            await follow()  # asks for differences from now on
            commit(primary, "example.org.", names("example.org.", 4))
            last = await follow()
            assert (last.requests, last.bytes < 5_000) == (2, True), "the refs and the objects"
            assert kept_in(secondary) == {}

    run(test())
