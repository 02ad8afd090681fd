"""zonegitd, BIND and Knot DNS with one zone that each takes UPDATEs of, and what they make of the same messages."""

import base64
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from struct import pack
from time import time

from daemonkit import Daemon
from peerkit import DEADLINE, HOST, Configure, Zones, running
from repokit import parsed
from updatekinds import APEX, ZONE, Message
from updatekit import KEY
from updatezone import RR
from zonegit.auth.tsigfile import new_tsig
from zonegit.dns.access.tsig import Signature, TsigKey
from zonegit.dns.wire.reading import read_response
from zonegit.errors import InvalidRecord
from zonegit.model.names import from_text, lower
from zonegit.model.rdata import SOA, canonical
from zonegit.repo import Repository

SECRET = sha256(b"tester").digest()
TSIG = TsigKey(KEY, "hmac-sha256", SECRET)
_SECRET_TEXT = base64.b64encode(SECRET).decode()


def _canonical(rtype: int, rdata: bytes) -> bytes:
    """Canonical RDATA; Knot serves whatever it was given, which stays as it is."""
    with suppress(InvalidRecord):
        return canonical(rtype, rdata)
    return rdata


def _named(port: int, directory: Path, zones: Zones, cookie_secret: str) -> list[str]:
    blocks = "".join(
        f'zone "{name}" {{ type primary; file "{path}"; allow-update {{ key "tester"; }}; }};\n'
        for name, path in zones.items()
    )
    (directory / "named.conf").write_text(
        f"""options {{
  directory "{directory}";
  listen-on port {port} {{ {HOST}; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile "{directory}/session.key";
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer {{ any; }};
  check-names primary ignore;
  check-integrity no;
  check-mx ignore;
  empty-zones-enable no;
}};
controls {{ }};
key "tester" {{ algorithm hmac-sha256; secret "{_SECRET_TEXT}"; }};
{blocks}"""
    )
    return ["-g", "-n", "1", "-c", str(directory / "named.conf")]


def _knotd(port: int, directory: Path, zones: Zones, cookie_secret: str) -> list[str]:
    blocks = "".join(f'  - domain: "{name}"\n    file: "{path}"\n    acl: all\n' for name, path in zones.items())
    (directory / "knot.conf").write_text(
        f"""server:
  listen: {HOST}@{port}
  rundir: {directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {directory}
  journal-db-mode: asynchronous
key:
  - id: tester
    algorithm: hmac-sha256
    secret: {_SECRET_TEXT}
acl:
  - id: all
    key: tester
    action: [update]
  - id: read
    address: {HOST}
    action: [transfer]
template:
  - id: default
    storage: {directory}
    semantic-checks: off
    zonefile-sync: -1
zone:
{blocks}""".replace("acl: all", "acl: [all, read]")
    )
    return ["-c", str(directory / "knot.conf")]


UPDATED: Mapping[str, Configure] = {"named": _named, "knotd": _knotd}


class Remote:
    """A server on a port."""

    def __init__(self, name: str, port: int) -> None:
        self.name = name
        self._port = port
        self._ident = 0
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.connect((HOST, port))
        self._udp.settimeout(DEADLINE)

    def update(self, message: Message) -> int:
        self._ident = self._ident % 65535 + 1
        self._udp.send(Signature(TSIG).sign(message.wire(self._ident), int(time())))
        while True:
            answer = self._udp.recv(65535)
            if answer[:2] == self._ident.to_bytes(2, "big"):
                return answer[3] & 15

    def zone(self) -> frozenset[RR]:
        found: set[RR] = set()
        soas = 0
        query = pack(">HHHHHH", 1, 0, 1, 0, 0, 0) + from_text(APEX) + pack(">HH", 252, 1)
        with socket.create_connection((HOST, self._port), timeout=DEADLINE) as sock, sock.makefile("rb") as stream:
            sock.sendall(len(query).to_bytes(2, "big") + query)
            while soas < 2:
                message = read_response(stream.read(int.from_bytes(stream.read(2), "big")))
                assert message.answer, f"{self.name}: no transfer"
                found |= {
                    RR(lower(each.owner), each.rtype, each.ttl, _canonical(each.rtype, each.rdata))
                    for each in message.answer
                }
                soas += sum(each.rtype == SOA for each in message.answer)
        return frozenset(found)

    def close(self) -> None:
        self._udp.close()


@contextmanager
def servers(directory: Path, programs: Mapping[str, str]) -> Iterator[list[Remote]]:
    """zonegitd first, and each of these programs."""
    path = directory / "zone"
    path.write_text(ZONE)
    with Repository.init(directory / "repo") as repository:
        repository.import_zone(parsed(ZONE), source="zone")
    new_tsig(directory / "keys", "tester", "hmac-sha256", lambda size: SECRET[:size])
    config = directory / "zonegitd.toml"
    config.write_text(f'keys = "{directory}/keys"\n[zone."{APEX}"]\nupdate = ["key:tester ** *"]\n')
    with ExitStack() as stack:
        daemon = Daemon.start(directory / "repo", "--config", config)
        stack.callback(daemon.stop)
        ports = {"zonegitd": daemon.port()}
        for name, program in programs.items():
            home = directory / name
            ports[name] = stack.enter_context(running(name, program, home, {APEX: path}, configure=UPDATED))
        yield [stack.enter_context(closing(Remote(name, port))) for name, port in ports.items()]
