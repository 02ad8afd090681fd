"""The heaviest scripts of whoever may push to one zone of a real `zonegitd`: they move its refs, and no more."""

import itertools
import json
import os
import random
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from arrivalkit import MAIN, carry
from daemonkit import Daemon
from pushserverkit import PushRequest
from rawh2 import Answer, RawClient
from repokit import ZONE, parsed
from synckit import NET, ORG, PEER, SMALL_NODES, WHO, names
from victimkit import LARGE, Victim, serves_soon, slower_dns, stays_small
from zonegit.auth.key import Key
from zonegit.auth.keyfile import new_key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scope import parse_scope
from zonegit.model.commit import TOMBSTONE, Commit
from zonegit.model.ids import Kind, ObjectId, object_id
from zonegit.model.refs import Ref, RefKind
from zonegit.model.rrset import RRset
from zonegit.model.zone import Zone
from zonegit.repo import Repository
from zonegit.repo.ancestry import is_ancestor
from zonegit.repo.heads import AUTOMATIC
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore
from zonegit.store.port import RefUpdate
from zonegit.sync.arrival import Offer
from zonegit.sync.frames import CONTENT_TYPE, FrameType, frame, group_payload
from zonegit.sync.limits import MAX_PRESENT, MAX_UPDATES, PUSH_ASK, PUSH_BODY
from zonegit.sync.push_wire import PATH
from zonegit.sync.push_wire import Answer as PushAnswer
from zonegit.tree import walk
from zonegit.tree.build import build
from zonegit.tree.source import Nodes

TIMES = int(os.environ.get("ZONEGIT_PUSHES", "1"))
"""How many times what `make test` has time for: at 10, 100 commits that change all names, 1,000 branches."""
GROUP = frame(FrameType.GROUP, group_payload([bytes((Kind.RRSET, 1)) + bytes(999)] * 250))
DAY = 12 << 20
"""Bytes that a key may have stored."""
OTHERS = Ref(RefKind.HEAD, NET, "main")


def branch(name: str, zone: str = ORG, kind: RefKind = RefKind.HEAD) -> Ref:
    return Ref(kind, zone, name)


class Pushed(Victim):
    """A daemon that merges what comes to one zone, and what the holder of a key for that zone has of it."""

    def __init__(self, daemon: Daemon, key: Key, honest: Key, repo: Path) -> None:
        super().__init__(daemon, key, workers=2)
        self._honest = honest
        self._repo = repo
        self._store = _copy(repo)
        self._made = itertools.count()
        self._line = RawClient(self.port)
        with self._store.read() as reader:
            self.others = reader.ref(OTHERS.full)
            self.root = Commit.decode(reader.get(self.tip)).zone_root
            zone = Zone.decode(reader.get(self.root))
            found = list(walk.entries(Nodes(reader, self._store.nodes), zone.tree))
        built = build(zone.shape, [(key, _moved(data)) for key, data in found])
        self.moved = Zone(built.root, zone.shape, built.records).encode()
        """The zone with all of its addresses changed, which the branch `moved` has from the beginning."""
        self._keep(*built.objects, self.moved)
        commit = self.made(self.tip, zone_root=object_id(self.moved))
        assert self.tell(branch("moved"), *built.objects, self.moved, commit) == "updated"

    def made(self, *parents: ObjectId, **changes: object) -> bytes:
        """A commit on top of others, with the content of the first."""
        with self._store.read() as reader:
            above = [Commit.decode(reader.get(oid)) for oid in parents]
        seq, generation = (1 + max(each[at] for each in above) for at in (3, 4))
        made = above[0]._replace(parents=parents, seq=seq, generation=generation, extra=())
        data = made._replace(message=f"{next(self._made)}\n", **changes).encode()
        self._keep(data)
        return data

    def nothing(self) -> tuple[bytes, ...]:
        """A tombstone on top of the zone, with what is below it."""
        zone = Zone.decode(self.moved)
        built = build(zone.shape, [])
        root = Zone(built.root, zone.shape, 0).encode()
        self._keep(*built.objects, root)
        return *built.objects, root, self.made(self.tip, zone_root=object_id(root), extra=(TOMBSTONE,))

    def _keep(self, *objects: bytes) -> None:
        with self._store.write() as writer:
            writer.insert(objects)

    def send(self, client: RawClient, body: bytes, *, end: bool = True) -> int:
        return self.post(client, PATH, body, kind=CONTENT_TYPE, end=end)

    def known(self) -> RawClient:
        """A connection of which a request has passed, so that it may send more."""
        client = self.connect(None)
        client.ask("GET", "/v0/refs", client.signed("GET", "/v0/refs", key=self.key))
        client.answers.clear()
        return client

    def statuses(self) -> set[int]:
        """Of all answers, once they are there; then the connections end."""
        for client in self.clients:
            while not all(answer.status for answer in client.answers.values()) and client.read():
                pass
        found = {answer.status for client in self.clients for answer in client.answers.values()}
        self.leave()
        return found

    def push(self, body: bytes, key: Key | None = None) -> Answer:
        """Push over the same connection each time: one process knows what came that no ref names yet."""
        headers = self._line.signed("POST", PATH, body, CONTENT_TYPE, key=key or self.key)
        return self._line.ask("POST", PATH, headers, body)

    def tell(self, ref: Ref, *objects: bytes, key: Key | None = None) -> str:
        """Push objects, the last of which a ref is to name; what became of the ref."""
        answer = self.push(PushRequest(objects, (), (Offer(ref, object_id(objects[-1])),)).encode(), key)
        assert answer.status == 200, answer.body
        (result,) = PushAnswer.decode(answer.body).results
        return f"{result.outcome} {result.reason}".rstrip()

    def end(self) -> None:
        self.leave()
        self._line.close()

    def check(self) -> None:
        """No ref of others has moved, the zone has all that it had, and others may push."""
        serves_soon(self)
        with closing(LmdbStore.open(self._repo, readonly=True)) as store, store.read() as reader:
            assert reader.ref(OTHERS.full) == self.others
            assert not [name for name, _ in reader.refs("refs/") if f"/{ORG}/" not in name and name != OTHERS.full]
            tip = reader.ref(MAIN.full)
            assert tip
            assert is_ancestor(reader, self.tip, tip)
        mine = self.made(self.others)
        assert self.tell(OTHERS, mine, key=self._honest) == "updated"
        self.others = object_id(mine)


