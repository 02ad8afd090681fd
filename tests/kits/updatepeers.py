"""BIND, Knot DNS and zonegit with one zone that each takes UPDATEs of, and what they make of the same messages."""

import base64
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from struct import pack
from time import time
from typing import Protocol

from peerkit import DEADLINE, HOST, Configure, Zones, running
from repokit import parsed
from updatekinds import APEX, ZONE, Message
from updatekit import ALL, KEY, PLACE
from updatezone import RR
from zonegit.dns.access.tsig import Signature, TsigKey
from zonegit.dns.update.message import Unreadable, read_update
from zonegit.dns.wire.reading import read_response
from zonegit.errors import InvalidRecord
from zonegit.model.names import WireName, from_text, lower
from zonegit.model.rdata import SOA, canonical
from zonegit.repo import Repository
from zonegit.repo.updating.apply import apply_updates
from zonegit.repo.updating.values import Asked

SECRET = b"s" * 32
TSIG = TsigKey(KEY, "hmac-sha256", SECRET)
_SECRET_TEXT = base64.b64encode(SECRET).decode()


def _canonical(rtype: int, rdata: bytes) -> bytes:
    """Canonical RDATA; Knot serves whatever it was given, which stays as it is."""
    with suppress(InvalidRecord):
        return canonical(rtype, rdata)
    return rdata


class Server(Protocol):
    """One of the servers that are compared."""

    @property
    def name(self) -> str: ...

    def update(self, message: Message) -> int:
        """Its rcode for an UPDATE."""
        ...

    def zone(self) -> frozenset[RR]:
        """What it serves, with its serial."""
        ...


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


class Local:
    """zonegit without a daemon."""

    name = "zonegit"

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    def update(self, message: Message) -> int:
        try:
            read = read_update(message.wire(1))
        except Unreadable as error:
            return error.rcode
        (done,) = apply_updates(self._repository._context, PLACE, ALL, [Asked(read, KEY, int(time()))])
        return done.rcode

    def zone(self) -> frozenset[RR]:
        apex = from_text(APEX)
        return frozenset(
            RR(WireName(each.owner + apex), each.rtype, each.ttl, rdata)
            for each in self._repository.rrsets()
            for rdata in each.rdatas
        )


@contextmanager
def servers(directory: Path, programs: Mapping[str, str]) -> Iterator[list[Server]]:
    """zonegit first, and each of these programs."""
    path = directory / "zone"
    path.write_text(ZONE)
    with ExitStack() as stack:
        repository = stack.enter_context(Repository.init(directory / "repo"))
        repository.import_zone(parsed(ZONE), source="zone")
        found: list[Server] = [Local(repository)]
        for name, program in programs.items():
            home = directory / name
            port = stack.enter_context(running(name, program, home, {APEX: path}, configure=UPDATED))
            remote = Remote(name, port)
            stack.callback(remote.close)
            found.append(remote)
        yield found
