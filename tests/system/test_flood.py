"""A flood of random names and a crowd of slow TCP clients: others get their answers, and the worker stays small."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from daemonkit import Daemon, query, rcode, read_message
from repokit import ZONE, parsed
from zonegit.repo import Repository

RATE = int(os.environ.get("ZONEGIT_FLOOD", "20000"))
"""Queries per second, as far as this machine can send them."""
LENGTH = 6.0
"""Seconds of it."""
SLOW = 100
"""TCP clients that are slow, each from an address of its own."""
ROOM = 64 << 20
"""Bytes above idle that the worker may hold."""
PATIENCE = 5.0
"""Seconds that a resolver waits before it asks once more, and then for the last time: BIND gives up after 10."""
NAMES = 5_000
CHILD = Path(__file__).parents[1] / "kits" / "flooding_child.py"


def memory(pid: int) -> int:
    """The anonymous memory of a process, in bytes: its shares of files depend on who else has mapped them."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(text.split("Pss_Anon:")[1].split()[0]) << 10


@contextmanager
def flood(port: int) -> Iterator[None]:
    child = subprocess.Popen(
        [sys.executable, CHILD, str(port), str(RATE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield
    finally:
        output, _ = child.communicate(timeout=60)
    assert child.returncode == 0
    sent, took = json.loads(output)
    print(f"a flood of {sent / took:,.0f} queries a second, {sent:,} in all")
    assert sent


class Slow:
    """A TCP client that never ends a frame, sends a byte now and then, or asks and asks and doesn't read."""

    def __init__(self, port: int, number: int) -> None:
        self.kind = number % 3
        self.rest = [bytes((byte,)) for byte in query("www.example.org", ident=number)]
        self.sock = socket.create_connection(("127.0.0.1", port), 20, source_address=(f"127.2.0.{number + 1}", 0))
        self.sock.setblocking(False)
        self.send(b"\0\x21\0" if self.kind == 0 else bytes((0, len(self.rest))) if self.kind == 1 else b"")

    def go_on(self) -> None:
        """What it does each second."""
        if self.kind == 1 and self.rest:
            self.send(self.rest.pop(0))
        elif self.kind == 2:
            packet = query("www.example.org")
            self.send((len(packet).to_bytes(2, "big") + packet) * 20_000)

    def send(self, data: bytes) -> None:
        try:
            self.sock.send(data)
        except OSError:  # its buffer is full, or the server had enough of it
            return


def resolved(port: int, name: str) -> bool:
    """Whether a resolver that asks once more after a while gets the addresses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(PATIENCE)
        for _ in range(2):
            sock.send(query(name))
            try:
                answer = sock.recv(4096)
            except TimeoutError:
                continue
            return not rcode(answer) and answer[7] > 0
    return False


def resolved_over_tcp(port: int, name: str) -> bool:
    packet = query(name)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as sock:
        sock.sendall(len(packet).to_bytes(2, "big") + packet)
        answer = read_message(sock)
    return not rcode(answer) and answer[7] > 0


def names(daemon: Daemon) -> Iterator[str]:
    """Names that exist, in no order."""
    draw = random.Random(daemon.process.pid)
    while True:
        yield f"h{draw.randrange(NAMES)}.example.org"


def test_a_flood_and_slow_clients(repo: Path, start) -> None:  # type: ignore[no-untyped-def]
    lines = "".join(f"h{at} 300 IN A 10.0.{at >> 8}.{at & 255}\n" for at in range(NAMES))
    with Repository.open(repo) as repository:
        repository.import_zone(parsed(ZONE + lines), source="large")
    daemon = start(repo, "--workers", "1")
    port, worker = daemon.port(), daemon.child("dns-0")
    asked = names(daemon)
    assert resolved(port, next(asked))
    assert resolved_over_tcp(port, next(asked))
    idle = most = memory(worker)
    count = 0
    with ExitStack() as stack:
        crowd = [Slow(port, number) for number in range(SLOW)]
        for slow in crowd:
            stack.enter_context(slow.sock)
        stack.enter_context(flood(port))
        end = time.monotonic() + LENGTH
        while time.monotonic() < end:
            for slow in crowd:
                slow.go_on()
            second = time.monotonic() + 1
            while time.monotonic() < second:
                assert resolved(port, next(asked)), f"question {count} had no answer"
                count += 1
                time.sleep(0.005)
            assert resolved_over_tcp(port, next(asked))
            most = max(most, memory(worker))
    print(f"{count} questions were answered; the worker grew by {(most - idle) / (1 << 20):.1f} MiB")
    assert most - idle < ROOM
    assert daemon.child("dns-0") == worker, "it is still the same process"
