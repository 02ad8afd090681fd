"""Small objects from a primary: by batches, verified and durable; one object per request; and with `git clone`.

The objects are the nodes of a zone with the smallest nodes that the format allows. The client is in this process,
the primary a daemon. One object per request is verified by its hash and not even stored.
"""

import asyncio
import os
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import httpx

import git_peer
import nodes
from figures import Figure, at_least
from material import FLAT_APEX, ZoneFile, flat_rrsets
from processes import MeasuringFailed, own_work
from report import Cell, Report, Table, options
from script import run
from zonegit import Keyring, ReplicationClient
from zonegit.auth.choice import signing_keys
from zonegit.auth.gate import Signer
from zonegit.auth.scheme import EMPTY_DIGEST, Call
from zonegit.model.commit import Commit, Stamp
from zonegit.model.ids import ObjectId, object_id
from zonegit.model.refs import head
from zonegit.model.zone import Shape, Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.tree.build import build

_WHO = Stamp("bench <bench@example.org>", 1_767_225_600)
_SHAPE = Shape(bytes(32), 64, 128, 256)
_STREAMS = 100
_CONNECTIONS = 4


def fill(repo: Path, names: int) -> None:
    """Commit a flat zone of small nodes."""
    built = build(_SHAPE, sorted((rrset.key, rrset.encode()) for rrset in flat_rrsets(names)))
    zone = Zone(built.root, _SHAPE, built.records).encode()
    commit = Commit(object_id(zone), (), FLAT_APEX, 0, 1, _WHO, _WHO, "bench").encode()
    store = LmdbStore.open(repo)
    try:
        with store.write() as writer:
            writer.insert([*built.objects, zone, commit])
            writer.move_refs([RefUpdate(head(FLAT_APEX, "main"), None, object_id(commit))], _WHO, "bench")
    finally:
        store.close()


async def batched(source: nodes.Primary, keys: Path, mirror: Path) -> tuple[float, str]:
    """Objects per second of a cold pull, and what bounds it here."""
    async with ReplicationClient(mirror, source.url, nodes.AUDIENCE, Keyring.load(keys), nodes.KEY) as client:
        start = time.perf_counter()
        worked = own_work()
        synced = await client.sync()
        seconds = time.perf_counter() - start
        return synced.objects / seconds, own_work().since(worked).shares(seconds)


async def one_by_one(source: nodes.Primary, keys: Path, ids: Sequence[ObjectId], streams: int) -> float:
    """Objects per second, so many requests at once."""
    signing = signing_keys(Keyring.load(keys), nodes.KEY, time.time())
    signer = Signer(nodes.AUDIENCE, signing, time.time, os.urandom)
    waiting = list(ids)

    async def take(client: httpx.AsyncClient) -> None:
        while waiting:
            oid = waiting.pop()
            path = f"/v0/objects/{oid.hex()}"
            authorization, _ = signer.sign(Call("GET", path, ""), EMPTY_DIGEST, signer.key)
            answer = await client.get(path, headers={"authorization": authorization})
            if object_id(answer.content) != oid:
                raise MeasuringFailed(f"the primary answers {answer.status_code} and another object")

    number = min(_CONNECTIONS, streams)
    clients = [httpx.AsyncClient(http1=False, http2=True, base_url=source.url) for _ in range(number)]
    try:
        for client in clients:
            await client.get("/v0/refs")  # connected before time counts
        start = time.perf_counter()
        await asyncio.gather(*(take(clients[at % number]) for at in range(streams)))
        return len(ids) / (time.perf_counter() - start)
    finally:
        for client in clients:
            await client.aclose()


def bench(args: Namespace, place: Path) -> Report:
    repo, keys = nodes.repository(place / "primary"), nodes.new_keys(place / "keys")
    fill(repo, args.names)
    objects = git_peer.objects_of(repo)
    ids = [object_id(data) for data in objects[: 10 * args.singles]]
    with nodes.primary(repo, keys, ZoneFile(repo, FLAT_APEX, 0, args.names)) as source:
        rate, bound = asyncio.run(batched(source, keys, nodes.repository(place / "mirror")))
        rates = {
            "one per request, in sequence": asyncio.run(one_by_one(source, keys, ids[: args.singles], 1)),
            f"one per request, {_STREAMS} streams": asyncio.run(one_by_one(source, keys, ids, _STREAMS)),
        }
    git = git_peer.GitStore(place / "git")
    git.commit([objects])
    rates["git clone"] = len(objects) / git.clone(place / "clone")
    ratios = {name: rate / other for name, other in rates.items()}
    size = sum(map(len, objects)) / len(objects)
    figures = [
        Figure(
            f"objects of {size:.0f} bytes by batches",
            rate,
            "objects/s",
            at_least(60_000),
            ratios,
            f"client: {bound}",
        )
    ]
    for (name, ratio), least in zip(ratios.items(), (300, 150, 1.0), strict=True):
        figures.append(Figure(f"the same beside {name}", ratio, "×", at_least(least)))
    rows: list[list[Cell]] = [["by batches", rate], *([name, other] for name, other in rates.items())]
    return Report("fetch", figures, [Table("Objects per second", ("how", "objects/s"), rows)], [git_peer.NOTE])


if __name__ == "__main__":
    parser = options("fetch", "small objects by batches and one by one")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--singles", type=int, default=300, help="objects to fetch in sequence (300)")
    run(bench, parser)
