"""How soon a change at a BIND primary is answered by its secondaries: zonegit, and beside it Knot.

BIND has two zones with the same records; one notifies zonegitd, the other Knot. Each turn changes one record of
both, one after the other, by dynamic update, and waits until the secondary answers the new serial. The time begins
when BIND has answered the update. Both secondaries make the change durable before they answer from it.
"""

import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import dns.query
import dns.update

import nodes
import peers
from dns_client import ask_serial, wait_for_serial
from figures import Figure, at_most, percentile
from material import ZoneFile, synthetic_zone
from processes import MeasuringFailed, find_program, free_port, own_program, running
from report import Cell, Report, Table, options
from script import run

_DEADLINE: Final = 120.0
_OURS: Final = "ours.example."
_THEIRS: Final = "theirs.example."
_POLL: Final = 0.001


@contextmanager
def _primary(zone: ZoneFile, directory: Path, notified: dict[str, int]) -> Iterator[int]:
    """BIND with a zone of each name, which notifies the server at that port; gives BIND's own port."""
    directory.mkdir()
    port = free_port()
    text = zone.path.read_text()
    blocks = []
    for name, secondary in notified.items():
        file = directory / f"{name}zone"
        file.write_text(text.replace(zone.apex, name))
        blocks.append(
            f'zone "{name}" {{ type primary; file "{file}"; allow-update {{ 127.0.0.1; }}; notify explicit; '
            f"also-notify {{ 127.0.0.1 port {secondary}; }}; notify-delay 0; }};"
        )
    config = directory / "named.conf"
    config.write_text(
        f"""\
options {{
    directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    allow-transfer {{ 127.0.0.1; }};
    notify-rate 1000;
    startup-notify-rate 1000;
    pid-file none;
    session-keyfile none;
    empty-zones-enable no;
    dnssec-validation no;
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
{chr(10).join(blocks)}
"""
    )
    with running([find_program("named"), "-f", "-n", "1", "-c", str(config)], directory / "output") as program:
        for name in notified:
            wait_for_serial(port, name, zone.serial, program.check, _DEADLINE)
        yield port


@contextmanager
def _zonegit(primary: int, port: int, directory: Path, serial: int) -> Iterator[None]:
    repo = nodes.repository(directory)
    config = directory / "zonegitd.toml"
    config.write_text(
        f"""\
repo = "{repo}"
[dns]
listen = "127.0.0.1:{port}"
[zone."{_OURS}"]
primaries = ["127.0.0.1:{primary}"]
"""
    )
    with running([own_program("zonegitd"), "--config", str(config)], directory / "output") as program:
        wait_for_serial(port, _OURS, serial, program.check, _DEADLINE)
        yield


@contextmanager
def _knot(primary: int, port: int, directory: Path, serial: int) -> Iterator[None]:
    directory.mkdir()
    (directory / "db").mkdir()
    settings = f"""\
remote:
  - id: primary
    address: 127.0.0.1@{primary}
zone:
  - domain: {_THEIRS}
    storage: "{directory}"
    zonefile-sync: -1
    semantic-checks: off
    master: primary
    acl: loopback
"""
    config = directory / "knot.conf"
    config.write_text(peers.knot_config(directory, port, settings))
    with running([find_program("knotd"), "-c", str(config)], directory / "output") as program:
        wait_for_serial(port, _THEIRS, serial, program.check, _DEADLINE)
        yield


def _change(primary: int, zone: str, secondary: int, number: int) -> float:
    """Change a record, and wait until the secondary has it: milliseconds since BIND answered."""
    before = ask_serial(primary, zone)
    update = dns.update.UpdateMessage(zone)
    update.replace("www", 300, "A", f"192.0.2.{number % 256}")
    answer = dns.query.tcp(update, "127.0.0.1", port=primary, timeout=10)
    began = time.perf_counter()
    if answer.rcode() or before is None:
        raise MeasuringFailed(f"BIND refused an update: rcode {answer.rcode()}")
    deadline = began + _DEADLINE
    while ask_serial(secondary, zone) == before:
        if time.perf_counter() > deadline:
            raise MeasuringFailed(f"{zone} was not updated within {_DEADLINE:g} s")
        time.sleep(_POLL)
    return (time.perf_counter() - began) * 1000


def bench(args: Namespace, place: Path) -> Report:
    zone = synthetic_zone(args.names, place)
    ours, theirs = free_port(), free_port()
    taken: dict[str, list[float]] = {nodes.NAME: [], "Knot": []}
    with (
        _primary(zone, place / "bind", {_OURS: ours, _THEIRS: theirs}) as primary,
        _zonegit(primary, ours, place / "zonegit", zone.serial),
        _knot(primary, theirs, place / "knot", zone.serial),
    ):
        for number in range(args.changes + 3):
            pair = (
                _change(primary, _OURS, ours, number),
                _change(primary, _THEIRS, theirs, number),
            )
            if number >= 3:
                taken[nodes.NAME].append(pair[0])
                taken["Knot"].append(pair[1])
    rows: list[list[Cell]] = [
        [name, *(percentile(found, part) for part in (50, 90, 99))] for name, found in taken.items()
    ]
    table = Table(
        f"A change at a BIND primary of {args.names:,} names, until its secondary answers it, ms",
        ["", "p50", "p90", "p99"],
        rows,
    )
    mine = median(taken[nodes.NAME])
    ratio = mine / median(taken["Knot"])
    figure = Figure(f"change at a BIND primary, answered here, p50 ({mine:,.1f} ms)", ratio, "× Knot", at_most(1.5))
    return Report("notify_in", [figure], [table])


if __name__ == "__main__":
    parser = options("notify_in", "a change at a BIND primary, until its secondary answers it, beside Knot")
    parser.add_argument("--names", type=int, default=100_000, help="names in the zone (100,000)")
    parser.add_argument("--changes", type=int, default=200, help="changes of each zone (200)")
    run(bench, parser)
