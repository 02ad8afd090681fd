"""Two nodes with very many zones that both commit, until they are the same; a large zone's push beside its pull.

The client is a program with `zonegit.SyncClient` and its own repository; the server is a daemon that merges what
is pushed. Requests and bytes are counted by a relay. *Apart*: each side committed to zones of its own. *The same*:
both committed to the same zones, so that each of them is merged. Each request waits for the one before it, so each
is a round trip, but for those that fetch much.
"""

import asyncio
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection
from statistics import median

import nodes
import small_zones
from figures import Figure, at_most
from material import flat_address, synthetic_zone
from processes import MeasuringFailed, free_port, own_program, running
from relay import Relay
from report import Cell, Report, Table, options
from script import run
from two_writers import new_keys
from zonegit import Keyring, Repository, SyncClient
from zonegit.model.rdata import A
from zonegit.net.client.exchange import Synced
from zonegit.store.lmdb import LmdbStore

_EVERYTHING = "*:*"
_DEADLINE = 60.0
_PEER = "server"


@contextmanager
def served(repo: Path, keys: Path) -> Iterator[int]:
    """The port of a daemon that takes and merges pushes."""
    dns, port = free_port(), free_port()
    config = repo.with_name(f"{repo.name}.toml")
    config.write_text(
        f'keys = "{keys}"\n[replication]\nlisten = "127.0.0.1:{port}"\nname = "{_PEER}"\n'
        f'[[peer]]\nname = "client"\nkey = "{nodes.KEY}"\npolicy = "merge"\n'
    )
    argv = [own_program("zonegitd"), "--repo", str(repo), "--listen", f"127.0.0.1:{dns}", "--config", str(config)]
    with running(argv, repo.with_name(f"{repo.name}.log")) as program:
        deadline = time.perf_counter() + _DEADLINE
        while not listens(port):
            program.check()
            if time.perf_counter() > deadline:
                raise MeasuringFailed("the server doesn't listen")
            time.sleep(0.01)
        yield port


def listens(port: int) -> bool:
    with suppress(ConnectionRefusedError), create_connection(("127.0.0.1", port)):
        return True
    return False


def heads(repo: Path) -> dict[str, bytes]:
    """The tips of all branches."""
    store = LmdbStore.open(repo, readonly=True)
    try:
        with store.read() as reader:
            return dict(reader.refs("refs/heads/"))
    finally:
        store.close()


def commit(repository: Repository, zones: range, generation: int) -> None:
    for number in zones:
        repository.set("h01", A, 60, [flat_address(number, generation)], zone=small_zones.apex_of(number))


async def exchanges(place: Path, keys: Path, zones: int, commits: int) -> dict[str, tuple[int, int, float]]:
    """Requests, bytes both ways and seconds of each kind of exchange, over a connection that is open."""
    found: dict[str, tuple[int, int, float]] = {}
    here, there = nodes.repository(place / "here"), nodes.repository(place / "there")
    small_zones.fill(there, zones)
    with served(there, keys) as port, Relay(port) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        async with SyncClient(here, url, _PEER, Keyring.load(keys), nodes.KEY) as client:

            async def measured(what: str) -> Synced:
                relay.taken()
                start = time.perf_counter()
                done = await client.sync(_EVERYTHING)
                seconds = time.perf_counter() - start
                found[what] = (*relay.taken(), seconds)
                if heads(here) != heads(there):
                    raise MeasuringFailed(f"{what}: the two nodes differ")
                return done

            await measured("all of it")
            await measured("nothing new")
            with Repository.open(there) as other:
                for turn, (what, theirs) in enumerate(
                    {"apart": range(commits, 2 * commits), "the same": range(commits)}.items()
                ):
                    commit(client.repository, range(commits), 2 * turn + 1)
                    commit(other, theirs, 2 * turn + 2)
                    await measured(what)
    return found


async def transfers(place: Path, keys: Path, names: int, turns: int) -> tuple[list[float], list[float]]:
    """Seconds of each push of a large zone to a node that lacks it, and of each pull of it."""
    zone = synthetic_zone(names, place)
    full = nodes.imported(zone, place / "full")
    pushes, pulls = [], []
    for turn in range(turns):
        empty = nodes.repository(place / f"pushed{turn}")
        with served(empty, keys) as port:
            pushes.append(await _timed(full, port, keys, "push"))
        if heads(empty) != heads(full):
            raise MeasuringFailed("the push left something out")
        with served(full, keys) as port:
            pulls.append(await _timed(nodes.repository(place / f"pulled{turn}"), port, keys, "pull"))
    return pushes, pulls


async def _timed(repo: Path, port: int, keys: Path, verb: str) -> float:
    async with SyncClient(repo, f"http://127.0.0.1:{port}", _PEER, Keyring.load(keys), nodes.KEY) as client:
        await client._peer.refs()  # the server has started, and the connection is open
        start = time.perf_counter()
        await getattr(client, verb)(_EVERYTHING)
        return time.perf_counter() - start


def bench(args: Namespace, place: Path) -> Report:
    keys = new_keys(place / "keys")
    found = asyncio.run(exchanges(place, keys, args.zones, args.commits))
    pushes, pulls = asyncio.run(transfers(place, keys, args.names, args.turns))
    what = f"{args.zones:,} zones at two nodes, {args.commits} commits at each"
    figures = []
    for kind in ("apart", "the same"):
        requests, _, seconds = found[kind]
        figures.append(Figure(f"{what}, zones {kind}: requests until they are the same", requests, "", at_most(3)))
        figures.append(Figure(f"{what}, zones {kind}: time", seconds, "s", at_most(1)))
    ratio = median(mine / other for mine, other in zip(pushes, pulls, strict=True))
    figures.append(Figure(f"push of a zone of {args.names:,} names ÷ its pull", ratio, "", at_most(1.2)))
    rows: list[list[Cell]] = [[kind, *cost] for kind, cost in found.items()]
    rows += [[f"{args.names:,} names pushed", "", "", median(pushes)]]
    rows += [[f"{args.names:,} names pulled", "", "", median(pulls)]]
    return Report("both_ways", figures, [Table("Exchanges", ("what", "requests", "bytes both ways", "s"), rows)])


if __name__ == "__main__":
    parser = options("both_ways", "two nodes that both commit to very many zones, and a push beside a pull")
    parser.add_argument("--zones", type=int, default=10_000, help="zones at both nodes (10,000)")
    parser.add_argument("--commits", type=int, default=100, help="commits at each node (100)")
    parser.add_argument("--names", type=int, default=100_000, help="names of the large zone (100,000)")
    parser.add_argument("--turns", type=int, default=3, help="pushes and pulls (3)")
    run(bench, parser)
