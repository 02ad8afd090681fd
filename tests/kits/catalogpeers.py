"""BIND, Knot DNS and PowerDNS as producers and consumers of catalog zones: unprivileged, each in its own directory.

Consumers begin with an empty catalog and no zones. Producers serve small zones, and list them.
"""

import signal
import sqlite3
import subprocess
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Protocol

from daemonkit import DEADLINE
from peerkit import HOST

CATALOG = "catalog.example."
BOUNDS = ("udp-workers: 1", "tcp-workers: 1", "background-workers: 4")


class Server:
    """A running name server."""

    def __init__(self, home: Path, port: int, command: list[str]) -> None:
        self.home = home
        self.port = port
        self.log = home / "log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out)

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(DEADLINE)


# -- consumers -----------------------------------------------------------------------------------------------------


def named_consumer(program: str, home: Path, port: int, primary: int) -> Server:
    at = f"{HOST} port {primary}"
    (home / "named.conf").write_text(
        f"""{_named_options(home, port)[:-3]}
  allow-notify {{ {HOST}; }};
  catalog-zones {{ zone "{CATALOG}" default-primaries {{ {at}; }} in-memory yes min-update-interval 1; }};
}};
zone "{CATALOG}" {{ type secondary; file "catalog"; primaries {{ {at}; }}; }};
"""
    )
    return Server(home, port, [program, "-g", "-n", "1", "-c", str(home / "named.conf")])


def knotd_consumer(program: str, home: Path, port: int, primary: int) -> Server:
    (home / "knot.conf").write_text(
        f"""{_knotd_server(home, port)}
remote:
  - id: primary
    address: {HOST}@{primary}
acl:
  - id: told
    address: {HOST}
    action: notify
template:
  - id: default
    storage: {home}
    zonefile-sync: -1
    master: primary
    acl: told
  - id: member
    storage: {home}
    zonefile-sync: -1
    master: primary
    acl: told
zone:
  - domain: {CATALOG}
    catalog-role: interpret
    catalog-template: member
"""
    )
    return Server(home, port, [program, "-c", str(home / "knot.conf")])


def pdns_consumer(program: str, home: Path, port: int, primary: int) -> Server:
    _pdns_config(home, port, "secondary=yes", "xfr-cycle-interval=1", f"allow-notify-from={HOST}")
    _pdnsutil(home, "create-secondary-zone", CATALOG, f"{HOST}:{primary}")
    _pdnsutil(home, "set-kind", CATALOG, "consumer")
    return Server(home, port, [program, f"--config-dir={home}"])


CONSUMERS: dict[str, Callable[[str, Path, int, int], Server]] = {
    "named": named_consumer,
    "knotd": knotd_consumer,
    "pdns_server": pdns_consumer,
}


# -- producers -----------------------------------------------------------------------------------------------------


class Producer(Protocol):
    """A server whose catalog lists zones, each with the groups that `list` gave it."""

    name: str
    port: int

    def list(self, members: dict[str, Collection[str]]) -> None: ...

    def stop(self) -> None: ...


class Named:
    """BIND has no producer: its catalogs are written by hand."""

    def __init__(self, program: str, home: Path, port: int, told: int, name: str = CATALOG) -> None:
        self.name, self.port = name, port
        self._home, self._program, self._told = home, program, told
        self._serial = 0
        self._server: Server | None = None

    def list(self, members: dict[str, Collection[str]]) -> None:
        self._serial += 1
        body = (
            f"@ 0 IN SOA invalid. invalid. {self._serial} 60 10 86400 0\n@ 0 IN NS invalid.\nversion 0 IN TXT 2\n"
        )
        for zone, groups in members.items():
            node = zone.replace(".", "-").strip("-")
            body += f"{node}.zones 0 IN PTR {zone}\n"
            body += "".join(f"group.{node}.zones 0 IN TXT {group}\n" for group in groups)
            (self._home / zone).write_text(zone_text(zone))
        (self._home / "catalog").write_text(body)
        blocks = "".join(f'zone "{zone}" {{ type primary; file "{zone}"; }};\n' for zone in members)
        (self._home / "named.conf").write_text(
            f"""{_named_options(self._home, self.port)[:-3]}
  notify explicit; also-notify {{ {HOST} port {self._told}; }}; allow-transfer {{ {HOST}; }}; notify-delay 0;
  startup-notify-rate 1000; notify-rate 1000;
}};
zone "{self.name}" {{ type primary; file "catalog"; }};
{blocks}"""
        )
        if self._server is None:
            command = [self._program, "-g", "-n", "1", "-c", str(self._home / "named.conf")]
            self._server = Server(self._home, self.port, command)
        else:
            self._server.reload()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()


