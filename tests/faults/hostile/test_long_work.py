"""What takes long is done in slices, and who asks for much of it makes another key wait for a few of them only."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from daemonkit import PATIENCE
from httpkit import Running, generous_gate, served
from rawh2 import RawClient
from synckit import KEY, SMALL_NODES, commit, names, seal_for
from zonegit.auth.key import Key
from zonegit.auth.scope import parse_scope
from zonegit.errors import InvalidData
from zonegit.model.ids import ObjectId
from zonegit.net.server.work_scheduler import WorkScheduler
from zonegit.store.memory import MemoryStore
from zonegit.store.port import Reader
from zonegit.sync.ref_sketch import question
from zonegit.sync.ref_table import RefTable
from zonegit.sync.server import Endpoint
from zonegit.sync.sketch import WIDTH
from zonegit.sync.wire import JSON_TYPE, Accepts, FetchRequest
from zonegit.sync.work import Due, Work, finish, never

ZONE = "example.org."
COMMITS = 150
ZONES = 60
READS = 24
"""Objects that may be read between two looks at the time, in all of what follows."""
ELEMENTS = 30_000
"""Elements of all lists of a request that are read before it is refused."""
ROUNDS = 30
"""Slices of another key's work that a small request may wait for."""
OTHER = Key.derive("k2", b"another secret, of 32 bytes too.", scopes=(parse_scope("read:*"),))


@pytest.fixture(scope="module")
def store() -> MemoryStore:
    store = MemoryStore()
    for at in range(COMMITS):
        commit(store, ZONE, names(ZONE, 40, at), shape=SMALL_NODES)
    for at in range(ZONES):
        commit(store, f"z{at}.example.", names(f"z{at}.example.", 1))
    return store


@pytest.fixture(scope="module")
def commits(store: MemoryStore) -> list[ObjectId]:
    with store.read() as reader:
        return [oid for oid in reader.object_ids() if reader.get(oid)[0] == 1]


def walk(commits: list[ObjectId], have: int = 0) -> bytes:
    return FetchRequest((commits[COMMITS - 1],), tuple(commits[:have])).encode("roots", "known")


def questions(commits: list[ObjectId]) -> dict[str, Callable[[Endpoint, Due], Work[bytes]]]:
    """All that one request can make a server do for long."""
    unknown = tuple(ObjectId(bytes((at & 255, at >> 8)) * 16) for at in range(2_000))
    fetch = FetchRequest((commits[COMMITS - 1],), (*commits[:40], *unknown)).encode()
    differences = json.dumps({"epoch": "e" * 32, "root": "", "buckets": "A" * 5_462, "names": "all"}).encode()

    def streamed(work: Work, due: Due) -> Work[bytes]:  # type: ignore[type-arg]
        stream = yield from work
        data = b""
        while not stream.ended:
            data += yield from stream.piece(due)
        return data

    def whole(work: Work) -> Work[bytes]:  # type: ignore[type-arg]
        return (yield from work).body

    seal = seal_for("m")
    return {
        "refs": lambda endpoint, due: whole(endpoint.refs(KEY, Accepts(all_names=True), due)),
        "differences": lambda endpoint, due: whole(endpoint.refs_diff(KEY, differences, due)),
        "sketch": lambda endpoint, due: whole(endpoint.refs_sketch(KEY, sketched(endpoint), due)),
        "walk": lambda endpoint, due: whole(endpoint.walk(KEY, walk(commits), due)),
        "walk beside": lambda endpoint, due: whole(endpoint.walk(KEY, walk(commits, COMMITS - 1), due)),
        "fetch": lambda endpoint, due: streamed(endpoint.fetch(KEY, fetch, seal, lambda: 0.0, due), due),
        "list": lambda endpoint, due: streamed(
            endpoint.objects(KEY, b"".join(commits), seal, lambda: 0.0, due), due
        ),
    }


