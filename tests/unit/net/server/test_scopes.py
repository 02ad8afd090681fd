"""What a key's scopes let it see: refs by whole labels; what is hidden looks like what isn't there."""

import os
import time

import httpx
import pytest
from blake3 import blake3

from httpkit import peer_of, pull_once, run, running
from synckit import PEER, commit, local_refs, names, put_tag
from zonegit.auth.gate import Gate, Signer
from zonegit.auth.key import Key
from zonegit.auth.keyring import Keyring
from zonegit.auth.scheme import Call, check_response, parse_signature
from zonegit.auth.scope import parse_scope
from zonegit.errors import NotAuthorised
from zonegit.net.client.objects import fetch_objects
from zonegit.store.memory import MemoryStore

ZONES = ("example.org.", "sub.example.org.", "badexample.org.", "org.", "example.org.evil.", "example.com.")
PATHS = (
    ("GET", "/v0/refs"),
    ("POST", "/v0/refs/diff"),
    ("POST", "/v0/fetch"),
    ("POST", "/v0/objects/walk"),
    ("POST", "/v0/objects/fetch"),
    ("GET", "/v0/objects/" + "0" * 64),
    ("GET", "/v0/objects/"),
    ("GET", "/v0/nothing"),
    ("DELETE", "/v0/refs"),
)


def key(*scopes: str, secret: bytes = bytes(range(32))) -> Key:
    return Key.derive("k1", secret, scopes=tuple(parse_scope(scope) for scope in scopes))


def gate(*scopes: str) -> Gate:
    return Gate(PEER, Keyring([key(*scopes)]), time.time)


@pytest.fixture(scope="module")
def primary() -> MemoryStore:
    store = MemoryStore()
    for zone in ZONES:
        commit(store, zone, names(zone, 2))
    return store


@pytest.mark.parametrize(
    ("scopes", "seen"),
    [
        (["read:*"], set(ZONES)),
        (["read:."], set(ZONES)),
        (["read:Example.ORG"], {"example.org.", "sub.example.org."}),
        (["read:sub.example.org."], {"sub.example.org."}),
        (["read:deep.sub.example.org."], set()),
        (["read:nowhere.test."], set()),
        (["read:example.com.", "read:sub.example.org."], {"example.com.", "sub.example.org."}),
        (["read:example.com.", "push:example.org."], {"example.com."}),
    ],
)
def test_refs_are_filtered_by_whole_labels(primary: MemoryStore, scopes: list[str], seen: set[str]) -> None:
    async def test() -> None:
        secondary = MemoryStore()
        async with running(primary, gate(*scopes)) as server, peer_of(server.url, key(*scopes)) as peer:
            refs = await peer.refs()
            assert refs is not None
            assert set(refs.zones) == {tip.zone for tip in refs.branches} == seen
            await pull_once(peer, secondary)
        assert {name.split("/")[2] for name in local_refs(secondary)} == seen

    run(test())


def test_a_key_for_a_branch_sees_it_and_no_other_and_no_tag() -> None:
    store, zone = MemoryStore(), "example.org."
    main = commit(store, zone, names(zone, 40))
    secret = commit(store, zone, names(zone, 40, 1), branch="secret")
    for branch, tip in (("main", main), ("secret", secret)):
        put_tag(store, zone, f"of-{branch}", tip)

    async def test() -> None:
        for scope, branch, tip, other in (
            (f"read:{zone}:main", "main", main, secret),
            ("read:*:secret", "secret", secret, main),
        ):
            async with running(store, gate(scope)) as server, peer_of(server.url, key(scope)) as peer:
                refs = await peer.refs()
                assert refs is not None
                assert [(tip.name, tip.oid) for tip in refs.branches] == [(branch, tip)]
                assert not list(refs.tags)
                assert list(await fetch_objects(peer, [tip])) == [tip]
                assert await fetch_objects(peer, [other]) == {}
                secondary = MemoryStore()
                await pull_once(peer, secondary)
                assert local_refs(secondary) == {f"refs/heads/{zone}/{branch}": tip}

    run(test())


def test_a_hidden_zone_looks_like_one_that_is_not_there(primary: MemoryStore) -> None:
    async def test() -> None:
        bodies = []
        for scope in ("read:deep.sub.example.org.", "read:nowhere.test."):
            async with running(primary, gate(scope)) as server:
                answer, _ = await request(server.url, "GET", "/v0/refs", key(scope))
                bodies.append((answer.status_code, answer.content, answer.headers["etag"]))
        assert bodies[0] == bodies[1]
        assert b"example" not in bodies[0][1]

    run(test())


def test_without_the_verb_everything_is_the_same_signed_403(primary: MemoryStore) -> None:
    mine = key("push:example.org.")

    async def test() -> None:
        found = set()
        async with running(primary, gate("push:example.org.")) as server:
            for method, path in PATHS:
                answer, mac = await request(server.url, method, path, mine)
                signature = parse_signature(answer.headers["zg-signature"].encode())
                digest = blake3(answer.content).digest()
                assert check_response(
                    mine, mac, signature, status=403, content_type=answer.headers["content-type"], digest=digest
                )
                names_of = frozenset(answer.headers) - {"date"}
                found.add((answer.status_code, answer.content, names_of))
        assert len(found) == 1
        assert {(status, body) for status, body, _ in found} == {(403, b'{"error":"forbidden"}')}

    run(test())


def test_a_403_is_told_only_to_a_right_mac(primary: MemoryStore) -> None:
    async def test() -> None:
        async with running(primary, gate("push:*")) as server:
            wrong = key("push:*", secret=b"another secret, of 32 bytes too.")
            answer, _ = await request(server.url, "GET", "/v0/refs", wrong)
            assert (answer.status_code, answer.content) == (401, b'{"error":"unauthorized"}')
            async with peer_of(server.url, wrong) as peer:
                with pytest.raises(NotAuthorised):
                    await peer.refs()

    run(test())


async def request(url: str, method: str, path: str, signed_by: Key) -> tuple[httpx.Response, str]:
    """The answer to a request without a body, and the request's MAC."""
    header, mac = Signer(PEER, signed_by, time.time, os.urandom).sign(Call(method, path), blake3(b"").digest())
    async with httpx.AsyncClient(http1=False, http2=True, trust_env=False) as client:
        return await client.request(method, url + path, headers={"authorization": header}), mac


def test_a_narrow_key_syncs_and_mends_all_that_is_in_its_scope() -> None:
    store, mine = MemoryStore(), "example.org."
    for at in range(3):
        commit(store, mine, names(mine, 2_000, at, large=2))
        commit(store, "example.com.", names("example.com.", 40, 9 + at))

    async def test() -> None:
        secondary = MemoryStore()
        async with running(store, gate(f"read:{mine}")) as server, peer_of(server.url, key(f"read:{mine}")) as peer:
            await pull_once(peer, secondary, split=50)
            commit(store, mine, names(mine, 2_010, 3))
            await pull_once(peer, secondary)
            with secondary.read() as reader:
                held = {oid: reader.get(oid) for oid in reader.object_ids()}
            assert await fetch_objects(peer, list(held)) == held
            with store.read() as reader:
                foreign = [oid for oid in reader.object_ids() if oid not in held]
            assert foreign
            assert await fetch_objects(peer, foreign[:3]) == {}

    run(test())
