"""BIND, NSD and Knot DNS as secondaries of a server on a loopback port: unprivileged, each in its own directory."""

import base64
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.tsig
import dns.zone

from daemonkit import DEADLINE
from peerkit import HOST

ORIGIN = "example.org."
KEY = "xfr"


@dataclass(frozen=True)
class Secondary:
    """A name server that follows the zone."""

    name: str
    port: int
    log: Path

    def serial(self) -> int:
        """The serial that it serves; 0 while it serves none."""
        query = dns.message.make_query(ORIGIN, "SOA")
        try:
            response = dns.query.udp(query, HOST, timeout=1, port=self.port)
        except (OSError, dns.exception.DNSException):
            return 0
        return response.answer[0][0].serial if response.answer else 0

    def zone(self) -> dns.zone.Zone:
        return transferred(self.port)


def transferred(port: int, key: dns.tsig.Key | None = None) -> dns.zone.Zone:
    """The zone that a server has, by AXFR."""
    zone = dns.zone.Zone(ORIGIN, relativize=False)
    query = dns.message.make_query(ORIGIN, "AXFR")
    if key is not None:
        query.use_tsig(key)
    dns.query.inbound_xfr(HOST, zone, query, port=port, timeout=DEADLINE, lifetime=DEADLINE)
    return zone


def _named(port: int, primary: int, secret: str, home: Path) -> list[str]:
    (home / "named.conf").write_text(
        f"""options {{
  directory "{home}"; pid-file none; session-keyfile none; managed-keys-directory "{home}";
  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify no; allow-transfer {{ {HOST}; }};
}};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{ORIGIN}" {{ type secondary; file "zone"; primaries {{ {HOST} port {primary} key {KEY}; }};
  allow-notify {{ key {KEY}; }}; }};
"""
    )
    return ["-g", "-n", "1", "-c", str(home / "named.conf")]


def _nsd(port: int, primary: int, secret: str, home: Path) -> list[str]:
    (home / "nsd.conf").write_text(
        f"""server:
  ip-address: {HOST}@{port}
  username: ""
  chroot: ""
  zonesdir: "{home}"
  database: ""
  pidfile: "{home}/nsd.pid"
  xfrdfile: "{home}/xfrd.state"
  xfrdir: "{home}"
  zonelistfile: "{home}/zone.list"
  rrl-ratelimit: 0
  server-count: 1
  verbosity: 2
remote-control:
  control-enable: no
key:
  name: "{KEY}"
  algorithm: hmac-sha256
  secret: "{secret}"
zone:
  name: {ORIGIN}
  zonefile: zone
  request-xfr: {HOST}@{primary} {KEY}
  allow-notify: {HOST} {KEY}
  provide-xfr: {HOST} NOKEY
"""
    )
    return ["-d", "-c", str(home / "nsd.conf")]


def _knotd(port: int, primary: int, secret: str, home: Path) -> list[str]:
    (home / "knot.conf").write_text(
        f"""server:
  listen: {HOST}@{port}
  rundir: {home}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {home}
  journal-db-max-size: 50M
log:
  - target: stderr
    any: info
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {secret}
remote:
  - id: primary
    address: {HOST}@{primary}
    key: {KEY}
acl:
  - id: told
    address: {HOST}
    key: {KEY}
    action: notify
  - id: compared
    address: {HOST}
    action: transfer
zone:
  - domain: {ORIGIN}
    storage: {home}
    zonefile-sync: -1
    master: primary
    acl: [told, compared]
"""
    )
    return ["-c", str(home / "knot.conf")]


MAKES: dict[str, Callable[[int, int, str, Path], list[str]]] = {"named": _named, "nsd": _nsd, "knotd": _knotd}


@contextmanager
def following(make: str, program: str, primary: int, port: int, secret: bytes, home: Path) -> Iterator[Secondary]:
    """One secondary of that make, which follows the zone at a port of this machine and signs with the key."""
    home.mkdir()
    arguments = MAKES[make](port, primary, base64.b64encode(secret).decode(), home)
    log = home / "log"
    with log.open("w") as out, subprocess.Popen([program, *arguments], stdout=out, stderr=out) as process:
        try:
            yield Secondary(make, port, log)
        finally:
            process.terminate()
            try:
                process.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                process.kill()
