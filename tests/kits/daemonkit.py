"""A real `zonegitd` on ports of the kernel's choice, and the few DNS messages that its tests send."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope

DEADLINE = 20.0
PATIENCE = 60.0
"""Seconds until a test gives up; a machine may be that busy."""


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.01)


class Daemon:
    """`zonegitd` in a process of its own. `log` has its lines; it answers once `start` returned."""

    def __init__(
        self, *arguments: str | Path, env: dict[str, str] | None = None, through: Sequence[str] = ()
    ) -> None:
        """`through` is a command that becomes the daemon, whose command line is put behind it."""
        self.log: list[str] = []
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", "zonegit.daemon.main", *map(str, arguments)],
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @classmethod
    def start(cls, repo: Path, *arguments: str | Path) -> "Daemon":
        """A daemon that answers on a loopback port."""
        daemon = cls("--repo", repo, "--listen", "127.0.0.1:0", *arguments)
        try:
            until(lambda: daemon.has("listening") or daemon.process.poll() is not None, "listening")
            assert daemon.has("listening"), daemon.log
        except BaseException:
            daemon.stop()
            raise
        return daemon

    def has(self, text: str) -> bool:
        return any(text in line for line in list(self.log))

    def port(self, name: str = "dns") -> int:
        (line,) = [line for line in self.log if "]: listening " in line]
        match = re.search(rf" {name}=[^ ]*?:(\d+)( |,|$)", line)
        assert match, line
        return int(match[1])

    def child(self, name: str) -> int:
        """The pid of one of its processes, as a new report tells; 0 while it isn't there."""

        def states() -> list[str]:
            return [line for line in list(self.log) if f"]: state process={name} pid=" in line]

        before = len(states())
        self.signal(signal.SIGUSR1)
        until(lambda: len(states()) > before, f"the state of {name} in the log")
        pid = states()[-1].split(" pid=")[1].split()[0]
        return 0 if pid == "None" else int(pid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it with SIGTERM, with SIGKILL after a while; its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join(DEADLINE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return self.process.returncode

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))


def new_reader(directory: Path, kid: str = "k1") -> Path:
    """Make a key there that may read everything; the directory."""
    new_key(directory, kid, (parse_scope("read:*"),), time.time, os.urandom)
    return directory


def secondary_of(primary: Daemon, keys: Path, *more: str | Path, kid: str = "k1") -> list[str | Path]:
    """The arguments of a secondary of p1."""
    url = f"http://127.0.0.1:{primary.port('replication')}"
    where: list[str | Path] = ["--primary", url, "--primary-name", "p1", "--key", kid, "--keys", keys]
    return [*where, "--pull-interval", "1s", *more]


def query(name: str, qtype: int = 1, ident: int = 7) -> bytes:
    """A query without EDNS, RD off."""
    labels = b"".join(bytes((len(part),)) + part.encode() for part in name.rstrip(".").split(".") if part)
    return ident.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\0" + labels + b"\0" + qtype.to_bytes(2, "big") + b"\0\1"


def rcode(answer: bytes) -> int:
    return answer[3] & 15


def ask(port: int, name: str, qtype: int = 1, tries: int = 1) -> bytes:
    """The answer over UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        sock.settimeout(DEADLINE if tries == 1 else 1)
        for last in (*[False] * (tries - 1), True):
            sock.send(query(name, qtype))
            try:
                return sock.recv(4096)
            except OSError:
                if last:
                    raise
    raise AssertionError


def ask_tcp(port: int, *packets: bytes) -> list[bytes]:
    """The answers over one TCP connection, asked in one write."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as sock:
        sock.sendall(b"".join(len(packet).to_bytes(2, "big") + packet for packet in packets))
        return [read_message(sock) for _ in packets]


def read_message(sock: socket.socket) -> bytes:
    size = int.from_bytes(_exactly(sock, 2), "big")
    return _exactly(sock, size)


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        assert part, "the connection was closed"
        data += part
    return bytes(data)


def serial_of(port: int, zone: str) -> int:
    """The serial in the SOA that is served for a zone."""
    answer = ask(port, zone, 6)
    assert rcode(answer) == 0, f"rcode {rcode(answer)} for {zone}"
    return int.from_bytes(answer[-20:-16], "big")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}
