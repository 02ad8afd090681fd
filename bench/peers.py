"""The servers that zonegit is measured beside: NSD, Knot DNS, BIND and PowerDNS as Debian packages them.

Each one runs on a loopback port with one zone, one worker and no logging, lets loopback transfer the zone, limits
no rates, and is taken as started once it answers with the zone's serial. `python bench/peers.py` says which of them
are here, and tries each with a small zone.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from dns_client import AXFR, query, take_transfer, wait_for_serial
from material import VAR, ZoneFile, synthetic_zone
from processes import (
    MeasuringFailed,
    ProgramMissing,
    end_on_signals,
    find_program,
    finished,
    free_port,
    pinned,
    running,
)

_LOADING: Final = 180.0
"""Seconds that a server may take to load its zone."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers."""

    name: str
    port: int
    pid: int
    """Of its first process."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server program: its name, and how a directory and a port become a command line that runs it."""

    name: str
    program: str
    version_flag: str
    prepare: Callable[[ZoneFile, Path, int], list[str]]
    """Writes the configuration; the arguments behind the program's path."""

    def installed(self) -> bool:
        try:
            find_program(self.program)
        except ProgramMissing:
            return False
        return True

    def version(self) -> str:
        """Such as `NSD 4.6.1`."""
        argv = ["sh", "-c", f'"$0" {self.version_flag} 2>&1 || true', find_program(self.program)]
        return version_in(self.name, finished(argv))

    @contextmanager
    def serving(self, zone: ZoneFile, directory: Path, cores: str | None = None) -> Iterator[Server]:
        """Serve a zone until the block ends; the directory is made and keeps all that the server writes."""
        directory.mkdir()
        port = free_port()
        argv = [find_program(self.program), *self.prepare(zone, directory, port)]
        with running(pinned(argv, cores), directory / "output") as program:
            wait_for_serial(port, zone.apex, zone.serial, program.check, _LOADING)
            yield Server(self.name, port, program.process.pid)


def version_in(name: str, told: str) -> str:
    """The first word of a program's words about itself that begins with a digit, behind its name."""
    words = told.replace(",", " ").split()
    return f"{name} {next((word for word in words if word[:1].isdigit()), 'of unknown version')}"


def _prepare_nsd(zone: ZoneFile, directory: Path, port: int) -> list[str]:
    config = directory / "nsd.conf"
    config.write_text(
        f"""\
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{directory}"
    database: ""
    pidfile: ""
    zonelistfile: "{directory}/zone.list"
    xfrdfile: ""
    xfrdir: "{directory}"
    log-only-syslog: no
    verbosity: 0
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: {zone.apex}
    zonefile: "{zone.path}"
    provide-xfr: 127.0.0.1 NOKEY
"""
    )
    return ["-d", "-c", str(config)]


def knot_config(directory: Path, port: int, zone: str) -> str:
    return f"""\
server:
    listen: 127.0.0.1@{port}
    rundir: "{directory}"
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stderr
    any: error
control:
    listen: "knot.sock"
database:
    storage: "{directory}/db"
acl:
  - id: loopback
    address: 127.0.0.1
    action: [transfer, notify]
{zone}"""


def _prepare_knot(zone: ZoneFile, directory: Path, port: int) -> list[str]:
    return _knot_with(zone, directory, port, "journal-content: none")


def _prepare_knot_differences(zone: ZoneFile, directory: Path, port: int) -> list[str]:
    return _knot_with(zone, directory, port, "journal-content: changes\n    zonefile-load: difference")


def _knot_with(zone: ZoneFile, directory: Path, port: int, journal: str) -> list[str]:
    config = directory / "knot.conf"
    (directory / "db").mkdir()
    settings = f"""\
zone:
  - domain: {zone.apex}
    file: "{zone.path}"
    zonefile-sync: -1
    {journal}
    semantic-checks: off
    acl: loopback
"""
    config.write_text(knot_config(directory, port, settings))
    return ["-c", str(config)]