def _copy(repo: Path) -> MemoryStore:
    store = MemoryStore()
    with closing(LmdbStore.open(repo, readonly=True)) as there:
        carry(there, store)
        with there.read() as reader, store.write() as writer:
            writer.move_refs([RefUpdate(name, None, oid) for name, oid in reader.refs("refs/heads/")], WHO, "copy")
    return store


def _moved(data: bytes) -> bytes:
    rrset = RRset.decode(data)
    return rrset._replace(ttl=rrset.ttl + 1).encode()


@pytest.fixture
def victim(tmp_path: Path, repo: Path, start: Callable[..., Daemon]) -> Iterator[Pushed]:
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(LARGE), source="large")
        repository.import_zone(parsed(ZONE.replace("example.org", "example.net")), source="other")
    keys, file = tmp_path / "keys", tmp_path / "zonegitd.toml"
    for kid, zone in (("pusher", ORG), ("honest", NET)):
        new_key(keys, kid, (parse_scope(f"read:{zone}"), parse_scope(f"push:{zone}")), time.time, os.urandom)
    key, honest = (Keyring.load(keys).get(kid) for kid in ("pusher", "honest"))
    assert key
    assert honest
    file.write_text(
        f"""keys = "{keys}"
[replication]
listen = "127.0.0.1:0"
name = "{PEER}"
workers = 2
limits = {{ push_day_bytes = {DAY} }}
[zone."{ORG}"]
merge = "merge"
"""
    )
    found = Pushed(start(repo, "--config", file), key, honest, repo)
    yield found
    found.end()


def bodies_that_never_end(victim: Pushed) -> None:
    for _ in range(4):
        client = victim.known()
        client.sock.settimeout(2)
        with suppress(TimeoutError):
            for _ in range(30):
                victim.send(client, GROUP * 2, end=False)


def slow_frames(victim: Pushed) -> None:
    for client in [victim.known() for _ in range(4)]:
        streams = [victim.send(client, GROUP[:1], end=False) for _ in range(30)]
        for at in range(1, 20):
            for stream in streams:
                client.h2.send_data(stream, GROUP[at : at + 1])
            client.flush()


def tiny_objects(victim: Pushed) -> None:
    plain = frame(FrameType.GROUP, group_payload([b"\3\1"] * 512))
    for body in (plain * 1_700, _packed(group_payload([bytes((3, at & 255)) for at in range(512)])) * 4_000):
        assert len(body) < PUSH_BODY
        for client in [victim.known() for _ in range(3)]:
            victim.send(client, body)
        assert victim.statuses() <= {413, 429}


