"""A real `zonegitd` on ports of the kernel's choice, and the few DNS messages that its tests send."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from zonegit.auth.keyfile import new_key
from zonegit.auth.scope import parse_scope

DEADLINE = 20.0
PATIENCE = 60.0
"""Seconds until a test gives up; a machine may be that busy."""
MARK = "\0"
"""Begins what a test writes among the lines of a daemon, which are printable: all before it has been read then."""


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.01)


class Daemon:
    """`zonegitd` in a process of its own; it answers once `start` returned.

    Its processes write their lines after the event that they report, so a test waits for a line with `logged`.
    """

    def __init__(
        self, *arguments: str | Path, env: dict[str, str] | None = None, through: Sequence[str] = ()
    ) -> None:
        """`through` is a command that becomes the daemon, whose command line is put behind it."""
        self._begin([*through, sys.executable, "-m", "zonegit.daemon.main", *map(str, arguments)], env=env)

    def _begin(self, command: Sequence[str], **more: Any) -> None:
        """Start it. A thread reads the pipe that its processes log to; the other end stays open here, too."""
        reading, self._writing = os.pipe()
        self.process = subprocess.Popen(command, stderr=self._writing, **more)
        self._lines: list[str] = []
        self._last_mark = self._mark_read = 0
        self._lock = threading.Lock()
        self._marked = threading.Condition()
        self._reader = threading.Thread(target=self._read, args=(reading,))
        self._reader.start()

    @classmethod
    def start(cls, repo: Path, *arguments: str | Path) -> "Daemon":
        """A daemon that answers on a loopback port."""
        daemon = cls("--repo", repo, "--listen", "127.0.0.1:0", *arguments)
        try:
            daemon.logged("listening")  # in lines or in JSON
        except BaseException:
            daemon.stop()
            raise
        return daemon

    @property
    def log(self) -> list[str]:
        """Every line that its processes have written by now."""
        with self._lock:
            self._last_mark += 1
            mark = self._last_mark
            if self._writing >= 0:
                os.write(self._writing, f"{MARK}{mark}\n".encode())
        with self._marked:
            assert self._marked.wait_for(lambda: self._mark_read >= mark, PATIENCE)
        return list(self._lines)

    def has(self, text: str) -> bool:
        """Whether a line has this text by now. For `until`, and for `assert not`."""
        return self.count(text) > 0

    def count(self, text: str) -> int:
        """How many lines have this text by now."""
        return sum(text in line for line in self.log)

    def logged(self, text: str, seconds: float = PATIENCE) -> str:
        """Wait for a line that has this text; the first one. It fails at once where the daemon has ended."""
        deadline = time.monotonic() + seconds
        while True:
            over = self.process.poll() is not None or time.monotonic() > deadline
            lines = self.log
            for line in lines:
                if text in line:
                    return line
            assert not over, f"no {text!r} in {lines}"
            time.sleep(0.01)

    def reload(self, *names: str, by: Callable[[], object] | None = None) -> None:
        """Have it reload, by SIGHUP or by what sends one, and wait until these of its processes have done so."""
        before = self.count("]: reloaded")
        if by is None:
            self.signal(signal.SIGHUP)
        else:
            by()
        until(lambda: self.count("]: reloaded") > before, "the reload")
        self.caught_up(*names)

    def caught_up(self, *names: str) -> None:
        """Wait until these processes have handled all signals that they were sent, and logged what they did before.

        They handle the one that asks for their state last (signal(7): pending signals come by their numbers).
        """
        states = [f"zonegitd[{name}]: state " for name in names]
        before = [self.count(state) for state in states]
        due = 0.0

        def all_told() -> bool:
            nonlocal due
            if time.monotonic() >= due:  # again, where one of them wasn't there to be asked
                due = time.monotonic() + 1
                self.signal(signal.SIGUSR1)
            return all(self.count(state) > had for state, had in zip(states, before, strict=True))

        until(all_told, f"the state of {', '.join(names)} in the log")

    def port(self, name: str = "dns") -> int:
        (line,) = [line for line in self._lines if "]: listening " in line]
        match = re.search(rf" {name}=[^ ]*?:(\d+)( |,|$)", line)
        assert match, line
        return int(match[1])

    def child(self, name: str) -> int:
        """The pid of one of its processes, as a new report tells; 0 while it isn't there."""

        def states() -> list[str]:
            return [line for line in self.log if f"]: state process={name} pid=" in line]

        before = len(states())
        self.signal(signal.SIGUSR1)
        until(lambda: len(states()) > before, f"the state of {name} in the log")
        pid = states()[-1].split(" pid=")[1].split()[0]
        return 0 if pid == "None" else int(pid)

    def children(self) -> list[int]:
        """The pids of its processes at this moment; none once it has ended."""
        pid = self.process.pid
        try:
            return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def kill_child(self, name: str) -> int:
        """kill -9 of one of its processes, once it is there; which pid it had."""
        pid = 0

        def killed() -> bool:
            nonlocal pid
            pid = self.child(name)
            if pid not in self.children():  # told by an older report, and somebody else's by now
                return False
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
            return False

        until(killed, f"the process {name}")
        return pid

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
        with self._lock:
            if self._writing >= 0:
                os.close(self._writing)
                self._writing = -1
        self._reader.join(DEADLINE)
        return self.process.returncode

    def _read(self, reading: int) -> None:
        with open(reading, errors="replace") as lines:
            for line in lines:
                before, mark, number = line.rstrip("\n").rpartition(MARK)
                if before or not mark:
                    self._lines.append(before or number)
                if mark:
                    self._note(int(number))
        self._note(sys.maxsize)

    def _note(self, mark: int) -> None:
        """All is read that was written before this mark."""
        with self._marked:
            self._mark_read = mark
            self._marked.notify_all()


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
    """The answer over UDP. Of several tries each but the last waits a second: a worker that was killed may have
    taken the query."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", port))
        for left in range(tries, 0, -1):
            sock.settimeout(1 if left > 1 else DEADLINE)
            sock.send(query(name, qtype))
            try:
                return sock.recv(4096)
            except OSError:
                if left == 1:
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


def fetch(port: int, path: str, **headers: str) -> tuple[int, str, str]:
    """An HTTP port's answer: status, content type, body."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, response.headers["content-type"], response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers["content-type"], error.read().decode()


def page(daemon: Daemon, path: str) -> str:
    """What its metrics port answers."""
    where = f"http://127.0.0.1:{daemon.port('metrics')}{path}"
    with urllib.request.urlopen(where, timeout=PATIENCE) as found:
        return str(found.read().decode())


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}