class Looks:
    """A slice that is always over; the most reads that came between two looks at it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, store: MemoryStore) -> None:
        self.most = self._reads = 0
        read = type(store).read

        @contextmanager
        def counted(store: MemoryStore) -> Iterator[Reader]:
            with read(store) as reader:
                for name in ("get", "has", "ref"):
                    monkeypatch.setattr(reader, name, self._counting(getattr(reader, name)))
                yield reader

        monkeypatch.setattr(type(store), "read", counted)

    def _counting(self, plain: Callable[..., object]) -> Callable[..., object]:
        def counting(*args: object) -> object:
            self._reads += 1
            return plain(*args)

        return counting

    def due(self) -> bool:
        self.most, self._reads = max(self.most, self._reads), 0
        return True


@pytest.mark.parametrize("kind", ["refs", "differences", "sketch", "walk", "walk beside", "fetch", "list"])
def test_every_step_is_little_work(
    store: MemoryStore, commits: list[ObjectId], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = questions(commits)[kind]
    at_once = finish(ask(Endpoint(store), never))
    looks = Looks(monkeypatch, store)
    work = ask(Endpoint(store), looks.due)
    count = 0
    while True:
        try:
            next(work)
        except StopIteration as end:
            assert end.value == at_once, "the answer is the same in slices"
            break
        count += 1
    assert count >= ZONES
    assert looks.most <= READS


@pytest.mark.parametrize("element", ['""', "{}", "[]", "1", "null"])
def test_lists_that_no_request_has_end_the_reading(element: str) -> None:
    looks = 0

    def due() -> bool:
        nonlocal looks
        looks += 1
        return False

    body = f'{{"later":[{",".join([element] * 300_000)}],"want":["{"ab" * 32}"]}}'.encode()
    with pytest.raises(InvalidData, match="more than"):
        finish(FetchRequest.reading(body, due))
    assert 1_000 <= looks <= ELEMENTS


def test_what_a_request_need_not_have_is_passed_over_in_slices() -> None:
    list_of_lists = ",".join(["[" + ",".join(["{}"] * 5_000) + "]"] * 60)
    objects = ",".join(f'"m{at}":[{{}},{{}}]' for at in range(30))
    body = f'{{"later":[{list_of_lists}],{objects},"want":["{"ab" * 32}"]}}'.encode()
    slices = 0
    work = FetchRequest.reading(body, lambda: True)
    with pytest.raises(StopIteration) as end:
        while True:
            next(work)
            slices += 1
    assert end.value.value.want == (ObjectId(b"\xab" * 32),)
    assert slices == 60 + 60 + 1


def test_refs_that_move_between_slices_make_whole_answers() -> None:
    store = MemoryStore()
    for at in range(30):
        commit(store, f"z{at}.example.", names(f"z{at}.example.", 1))
    endpoint, other = Endpoint(store), Endpoint(store)
    work = endpoint.refs(KEY, Accepts(all_names=True), lambda: True)
    for at in range(20):
        next(work)
        commit(store, f"z{at}.example.", names(f"z{at}.example.", 2))
        finish(endpoint.refs_diff(KEY, questions_of_nothing(), never))
    answer = finish(work)
    expected = json.loads(finish(other.refs(KEY, Accepts(all_names=True))).body)
    found = json.loads(answer.body)
    assert found["seq"] <= expected["seq"]
    assert json.loads(finish(endpoint.refs(KEY, Accepts(all_names=True))).body) == expected
    assert len(found["branches"]) == 30


def sketched(endpoint: Endpoint) -> bytes:
    """The question of a client that holds no refs."""
    epoch = json.loads(endpoint.brief().body)["epoch"]
    return question(RefTable(epoch=epoch), epoch, WIDTH).encode()


def questions_of_nothing() -> bytes:
    return json.dumps({"epoch": "", "root": "", "buckets": "A" * 5_462}).encode()


class Counting(WorkScheduler):
    """Turns that know whose they were; the slices are short, so that there are many."""

    def __init__(self) -> None:
        super().__init__(0.0005)
        self.keys: list[str] = []
        self.before = 0
        """Turns of others while a work of the other key waited."""

    def _turn(self) -> None:
        key = next(iter(self._waiting))
        self.keys.append(key)
        self.before += key != "k2" and "k2" in self._waiting
        super()._turn()


def test_six_connections_that_walk_keep_another_key_waiting_for_a_few_slices(
    store: MemoryStore, commits: list[ObjectId]
) -> None:
    body, small = walk(commits), FetchRequest((commits[1],), (commits[0],)).encode()
    over = threading.Event()

    def walker(port: int) -> None:
        with RawClient(port) as client:
            while not over.is_set():
                headers = client.signed("POST", "/v0/objects/walk", body, JSON_TYPE)
                assert client.ask("POST", "/v0/objects/walk", headers, body).status == 200

    def test(server: Running) -> None:
        turns = server.app._work = Counting()
        walkers = [threading.Thread(target=walker, args=(server.port,)) for _ in range(6)]
        for thread in walkers:
            thread.start()
        try:
            with RawClient(server.port) as client:
                while len(turns.keys) < 5:
                    client.ask("GET", "/v0/nothing", client.signed("GET", "/v0/nothing", key=OTHER))
                queued = 0
                deadline = time.monotonic() + PATIENCE
                while queued < 3:  # it waits for its turn among the others, unless nobody else is there just then
                    assert time.monotonic() < deadline
                    before, turns.before = len(turns.keys), 0
                    headers = client.signed("POST", "/v0/fetch", small, JSON_TYPE, key=OTHER)
                    assert client.ask("POST", "/v0/fetch", headers, small).status == 200
                    mine = turns.keys[before:].count("k2")
                    queued += mine
                    assert turns.before <= min(mine, ROUNDS), "one turn of another key before each of its own"
        finally:
            over.set()
            for thread in walkers:
                thread.join()

    served(test, store, gate=generous_gate((KEY, OTHER)))
