"""Run the commands of `make demo`, print them as an operator types them, and check what they answer."""

import os
import random
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from contextlib import ExitStack, suppress
from pathlib import Path
from string import Template
from typing import Final, NamedTuple, Self

from nodes import BIN, ROOT

SECONDS: Final = 30.0
"""Longest duration of a command, and longest wait for an expected output or for a server that starts."""
LINES: Final = 20
"""How many lines of an output are printed."""
LAST_LINES: Final = 10
"""How many lines of each log are printed if the demo fails."""
LOWEST_PORT: Final = 10_000


class DidNotStartError(SystemExit):
    """A server ended before it was ready, or took too long."""


class Reply(NamedTuple):
    """The output of a command that was repeated, and the seconds until it was as expected."""

    text: str
    seconds: float


class Server:
    """A server that runs in the background, with its log in a file."""

    def __init__(self, command: str, home: Path, log: Path, env: dict[str, str]) -> None:
        with log.open("w") as file:
            self._process = subprocess.Popen(
                ["bash", "-c", f"exec {command}"], cwd=home, env=env, stdout=file, stderr=file
            )
        self._log = log
        self.pid = self._process.pid

    def wait_for(self, line: str) -> bool:
        """Wait until a line of the log matches; False if the server ends first, or takes too long."""
        deadline = time.monotonic() + SECONDS
        while not re.search(line, self._log.read_text(errors="replace"), re.MULTILINE):
            if self._process.poll() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def stop(self) -> None:
        """Stop it with SIGTERM, and wait until it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(SECONDS)


class Tour:
    """Runs commands in a directory and checks their output. Leaving it stops the servers that it started."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.steps = 0
        self.commands = 0
        self.skipped: list[str] = []
        self._running = ExitStack()
        self._ports: set[int] = set()
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
        self._env = {**os.environ, "PATH": path, "PWD": str(home), "NO_COLOR": "1"}
        self._env |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_CACHE_DIR": "1"}
        for name in ("ZONEGIT_AUTHOR", "ZONEGIT_REPO", "PYTHONDONTWRITEBYTECODE"):
            self._env.pop(name, None)
        self._bold, self._plain = ("\033[1m", "\033[0m") if _has_colors() else ("", "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._running.close()
        if kind is not None and issubclass(kind, SystemExit):
            for log in sorted(self.home.glob("*.log")):
                _print_end(log)

    def step(self, title: str, text: str) -> None:
        """Begin a step: what it is, and what it shows."""
        self.steps += 1
        print(f"\n\n{self._bold}## {self.steps}. {title}{self._plain}\n{text}")

    def note(self, text: str) -> None:
        """Print what was found out from several answers."""
        print(f"\n-> {text}", flush=True)

    def export(self, name: str, value: str) -> None:
        """Set a variable for the commands that follow. `value` may contain variables, as in `$PATH`."""
        print(f'\n$ export {name}="{value}"')
        self._env[name] = Template(value).substitute(self._env)

    def run(
        self, command: str, *expected: str, unexpected: str | None = None, code: int = 0, lines: int = LINES
    ) -> str:
        """Run a command, and print so many lines of its output; returns all of it.

        The output must match each regular expression, and not `unexpected`; the exit code must be `code`.
        """
        self._print_command(command)
        answer, found_code = self._answer(command)
        _print_answer(answer, lines)
        if found_code != code:
            raise SystemExit(f"demo: `{command}` exited with {found_code} instead of {code}")
        if code:
            print(f"  [exit code {code}]")
        for pattern in expected:
            if not re.search(pattern, answer, re.MULTILINE):
                raise SystemExit(f"demo: `{command}` did not print {pattern!r}")
        if unexpected and re.search(unexpected, answer, re.MULTILINE):
            raise SystemExit(f"demo: `{command}` printed {unexpected!r}")
        return answer

    def soon(self, command: str, *expected: str, seconds: float = SECONDS) -> Reply:
        """Repeat a command until its output matches each regular expression."""
        self._print_command(command)
        began = time.monotonic()
        while True:
            answer, _ = self._answer(command)
            reply = Reply(answer, time.monotonic() - began)
            if reply.seconds > seconds or all(re.search(pattern, answer, re.MULTILINE) for pattern in expected):
                break
            time.sleep(0.05)
        _print_answer(answer)
        if reply.seconds > seconds:
            raise SystemExit(f"demo: `{command}` did not print {expected} within {seconds:g} s")
        return reply

    def write(self, name: str, text: str, *, append: bool = False) -> None:
        """Write a file, or append to it."""
        self.run(f"cat {'>>' if append else '>'} {name} <<'END'\n{text.strip()}\nEND")

    def start(self, name: str, command: str, ready: str = r"\]: listening ") -> Server:
        """Start a server, and wait until its log has a line that it is ready."""
        self._print_command(f"{command} 2> {name}.log &")
        server = Server(command, self.home, self.home / f"{name}.log", self._env)
        self._running.callback(server.stop)
        if not server.wait_for(ready):
            raise DidNotStartError(f"demo: {name} did not start")
        return server

    def stop(self, server: Server) -> None:
        """Stop a server, and wait until it has ended."""
        self.run(f"kill {server.pid}")
        server.stop()

    def free_ports(self, count: int) -> list[int]:
        """Ports that are free for both UDP and TCP, and below those that the kernel gives to clients (ip(7))."""
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        found: list[int] = []
        with ExitStack() as stack:
            while len(found) < count:
                port = random.randrange(LOWEST_PORT, max(first, 2 * LOWEST_PORT))
                if port in self._ports:
                    continue
                with suppress(OSError):  # another program has it
                    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                        stack.enter_context(socket.socket(type=kind)).bind(("127.0.0.1", port))
                    found.append(port)
                    self._ports.add(port)
        return found

    def has(self, program: str) -> bool:
        """Whether a program is installed; if not, what needs it is skipped."""
        if shutil.which(program, path=self._env["PATH"]):
            return True
        self.skip(program, "is not installed")
        return False

    def skip(self, program: str, reason: str) -> None:
        """Say that what needs a program is skipped, and why."""
        self.note(f"skipped: {program} {reason}")
        self.skipped.append(f"{program} {reason}")

    def replace_dig(self) -> None:
        """If dig isn't installed, put `dig.py` in its place."""
        if shutil.which("dig", path=self._env["PATH"]):
            return
        print("demo: there is no dig here; examples/dig.py stands in for it")
        command = shlex.join((sys.executable, str(ROOT / "examples" / "dig.py")))
        stand_in = self.home / "bin" / "dig"
        stand_in.parent.mkdir()
        stand_in.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        stand_in.chmod(0o755)
        self._env["PATH"] = f"{stand_in.parent}{os.pathsep}{self._env['PATH']}"

    def _print_command(self, command: str) -> None:
        self.commands += 1
        print(f"\n{self._bold}$ {command}{self._plain}", flush=True)

    def _answer(self, command: str) -> tuple[str, int]:
        try:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", command],
                cwd=self.home, env=self._env, capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise SystemExit(f"demo: `{command}` took more than {SECONDS:g} s") from None
        return done.stdout + done.stderr, done.returncode


def _has_colors() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _print_end(log: Path) -> None:
    lines = deque(log.read_text(errors="replace").splitlines(), LAST_LINES)
    print(f"\nThe last lines of {log.name}:", *lines, sep="\n  ", flush=True)


def _print_answer(answer: str, most: int = LINES) -> None:
    lines = answer.rstrip().splitlines()
    for line in lines[:most]:
        print(f"  {line}" if line else "")
    if len(lines) > most:
        print(f"  ... {len(lines) - most} more lines")
    sys.stdout.flush()
