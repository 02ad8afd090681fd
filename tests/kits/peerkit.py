"""BIND, NSD and Knot DNS as authoritative servers for some zone files, on loopback ports, and questions to them."""

import os
import selectors
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from secrets import randbelow
from time import monotonic, sleep

HOST = "127.0.0.1"
DEADLINE = 60.0
UDP_SIZE = 4096
"""What all servers are told to send at most over UDP."""
_EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_GIVEN: set[int] = set()
"""Ports that this process has given out, free or not: who is away for a moment comes back to its own."""
_WINDOW = 48
"""Questions on the way at a time: few enough for any socket's buffer."""

Zones = Mapping[str, Path]
"""Zone name, with its final dot, to its file."""


def named(port: int, directory: Path, zones: Zones, cookie_secret: str) -> list[str]:
    cookies = f'cookie-algorithm siphash24; cookie-secret "{cookie_secret}";' if cookie_secret else ""
    blocks = "".join(f'zone "{name}" {{ type primary; file "{path}"; }};\n' for name, path in zones.items())
    (directory / "named.conf").write_text(
        f"""options {{
  directory "{directory}";
  listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }};
  pid-file none;
  session-keyfile "{directory}/session.key";
  recursion no;
  dnssec-validation no;
  notify no;
  allow-transfer {{ any; }};
  check-names primary ignore;
  check-integrity no;
  check-wildcard no;
  zone-statistics none;
  minimal-responses no-auth;
  max-udp-size {UDP_SIZE};
  max-records-per-type 0;
  max-types-per-name 0;
  empty-zones-enable no;
  {cookies}
}};
controls {{ }};
{blocks}"""
    )
    return ["-g", "-n", "1", "-c", str(directory / "named.conf")]


def nsd(port: int, directory: Path, zones: Zones, cookie_secret: str) -> list[str]:
    cookies = f'answer-cookie: yes\n  cookie-secret: "{cookie_secret}"' if cookie_secret else ""
    blocks = "".join(f'zone:\n  name: "{name}"\n  zonefile: "{path}"\n' for name, path in zones.items())
    (directory / "nsd.conf").write_text(
        f"""server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{directory}"
  database: ""
  pidfile: "{directory}/nsd.pid"
  xfrdfile: "{directory}/xfrd.state"
  zonelistfile: "{directory}/zone.list"
  ipv4-edns-size: {UDP_SIZE}
  rrl-ratelimit: 0
  server-count: 1
  minimal-responses: yes
  {cookies}
remote-control:
  control-enable: no
{blocks}"""
    )
    return ["-d", "-c", str(directory / "nsd.conf")]


def knotd(port: int, directory: Path, zones: Zones, cookie_secret: str) -> list[str]:
    cookies = f"mod-cookies:\n  - id: one\n    secret: 0x{cookie_secret}\n" if cookie_secret else ""
    modules = "    global-module: mod-cookies/one\n" if cookie_secret else ""
    blocks = "".join(f'  - domain: "{name}"\n    file: "{path}"\n' for name, path in zones.items())
    (directory / "knot.conf").write_text(
        f"""server:
  listen: 127.0.0.1@{port}
  rundir: {directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  udp-max-payload: {UDP_SIZE}
database:
  storage: {directory}
{cookies}template:
  - id: default
    storage: {directory}
    semantic-checks: off
    zonefile-sync: -1
    journal-content: none
{modules}zone:
{blocks}"""
    )
    return ["-c", str(directory / "knot.conf")]


Configure = Callable[[int, Path, Zones, str], list[str]]
"""Writes a program's configuration for a port, a directory, zones and a secret, and gives the arguments."""
PEERS: Mapping[str, Configure] = {"named": named, "nsd": nsd, "knotd": knotd}


def bound_to_one_port(stack: ExitStack) -> tuple[socket.socket, socket.socket]:
    """UDP and TCP sockets of loopback that are bound to one port, closed with `stack`."""
    while True:
        tcp = stack.enter_context(socket.socket())
        tcp.bind((HOST, 0))
        udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
        with suppress(OSError):  # another program has the UDP port
            udp.bind(tcp.getsockname())
            return udp, tcp