@contextmanager
def knot_secondary(
    primary: Server, zone: ZoneFile, directory: Path, deadline: float, checks: str = "off"
) -> Iterator[float]:
    """Run an empty Knot that transfers the zone; gives when it answered, as `wait_for_serial` does.

    `checks` says whether it checks the zone's semantics: `on` or `off`.
    """
    directory.mkdir()
    (directory / "db").mkdir()
    port = free_port()
    config = directory / "knot.conf"
    settings = f"""\
remote:
  - id: primary
    address: 127.0.0.1@{primary.port}
zone:
  - domain: {zone.apex}
    storage: "{directory}"
    zonefile-sync: 0
    semantic-checks: {checks}
    master: primary
    acl: loopback
"""
    config.write_text(knot_config(directory, port, settings))
    with running([find_program("knotd"), "-c", str(config)], directory / "output") as program:
        yield wait_for_serial(port, zone.apex, zone.serial, program.check, deadline, pause=0.002)


def _prepare_bind(zone: ZoneFile, directory: Path, port: int) -> list[str]:
    config = directory / "named.conf"
    config.write_text(
        f"""\
options {{
    directory "{directory}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    allow-transfer {{ 127.0.0.1; }};
    notify no;
    pid-file none;
    session-keyfile none;
    empty-zones-enable no;
    dnssec-validation no;
}};
controls {{ }};
logging {{ category default {{ null; }}; }};
zone "{zone.apex.rstrip(".") or "."}" {{ type primary; file "{zone.path}"; check-names ignore; }};
"""
    )
    return ["-f", "-n", "1", "-U", "1", "-c", str(config)]


def _prepare_powerdns(zone: ZoneFile, directory: Path, port: int) -> list[str]:
    """With its packet cache, which is on unless told otherwise."""
    (directory / "named.conf").write_text(
        f'zone "{zone.apex.rstrip(".") or "."}" {{ type master; file "{zone.path}"; }};\n'
    )
    (directory / "pdns.conf").write_text(
        f"""\
launch=bind
bind-config={directory}/named.conf
local-address=127.0.0.1
local-port={port}
socket-dir={directory}
daemon=no
guardian=no
receiver-threads=1
distributor-threads=1
allow-axfr-ips=127.0.0.1
loglevel=0
"""
    )
    return [f"--config-dir={directory}"]


NSD: Final = Peer("NSD", "nsd", "-v", _prepare_nsd)
KNOT: Final = Peer("Knot", "knotd", "--version", _prepare_knot)
KNOT_DIFFERENCES: Final = Peer("Knot", "knotd", "--version", _prepare_knot_differences)
"""It keeps what changes from one zone file to the next, for incremental transfers."""
BIND: Final = Peer("BIND", "named", "-v", _prepare_bind)
POWERDNS: Final = Peer("PowerDNS", "pdns_server", "--version 2>&1 | grep -o 'Server [0-9.]*'", _prepare_powerdns)
"""Measured only with repeating names: what it has no cached packet for takes it several times as long."""
PEERS: Final = (NSD, KNOT, BIND)


def present() -> tuple[list[Peer], list[str]]:
    """The peers that are installed, and a note for each that isn't."""
    here = [peer for peer in PEERS if peer.installed()]
    return here, [f"{peer.name} left out: {peer.program} is not installed" for peer in PEERS if peer not in here]


def main() -> int:
    """Start each peer with a small zone and transfer it once."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--names", type=int, default=1000)
    args = parser.parse_args()
    here, notes = present()
    print(*notes, sep="\n", end="\n" if notes else "")
    VAR.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=VAR) as name:
        zone = synthetic_zone(args.names, Path(name))
        for peer in [*here, POWERDNS] if POWERDNS.installed() else here:
            with peer.serving(zone, Path(name) / peer.name) as server:
                transfer = take_transfer(server.port, query(zone.apex, AXFR), zone.records + 1)
                print(f"{peer.version()}: serves {zone.records} records, sent {transfer.records} in a transfer")
    return 0


if __name__ == "__main__":
    end_on_signals()
    try:
        sys.exit(main())
    except MeasuringFailed as failure:
        sys.exit(f"peers: {failure}")
