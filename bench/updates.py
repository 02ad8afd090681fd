"""UPDATE messages per second: zonegitd and BIND, each alone on one core, 64 clients on the other.

Each client sends its next message when it has the response to the last one: one A record at a new name, signed with
HMAC-SHA256. Both servers answer when the change is on the disk. zonegitd flushes once for all messages that share a
transaction. BIND writes each UPDATE to its journal and flushes that, twice: the entry, then the header. The samples
are taken in turn, so that what else the disk does falls on both.
"""

import json
import sys
from argparse import Namespace
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import reduce
from hashlib import blake2b
from pathlib import Path
from statistics import median

import peers
from commit import disk_times
from dns_client import wait_for_serial
from figures import Figure, at_least, at_most, median_ratio, percentile
from material import SYNTHETIC_APEX, ZoneFile, synthetic_zone
from nodes import imported
from peers import Server
from processes import (
    Cores,
    MeasuringFailed,
    Work,
    finished,
    free_port,
    own_program,
    pinned,
    running,
    split_cores,
    work,
)
from report import Cell, Report, Table, options
from script import run

_KEY = "bench"
_SECRET = b64encode(blake2b(b"bench", digest_size=32).digest()).decode()
_MOST = 40_000
"""Messages that are made for a sample; more than any server answers in its time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one server did."""

    rate: float
    """Responses a second."""
    times: list[float]
    """Milliseconds until each response."""
    work: Work
    """What the server worked for them."""


@contextmanager
def zonegit(zone: ZoneFile, place: Path, cores: str | None) -> Iterator[Server]:
    """zonegitd with rules for the key."""
    place.mkdir()
    repo = imported(zone, place / "repo")
    keys = place / "keys.d"
    keys.mkdir(mode=0o700)
    (keys / f"{_KEY}.tsig").write_text(f'algorithm = "hmac-sha256"\nsecret = "{_SECRET}"\n')
    (keys / f"{_KEY}.tsig").chmod(0o600)
    port = free_port()
    config = place / "zonegitd.toml"
    config.write_text(
        f'repo = "{repo}"\nkeys = "{keys}"\n[dns]\nlisten = ["127.0.0.1:{port}"]\nworkers = 1\n'
        f'[zone."{zone.apex}"]\nupdate = ["key:{_KEY} ** *"]\n'
    )
    argv = pinned([own_program("zonegitd"), "--config", str(config)], cores)
    with running(argv, place / "output") as program:
        wait_for_serial(port, zone.apex, zone.serial, program.check, 180.0)
        yield Server("zonegit", port, program.process.pid)


@contextmanager
def bind(zone: ZoneFile, place: Path, cores: str | None) -> Iterator[Server]:
    """named with the same zone and key; it writes to the directory of its zone file."""
    place.mkdir()
    own = ZoneFile(place / "zone", zone.apex, zone.serial, zone.records)
    own.path.write_bytes(zone.path.read_bytes())
    port = free_port()
    argv = peers.BIND.prepare(own, place, port)
    config = place / "named.conf"
    text = config.read_text()
    text += f'key "{_KEY}" {{ algorithm hmac-sha256; secret "{_SECRET}"; }};\n'
    config.write_text(text.replace("check-names ignore;", f"check-names ignore; allow-update {{ key {_KEY}; }};"))
    with running(pinned([peers.find_program(peers.BIND.program), *argv], cores), place / "output") as program:
        wait_for_serial(port, zone.apex, zone.serial, program.check, 180.0)
        yield Server("BIND", port, program.process.pid)


def sample(server: Server, cores: Cores, args: Namespace, first: int) -> Sample:
    count = _MOST // args.clients
    argv = [sys.executable, str(Path(__file__).with_name("update_load.py")), str(server.port), SYNTHETIC_APEX]
    argv += [f"{_KEY}:{_SECRET}", "--clients", str(args.clients), "--seconds", str(args.seconds)]
    argv += ["--first", str(first), "--count", str(count)]
    before = work(server.pid)
    found = json.loads(finished(pinned(argv, cores.load)))
    if set(found["rcodes"]) != {"0"}:
        raise MeasuringFailed(f"{server.name} answered with the rcodes {found['rcodes']}")
    if found["again"]:
        raise MeasuringFailed(f"{server.name} left {found['again']} messages unanswered for seconds")
    return Sample(found["rate"], [each * 1000 for each in found["times"]], work(server.pid).since(before))


def bench(args: Namespace, place: Path) -> Report:
    cores = split_cores()
    zone = synthetic_zone(args.names, place)
    disk = disk_times(place, 200)
    with_bind = peers.BIND.installed()
    servers = {"zonegit": zonegit} | ({"BIND": bind} if with_bind else {})
    samples: dict[str, list[Sample]] = {name: [] for name in servers}
    for turn in range(args.turns):
        for name, serving in servers.items():
            with ExitStack() as stack:  # each alone on the machine
                server = stack.enter_context(serving(zone, place / f"{name}-{turn}", cores.server))
                sample(server, cores, Namespace(clients=args.clients, seconds=1.0), 10_000_000)
                samples[name].append(sample(server, cores, args, 0))
    rates = {name: [each.rate for each in found] for name, found in samples.items()}
    times = {name: [each for one in found for each in one.times] for name, found in samples.items()}
    ratios = {name: median_ratio(rates["zonegit"], theirs) for name, theirs in rates.items() if name != "zonegit"}
    whole = reduce(Work.plus, (each.work for each in samples["zonegit"]))
    what = f"UPDATE messages a second, {args.names:,} names, {args.clients} clients"
    figures = [
        Figure(
            what, median(rates["zonegit"]), "/s", at_least(1000), ratios, whole.shares(args.seconds * args.turns)
        ),
        Figure(f"{what}: 99 % are answered within", percentile(times["zonegit"], 99), "ms", at_most(50)),
    ]
    figures += [Figure(f"{what}: times {name}", ratio, "", at_least(2)) for name, ratio in ratios.items()]
    rows: list[list[Cell]] = [
        [name, median(rates[name]), median(times[name]), percentile(times[name], 99), max(times[name])]
        for name in servers
    ]
    rows.append(["(one durable overwrite of 4 KiB)", "", median(disk), percentile(disk, 99), max(disk)])
    columns = ("server", "per second", "ms (median)", "p99", "longest")
    notes = [] if with_bind else ["BIND left out: named is not installed"]
    return Report("updates", figures, [Table("UPDATE messages", columns, rows)], notes)


if __name__ == "__main__":
    parser = options("updates", "UPDATE messages per second")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--clients", type=int, default=64, help="clients that wait for their responses (64)")
    parser.add_argument("--seconds", type=float, default=8, help="length of a sample (8)")
    parser.add_argument("--turns", type=int, default=3, help="samples of each server (3)")
    run(bench, parser)