def bombs(victim: Pushed) -> None:
    """Groups that hold more than they say, or more than they may."""
    data = random.randbytes(17 << 10) + bytes(1007 << 10)
    for packed in (_packed(data), _packed(data, 1 << 20), _packed(GROUP[4:] + bytes(1 << 19))):
        for client in [victim.known() for _ in range(3)]:
            victim.send(client, packed * (PUSH_BODY // len(packed)))
        assert victim.statuses() <= {400, 429}


def _packed(payload: bytes, size: int = 0) -> bytes:
    return frame(FrameType.COMPRESSED, (size or len(payload)).to_bytes(4, "big") + zlib.compress(payload))


def asks(victim: Pushed) -> None:
    """100,000 refs; as many refs as there may be; as many ids."""
    for refs, present in ((100_000, 0), (MAX_UPDATES, 0), (0, MAX_PRESENT)):
        ids = [random.randbytes(32).hex() for _ in range(refs or present)]
        rows = [["heads", ORG, f"b{at}", "", oid] for at, oid in enumerate(ids[:refs])]
        ask = json.dumps({"updates": rows, "present": ids[:present]}, separators=(",", ":")).encode()[:PUSH_ASK]
        for client in [victim.known() for _ in range(3)]:
            victim.send(client, frame(FrameType.ASK, ask))
        assert victim.statuses() <= {200, 413, 429}


def forged_merges(victim: Pushed) -> None:
    for _ in range(10 * TIMES):
        sides = victim.made(victim.tip), victim.made(victim.tip)
        parents = [*map(object_id, sides)]
        forged = victim.made(*parents, extra=(AUTOMATIC,), zone_root=object_id(victim.moved))
        assert victim.tell(MAIN, *sides, forged) == "refused forged-merge"


def beyond_the_scope(victim: Pushed) -> None:
    """Tombstones, and other commits, for refs that are somebody else's."""
    mine, nothing = victim.made(victim.tip), victim.nothing()
    for objects in ((mine,), nothing):
        new = object_id(objects[-1])
        for ref in (OTHERS, branch("main", "org."), branch("main", "new.example."), branch("v1", NET, RefKind.TAG)):
            body = PushRequest(objects, (), (Offer(MAIN, new), Offer(ref, new))).encode()
            assert victim.push(body).status == 403


def replays(victim: Pushed) -> None:
    """A good push, again and again, at both workers."""
    data = victim.made(victim.tip)
    body = PushRequest((data,), (), (Offer(branch("again"), object_id(data)),)).encode()
    clients = [victim.known() for _ in range(4)]
    headers = clients[0].signed("POST", PATH, body, CONTENT_TYPE, key=victim.key)
    assert clients[0].ask("POST", PATH, headers, body).status == 200
    for client in clients:
        for _ in range(4):
            client.send("POST", PATH, headers, body)
    assert victim.statuses() <= {200, 401, 429}


def branches(victim: Pushed) -> None:
    for _ in range(TIMES):
        data = victim.made(victim.tip)
        new = object_id(data)
        offers = tuple(Offer(branch(f"b{new.hex()[:8]}-{at}"), new) for at in range(100))
        answer = victim.push(PushRequest((data,), (), offers).encode())
        assert {result.outcome for result in PushAnswer.decode(answer.body).results} == {"updated"}


def unmerged_heads(victim: Pushed) -> None:
    for _ in range(32 * TIMES):
        assert victim.tell(MAIN, victim.made(victim.tip)) in ("updated", "merged")


def long_histories(victim: Pushed) -> None:
    """Commits without end, which a branch is to name in one step."""
    made = [victim.made(victim.tip)]
    for _ in range(999 * TIMES):
        made.append(victim.made(object_id(made[-1])))
    for at in range(0, len(made), 10_000):
        assert victim.push(PushRequest(tuple(made[at : at + 10_000])).encode()).status == 200
    assert victim.tell(branch(f"long{object_id(made[-1]).hex()[:8]}"), made[-1]) == "updated"


def names_changed_over_and_over(victim: Pushed) -> None:
    """Commits that each change the TTL of all names, to be merged with what others wrote meanwhile.

    The last one's id sorts first, so each other head is compared with it.
    """
    made: list[bytes] = []
    roots = itertools.cycle((object_id(victim.moved), victim.root))
    for root in itertools.islice(roots, 10 * TIMES):
        made.append(victim.made(object_id(made[-1]) if made else victim.tip, zone_root=root))
    last = Commit.decode(victim.made(object_id(made[-1]), zone_root=object_id(victim.moved)))
    tries = (last._replace(message=f"try {at}\n").encode() for at in itertools.count())
    made.append(next(data for data in tries if object_id(data)[0] == 0))
    assert victim.tell(MAIN, *made) == "refused too-many-changes"


def garbage(victim: Pushed) -> None:
    """Objects that nothing will name, as many as a day has room for."""
    status = 200
    while status == 200:
        rrsets = names(ORG, 0, random.getrandbits(32), large=900)
        objects = build(SMALL_NODES, sorted(rrsets.items())).objects
        groups = (objects[at : at + 64] for at in range(0, len(objects), 64))
        status = victim.push(b"".join(frame(FrameType.GROUP, group_payload(group)) for group in groups)).status
    assert status == 507


SCRIPTS = [
    bodies_that_never_end,
    slow_frames,
    tiny_objects,
    bombs,
    asks,
    forged_merges,
    beyond_the_scope,
    replays,
    branches,
    unmerged_heads,
    long_histories,
    names_changed_over_and_over,
]


@pytest.mark.timeout(300)
def test_the_heaviest_pushes_one_after_the_other(victim: Pushed) -> None:
    stays_small(victim, [*SCRIPTS, garbage], Pushed.check)


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    "ZONEGIT_LATENCY" not in os.environ, reason="measures time: needs ZONEGIT_LATENCY and a quiet machine"
)
def test_dns_latency_stays_within_twice_of_quiet(victim: Pushed) -> None:
    assert slower_dns(victim, SCRIPTS, Pushed.check) <= 2