class Knot:
    """Knot DNS makes its catalog itself."""

    def __init__(self, program: str, home: Path, port: int, told: int, name: str = CATALOG) -> None:
        self.name, self.port = name, port
        self._home, self._program, self._told = home, program, told
        self._server: Server | None = None

    def list(self, members: dict[str, Collection[str]]) -> None:
        blocks = ""
        for zone, groups in members.items():
            path = self._home / f"{zone}zone"
            if not path.exists():
                path.write_text(zone_text(zone))
            group = "".join(f"    catalog-group: {group}\n" for group in groups)
            blocks += f"  - domain: {zone}\n    catalog-role: member\n    catalog-zone: {self.name}\n{group}"
        (self._home / "knot.conf").write_text(
            f"""{_knotd_server(self._home, self.port)}
remote:
  - id: told
    address: {HOST}@{self._told}
acl:
  - id: transfers
    address: {HOST}
    action: transfer
template:
  - id: default
    storage: {self._home}
    zonefile-sync: -1
    acl: transfers
    notify: told
zone:
  - domain: {self.name}
    catalog-role: generate
{blocks}"""
        )
        if self._server is None:
            self._server = Server(self._home, self.port, [self._program, "-c", str(self._home / "knot.conf")])
        else:
            self._server.reload()

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()


class PowerDns:
    """PowerDNS makes its catalog itself, of the zones in its database."""

    def __init__(self, program: str, home: Path, port: int, told: int, name: str = CATALOG) -> None:
        self.name, self.port = name, port
        self._home = home
        self._listed: set[str] = set()
        _pdns_config(
            home,
            port,
            "primary=yes",
            "xfr-cycle-interval=1",
            f"allow-axfr-ips={HOST}",
            f"also-notify={HOST}:{told}",
            f"only-notify={HOST}",
        )
        _pdnsutil(home, "create-zone", name)
        _pdnsutil(home, "set-kind", name, "producer")
        self._server = Server(home, port, [program, f"--config-dir={home}"])

    def list(self, members: dict[str, Collection[str]]) -> None:
        for zone in self._listed - members.keys():
            _pdnsutil(self._home, "delete-zone", zone)
        for zone in members.keys() - self._listed:
            path = self._home / "new.zone"
            path.write_text(zone_text(zone))
            _pdnsutil(self._home, "load-zone", zone, str(path))
            _pdnsutil(self._home, "set-kind", zone, "primary")
            _pdnsutil(self._home, "set-catalog", zone, self.name)
            for group in members[zone]:
                _pdnsutil(self._home, "set-option", zone, "producer", "group", group)
        self._listed = set(members)

    def stop(self) -> None:
        self._server.stop()


PRODUCERS: dict[str, Callable[[str, Path, int, int, str], Producer]] = {
    "named": Named,
    "knotd": Knot,
    "pdns_server": PowerDns,
}


def zone_text(zone: str) -> str:
    """A zone whose name is its own proof: `www` has TXT with the zone's name."""
    return (
        f"$ORIGIN {zone}\n$TTL 300\n@ IN SOA ns1 hostmaster 1 60 10 86400 300\n@ IN NS ns1\n"
        f'ns1 IN A 192.0.2.1\nwww IN TXT "{zone}"\n'
    )


def _named_options(home: Path, port: int) -> str:
    return f"""options {{
  directory "{home}"; pid-file none; session-keyfile none; managed-keys-directory "{home}";
  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; check-names primary ignore; empty-zones-enable no;
  transfers-in 200; transfers-per-ns 200; serial-query-rate 1000;
}};
"""


def _knotd_server(home: Path, port: int) -> str:
    bounds = "".join(f"  {line}\n" for line in BOUNDS)
    return f"""server:
  listen: {HOST}@{port}
  rundir: {home}
{bounds}database:
  storage: {home}
  journal-db-max-size: 50M
log:
  - target: stderr
    any: info"""


def _pdns_config(home: Path, port: int, *more: str) -> None:
    database = home / "pdns.db"
    schema = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
    connection = sqlite3.connect(database)
    connection.executescript(schema.read_text())
    connection.close()
    settings = [
        "launch=gsqlite3",
        f"gsqlite3-database={database}",
        "gsqlite3-pragma-synchronous=0",
        f"local-address={HOST}",
        f"local-port={port}",
        f"socket-dir={home}",
        "zone-cache-refresh-interval=0",
        "cache-ttl=0",
        "query-cache-ttl=0",
        "negquery-cache-ttl=0",
        "receiver-threads=1",
        "distributor-threads=1",
        "consistent-backends=yes",
        *more,
    ]
    (home / "pdns.conf").write_text("\n".join(settings) + "\n")


def _pdnsutil(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["pdnsutil", f"--config-dir={home}", *arguments], capture_output=True, text=True, timeout=DEADLINE
    )
    assert done.returncode == 0, (arguments, done.stdout, done.stderr)
