"""Many small zones: a cold secondary of all, and what it costs to learn that three changed, or none.

*Cold*: from the start of the secondary's process until every zone of a sample is answered; beside it a Knot that
learns them from a catalog zone. *Changed*: requests and bytes through a counting relay, without the objects that
the three commits made; beside them what the full list of refs takes.
"""

import asyncio
import time
from argparse import Namespace
from pathlib import Path
from urllib.parse import urlsplit

import git_peer
import nodes
import small_zones
from figures import Figure, at_most
from material import ZoneFile
from processes import MeasuringFailed
from relay import Relay
from report import Report, Table, options
from script import run
from zonegit import Keyring, ReplicationClient, Repository
from zonegit.model.rdata import A

_CHANGED = 3


def cold(source: nodes.Primary, keys: Path, count: int, directory: Path) -> float:
    repo = nodes.repository(directory)
    start = time.perf_counter()
    with nodes.secondary(repo, keys, source) as mirror:
        return small_zones.all_answered(mirror.dns.port, count, mirror.program.check) - start


def knot_cold(count: int, place: Path) -> float:
    small_zones.knot_files(place / "files", count)
    with small_zones.knot_primary(place / "primary", place / "files", count) as port:
        start = time.perf_counter()
        with small_zones.knot_secondary(place / "secondary", port, count) as answered:
            return answered - start


async def changes(source: nodes.Primary, repo: Path, keys: Path, mirror: Path) -> dict[str, tuple[int, int]]:
    """Requests and bytes of each kind of exchange, on a connection that is open already."""
    found: dict[str, tuple[int, int]] = {}
    port = urlsplit(source.url).port
    assert port is not None
    with Relay(port) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        async with ReplicationClient(mirror, url, nodes.AUDIENCE, Keyring.load(keys), nodes.KEY) as client:
            await client.sync()
            relay.taken()
            await client.sync(wait=1)
            found["nothing changed"] = relay.taken()
            before = len(git_peer.objects_of(repo))
            with Repository.open(repo) as repository:
                for number in range(_CHANGED):
                    repository.set("h01", A, 60, [bytes((192, 0, 2, 9))], zone=small_zones.apex_of(number * 7))
            relay.taken()
            client._root = ""  # told of news by the poll that was open, or not asking by one
            await client.sync()
            requests, size = relay.taken()
            found["three changed"] = requests, size - sum(map(len, git_peer.objects_of(repo, before)))
        empty = nodes.repository(mirror.with_name("list"))
        async with ReplicationClient(empty, url, nodes.AUDIENCE, Keyring.load(keys), nodes.KEY) as client:
            await client._peer.refs()
            found["the full list"] = relay.taken()
    return found


def bench(args: Namespace, place: Path) -> Report:
    count = args.zones
    repo = nodes.repository(place / "primary")
    small_zones.fill(repo, count)
    keys = nodes.new_keys(place / "keys")
    zone = ZoneFile(repo, small_zones.apex_of(0), small_zones.SERIAL, small_zones.RECORDS)
    notes: list[str] = []
    ratios = {}
    with nodes.primary(repo, keys, zone) as source:
        seconds = cold(source, keys, count, place / "cold")
        exchanges = asyncio.run(changes(source, repo, keys, place / "cold"))
    try:
        (place / "knot").mkdir()
        ratios["Knot with a catalog zone"] = seconds / knot_cold(count, place / "knot")
    except MeasuringFailed as missing:
        notes.append(f"Knot left out: {missing}")
    return Report("sync_zones", _figures(count, seconds, ratios, exchanges), [_table(exchanges)], notes)


def _figures(
    count: int, seconds: float, ratios: dict[str, float], exchanges: dict[str, tuple[int, int]]
) -> list[Figure]:
    what = f"{count:,} zones"
    (three, three_size), (none, none_size) = exchanges["three changed"], exchanges["nothing changed"]
    whole = exchanges["the full list"][1]
    return [
        Figure(f"cold sync of {what} of {small_zones.RECORDS} records", seconds, "s", at_most(6), ratios),
        Figure(f"{what}, 3 changed: round trips", three, "", at_most(2)),
        Figure(
            f"{what}, 3 changed: beside the objects",
            three_size / 1000,
            "KB",
            at_most(3),
            {"full list": three_size / whole},
        ),
        Figure(f"{what}, nothing changed: round trips", none, "", at_most(1)),
        Figure(
            f"{what}, nothing changed",
            none_size / 1000,
            "KB",
            at_most(1),
            {"full list": none_size / whole},
        ),
    ]


def _table(exchanges: dict[str, tuple[int, int]]) -> Table:
    rows = [[name, requests, size] for name, (requests, size) in exchanges.items()]
    return Table("Exchanges on the wire", ("what", "requests", "bytes both ways, beside objects"), rows)


if __name__ == "__main__":
    parser = options("sync_zones", "many small zones from a primary to a secondary")
    parser.add_argument("--zones", type=int, default=10_000, help="zones (10,000)")
    run(bench, parser)
