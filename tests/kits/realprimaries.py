"""BIND, NSD, Knot DNS and PowerDNS as primaries of example.org. on loopback ports, with zones that change."""

import base64
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import dns.tsig
import dns.zone

from daemonkit import DEADLINE, until
from peerkit import HOST

ORIGIN = "example.org."
KEY = "xfr"


class RealPrimary:
    """A name server that has the zone in a file, and sends NOTIFY to one secondary when that changes."""

    def __init__(self, make: str, program: str, port: int, secondary: int, secret: bytes, home: Path) -> None:
        home.mkdir()
        self.make = make
        self.home = home
        self.port = port
        self.key = dns.tsig.Key(KEY, secret, "hmac-sha256")
        self._arguments = MAKES[make](port, secondary, base64.b64encode(secret).decode(), home)
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        self._seconds = int(time.time()) - 100_000
        """When the zone's file was last written, as its times say."""

    def write(self, text: str) -> None:
        """Replace the file of the zone. A server compares whole seconds of its time: it gets later ones."""
        self.zonefile.write_text(text)
        self._seconds += 10
        os.utime(self.zonefile, (self._seconds, self._seconds))

    @property
    def zonefile(self) -> Path:
        return self.home / "zone"

    def start(self) -> None:
        with (self.home / "log").open("a") as out:
            self._process = subprocess.Popen([self._program, *self._arguments], stdout=out, stderr=out)
        until(lambda: self.serial() is not None, f"the start of {self.make}")

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def change(self, text: str) -> None:
        """Serve another version of the zone, and notify the secondary."""
        self.write(text)
        assert self._process is not None
        if self.make == "pdns_server":
            control = ["pdns_control", f"--socket-dir={self.home}"]
            serial = _serial_of(text)
            subprocess.run([*control, "bind-reload-now", ORIGIN.rstrip(".")], check=True, capture_output=True)
            until(lambda: self.serial() == serial, "the reload of PowerDNS")
            subprocess.run([*control, "notify", ORIGIN.rstrip(".")], check=True, capture_output=True)
        else:
            self._process.send_signal(signal.SIGHUP)

    def forget_journal(self) -> None:
        """Remove what it knows of older versions. It has to be stopped."""
        for path in self.home.iterdir():
            if path.name.endswith(".jnl") or path.name in ("journal", "timers") or "ixfr" in path.name:
                subprocess.run(["rm", "-rf", str(path)], check=True)

    def serial(self) -> int | None:
        """The serial that it serves; None while it doesn't answer."""
        query = dns.message.make_query(ORIGIN, "SOA")
        try:
            response = dns.query.udp(query, HOST, timeout=1, port=self.port)
        except (OSError, dns.exception.DNSException):
            return None
        return response.answer[0][0].serial if response.answer else None

    def zone(self) -> dns.zone.Zone:
        return transferred(self.port, self.key if self.make in SIGNED else None)


def transferred(port: int, key: dns.tsig.Key | None = None) -> dns.zone.Zone:
    """The zone that a server has, by AXFR."""
    zone = dns.zone.Zone(ORIGIN, relativize=False)
    query = dns.message.make_query(ORIGIN, "AXFR")
    if key is not None:
        query.use_tsig(key)
    dns.query.inbound_xfr(HOST, zone, query, port=port, timeout=DEADLINE, lifetime=DEADLINE)
    return zone


def _serial_of(text: str) -> int:
    found = dns.zone.from_text(text, ORIGIN, relativize=False)
    soa = found.get_rdataset(ORIGIN, dns.rdatatype.SOA)
    return int(soa[0].serial)


def _named(port: int, secondary: int, secret: str, home: Path) -> list[str]:
    (home / "named.conf").write_text(
        f"""options {{
  directory "{home}"; pid-file none; session-keyfile none; managed-keys-directory "{home}";
  listen-on port {port} {{ {HOST}; }}; listen-on-v6 {{ none; }};
  recursion no; dnssec-validation no; notify explicit; notify-delay 0; notify-rate 1000; startup-notify-rate 1000;
  also-notify {{ {HOST} port {secondary}; }}; empty-zones-enable no; check-integrity no;
}};
controls {{ }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{ORIGIN}" {{ type primary; file "zone"; ixfr-from-differences yes; allow-transfer {{ key {KEY}; }}; }};
"""
    )
    return ["-g", "-n", "1", "-c", str(home / "named.conf")]


def _nsd(port: int, secondary: int, secret: str, home: Path) -> list[str]:
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
  notify: {HOST}@{secondary} NOKEY
  provide-xfr: {HOST} {KEY}
  store-ixfr: yes
  create-ixfr: yes
"""
    )
    return ["-d", "-c", str(home / "nsd.conf")]


def _knotd(port: int, secondary: int, secret: str, home: Path) -> list[str]:
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
  - id: secondary
    address: {HOST}@{secondary}
acl:
  - id: transferred
    address: {HOST}
    key: {KEY}
    action: [transfer, update]
zone:
  - domain: {ORIGIN}
    storage: {home}
    file: zone
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
    notify: secondary
    acl: transferred
"""
    )
    return ["-c", str(home / "knot.conf")]


def _pdns(port: int, secondary: int, secret: str, home: Path) -> list[str]:
    (home / "bind.conf").write_text(f'zone "{ORIGIN.rstrip(".")}" {{ type master; file "{home}/zone"; }};\n')
    options = {
        "launch": "bind",
        "bind-config": home / "bind.conf",
        "bind-check-interval": 0,
        "local-address": HOST,
        "local-port": port,
        "socket-dir": home,
        "primary": "yes",
        "allow-axfr-ips": HOST,
        "only-notify": "",
        "also-notify": f"{HOST}:{secondary}",
        "disable-syslog": "yes",
        "guardian": "no",
        "daemon": "no",
        "config-dir": home,
        "zone-cache-refresh-interval": 0,
        "cache-ttl": 0,
        "query-cache-ttl": 0,
        "negquery-cache-ttl": 0,
    }
    return [f"--{name}={value}" for name, value in options.items()]


MAKES: dict[str, Callable[[int, int, str, Path], list[str]]] = {
    "named": _named,
    "nsd": _nsd,
    "knotd": _knotd,
    "pdns_server": _pdns,
}
SIGNED = frozenset(("named", "nsd", "knotd"))
"""Those that sign transfers here: PowerDNS keeps keys only in a database."""


@contextmanager
def serving(
    make: str, program: str, port: int, secondary: int, secret: bytes, home: Path, text: str
) -> Iterator[RealPrimary]:
    """A primary of that make with this zone, which notifies the secondary at a port of this machine."""
    made = RealPrimary(make, program, port, secondary, secret, home)
    made.write(text)
    made.start()
    try:
        yield made
    finally:
        made.stop()
