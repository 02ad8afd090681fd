"""Run the commands of `make demo`, print them, and check their output."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from nodes import BIN, ROOT

SECONDS = 20.0
"""Longest duration of a command, and longest wait for an expected output."""


class Tour:
    """Runs commands in a directory and checks their output."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.steps = 0
        self.left_out: list[str] = []
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}{os.pathsep}/usr/sbin"
        self._env = {**os.environ, "PATH": path, "NO_COLOR": "1", "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}
        self._env.pop("ZONEGIT_REPO", None)

    def step(self, title: str) -> None:
        self.steps += 1
        print(f"\n## {self.steps}. {title}")

    def run(self, command: str, *expected: str, unexpected: str | None = None, code: int = 0) -> str:
        """Run a command line; its output must match each regular expression, and not `unexpected`."""
        print(f"\n$ {command}")
        answer, found_code = self._answer(command)
        print("\n".join(f"  {line}" for line in answer.splitlines()[:14]), flush=True)
        if found_code != code:
            raise SystemExit(f"demo: exit code {found_code} instead of {code}")
        self._hold(answer, expected, unexpected)
        return answer

    def soon(self, command: str, *expected: str, seconds: float = SECONDS) -> float:
        """Repeat a command until its output is as expected; returns the seconds it took."""
        began = time.monotonic()
        while not all(re.search(pattern, self._answer(command)[0], re.MULTILINE) for pattern in expected):
            if time.monotonic() - began > seconds:
                raise SystemExit(f"demo: `{command}` did not come to show {expected} within {seconds} s")
            time.sleep(0.02)
        took = time.monotonic() - began
        self.run(command, *expected)
        return took

    def has(self, program: str) -> bool:
        """Whether a program is installed; otherwise its steps are skipped."""
        if shutil.which(program, path=self._env["PATH"]):
            return True
        self.left_out.append(program)
        return False

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

    def _answer(self, command: str) -> tuple[str, int]:
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self.home, env=self._env, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr, done.returncode

    def _hold(self, answer: str, expected: tuple[str, ...], unexpected: str | None) -> None:
        for pattern in expected:
            if not re.search(pattern, answer, re.MULTILINE):
                raise SystemExit(f"demo: expected {pattern!r}")
        if unexpected and re.search(unexpected, answer, re.MULTILINE):
            raise SystemExit(f"demo: did not expect {unexpected!r}")


def free_ports(count: int) -> list[int]:
    """Ports that are currently free for both UDP and TCP."""
    with ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            tcp = stack.enter_context(socket.socket())
            tcp.bind(("127.0.0.1", 0))
            udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            port = int(tcp.getsockname()[1])
            try:
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
        return found
