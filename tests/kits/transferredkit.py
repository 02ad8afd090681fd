"""BIND, NSD, Knot DNS and PowerDNS as servers that a zone is transferred from once: with TSIG, over TLS."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from daemonkit import DEADLINE, until
from peerkit import HOST, free_ports
from tlskit import Files
from zonegit.errors import TransferError
from zonegit.model.names import from_text
from zonegit.net.dns.soa_query import ask_serial
from zonegit.ops.address import Address
from zonegit.ops.primaries import Primary

KEY = "xfr"


class Place(NamedTuple):
    """What a server is told."""

    home: Path
    zone: str
    file: Path
    secret: str
    """Of the key, in base64: HMAC-SHA256."""
    port: int
    tls_port: int
    tls: Files | None


def _named(place: Place) -> list[str]:
    tls = f'tls local {{ cert-file "{place.tls.cert}"; key-file "{place.tls.key}"; }};' if place.tls else ""
    listen = f"listen-on port {place.tls_port} tls local {{ {HOST}; }};" if place.tls else ""
    (place.home / "named.conf").write_text(
        f"""{tls}
options {{
  directory "{place.home}"; pid-file none; session-keyfile none; managed-keys-directory "{place.home}";
  listen-on port {place.port} {{ {HOST}; }}; {listen} listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no; empty-zones-enable no;
  check-integrity no; check-names primary ignore;
}};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{place.secret}"; }};
zone "{place.zone}" {{ type primary; file "{place.file}"; allow-transfer {{ key {KEY}; }}; }};
"""
    )
    return ["-g", "-n", "1", "-c", str(place.home / "named.conf")]


def _nsd(place: Place) -> list[str]:
    tls = (
        f"""  ip-address: {HOST}@{place.tls_port}
  tls-service-key: "{place.tls.key}"
  tls-service-pem: "{place.tls.cert}"
  tls-port: {place.tls_port}"""
        if place.tls
        else ""
    )
    (place.home / "nsd.conf").write_text(
        f"""server:
  ip-address: {HOST}@{place.port}
{tls}
  username: ""
  chroot: ""
  zonesdir: "{place.home}"
  database: ""
  pidfile: "{place.home}/nsd.pid"
  xfrdfile: "{place.home}/xfrd.state"
  xfrdir: "{place.home}"
  zonelistfile: "{place.home}/zone.list"
  rrl-ratelimit: 0
  server-count: 1
remote-control:
  control-enable: no
key:
  name: "{KEY}"
  algorithm: hmac-sha256
  secret: "{place.secret}"
zone:
  name: {place.zone}
  zonefile: {place.file}
  provide-xfr: {HOST} {KEY}
"""
    )
    return ["-d", "-c", str(place.home / "nsd.conf")]


def _knotd(place: Place) -> list[str]:
    (place.home / "knot.conf").write_text(
        f"""server:
  listen: {HOST}@{place.port}
  rundir: {place.home}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {place.home}
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {place.secret}
acl:
  - id: transferred
    address: {HOST}
    key: {KEY}
    action: transfer
zone:
  - domain: {place.zone}
    file: {place.file}
    zonefile-sync: -1
    semantic-checks: off
    journal-content: none
    acl: transferred
"""
    )
    return ["-c", str(place.home / "knot.conf")]


def _pdns(place: Place) -> list[str]:
    """With a database, as only that has keys."""
    database = place.home / "pdns.sqlite3"
    schema = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
    options = {
        "launch": "gsqlite3",
        "gsqlite3-database": database,
        "local-address": HOST,
        "local-port": place.port,
        "socket-dir": place.home,
        "primary": "yes",
        "allow-axfr-ips": "",
        "disable-syslog": "yes",
        "guardian": "no",
        "daemon": "no",
        "config-dir": place.home,
    }
    (place.home / "pdns.conf").write_text("".join(f"{name}={value}\n" for name, value in options.items()))
    subprocess.run(["sqlite3", database], input=schema.read_text(), text=True, check=True, capture_output=True)
    for words in (
        ["load-zone", place.zone, place.file],
        ["set-kind", place.zone, "primary"],
        ["import-tsig-key", KEY, "hmac-sha256", place.secret],
        ["activate-tsig-key", place.zone, KEY, "primary"],
    ):
        command = ["pdnsutil", f"--config-dir={place.home}", *map(str, words)]
        subprocess.run(command, check=True, capture_output=True, text=True)
    return [f"--config-dir={place.home}"]


SERVERS: dict[str, Callable[[Place], list[str]]] = {
    "named": _named,
    "nsd": _nsd,
    "knotd": _knotd,
    "pdns_server": _pdns,
}


@contextmanager
def serving(
    server: str, program: str, home: Path, zone: str, file: Path, secret: str, tls: Files | None = None
) -> Iterator[Place]:
    """A server that has the zone, once it answers. `program` is its path."""
    home.mkdir()
    port, tls_port = free_ports(2)
    place = Place(home, zone, file, secret, port, tls_port, tls)
    command = [program, *SERVERS[server](place)]
    with (home / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            until(lambda: _answers(place), f"the start of {server}: {(home / 'log').read_text()[-2000:]}")
            yield place
        finally:
            process.terminate()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()


def _answers(place: Place) -> bool:
    import asyncio

    try:
        return asyncio.run(ask_serial(Primary(Address(HOST, place.port)), from_text(place.zone))) > 0
    except TransferError:
        return False