def free_ports(count: int) -> list[int]:
    """Ports that are free for UDP and TCP: for who can't be asked which one they got, or comes back to theirs.

    They are below those that the kernel gives to whoever wants any (ip(7)), and each process of a test run has
    ports of its own, so nobody gets one meanwhile.
    """
    first = int(_EPHEMERAL.read_text().split()[0])
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = _LOWEST + randbelow(first - _LOWEST)  # `random` may have one seed in all processes of a test run
            if port % processes != mine or port in _GIVEN:
                continue
            with suppress(OSError):  # another program has it
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(type=kind)).bind((HOST, port))
                found.append(port)
                _GIVEN.add(port)
    return found


@contextmanager
def running(
    peer: str,
    program: str,
    directory: Path,
    zones: Zones,
    *,
    cookie_secret: str = "",
    configure: Mapping[str, Configure] = PEERS,
) -> Iterator[int]:
    """The port of a peer that serves these zones, once it does. `cookie_secret` is in hex; without it, chance.

    `configure` gives the arguments of each program, and writes its configuration.
    """
    directory.mkdir()
    (port,) = free_ports(1)
    command = [program, *configure[peer](port, directory, zones, cookie_secret)]
    log = directory / "log"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            for name in zones:
                _await_zone(port, name, process, log)
            yield port
        finally:
            process.terminate()


def _await_zone(port: int, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.rstrip(".").split(".") if part)
    query = b"\0\1\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\6\0\1"
    deadline = monotonic() + DEADLINE
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((HOST, port))
        sock.settimeout(1)
        while monotonic() < deadline and process.poll() is None:
            try:
                sock.send(query)
                answer = sock.recv(65535)
            except OSError:  # refused while it starts, or timed out
                sleep(0.02)
                continue
            if answer[3] & 15 == 0 and answer[7]:
                return
            sleep(0.02)
    raise AssertionError(f"no answer for {name}: {log.read_text(errors='replace')[-3000:]}")


def ask_all(ports: Sequence[int], packets: Sequence[bytes]) -> list[list[bytes]]:
    """What each server answers to each packet over UDP, all asked at once. The packets' ids are replaced."""
    found: list[list[bytes]] = [[b""] * len(packets) for _ in ports]
    with selectors.DefaultSelector() as selector:
        lines = [_Line(port, packets, answers) for port, answers in zip(ports, found, strict=True)]
        try:
            for line in lines:
                selector.register(line.sock, selectors.EVENT_READ, line)
                line.send_more()
            deadline = monotonic() + DEADLINE
            while not all(line.done for line in lines):
                events = selector.select(1.0)
                for key, _ in events:
                    key.data.read()
                    deadline = monotonic() + DEADLINE
                if not events:
                    assert monotonic() < deadline, [line.waiting for line in lines]
                    for line in lines:
                        line.send_again()
        finally:
            for line in lines:
                line.sock.close()
    return found


class _Line:
    """One server's socket, and what it has still to answer."""

    def __init__(self, port: int, packets: Sequence[bytes], answers: list[bytes]) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect((HOST, port))
        self.sock.setblocking(False)
        self.waiting: set[int] = set()
        self._packets = packets
        self._answers = answers
        self._next = 0

    @property
    def done(self) -> bool:
        return not self.waiting and self._next == len(self._packets)

    def send_more(self) -> None:
        while len(self.waiting) < _WINDOW and self._next < len(self._packets):
            self.waiting.add(self._next)
            self._send(self._next)
            self._next += 1

    def send_again(self) -> None:
        for index in self.waiting:
            self._send(index)

    def read(self) -> None:
        while True:
            try:
                answer = self.sock.recv(65535)
            except BlockingIOError:
                break
            index = int.from_bytes(answer[:2], "big")
            for at in self.waiting:
                if at & 0xFFFF == index:
                    self._answers[at] = answer
                    self.waiting.discard(at)
                    break
        self.send_more()

    def _send(self, index: int) -> None:
        self.sock.send((index & 0xFFFF).to_bytes(2, "big") + self._packets[index][2:])


def ask_tcp(port: int, packets: Iterable[bytes]) -> list[bytes]:
    """The answers over one connection, asked one after another."""
    found = []
    with socket.create_connection((HOST, port), timeout=DEADLINE) as sock, sock.makefile("rb") as stream:
        for packet in packets:
            sock.sendall(len(packet).to_bytes(2, "big") + packet)
            found.append(stream.read(int.from_bytes(stream.read(2), "big")))
    return found
