"""A page's worked examples, and a shell that runs them: `$ command`, `> ` where it goes on, then what it prints."""

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from difflib import ndiff
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple, Self

from daemonkit import DEADLINE, environment

FENCE: Final = re.compile(r"^ *```([^\n]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


class Example(NamedTuple):
    """One command of a page."""

    command: str
    """With its here-document, if it has one."""
    printed: list[str]
    at: int
    """Where its block begins in the page."""


def examples(text: str) -> list[Example]:
    """The commands of a page's blocks; blocks without a line that begins with `$ ` have none."""
    found: list[Example] = []
    for block in FENCE.finditer(text):
        if not block[2].startswith("$ "):
            continue
        for line in re.sub(r"^(\$ .*)\\\n", r"\1", block[2], flags=re.MULTILINE).splitlines():
            if line.startswith("$ "):
                found.append(Example(line[2:], [], block.start()))
            elif line.startswith("> ") and not found[-1].printed:
                found[-1] = found[-1]._replace(command=f"{found[-1].command}\n{line[2:]}")
            else:
                found[-1].printed.append(line)
    return found


def alike(line: str) -> str:
    """A line without what differs from run to run: ids, times, keys, sizes, and how a tree is cut into nodes."""
    line = re.sub(r"\b[0-9a-f]{12}\b", "<id>", line)
    line = re.sub(r"\b[0-9a-f]{64}\b", "<whole id>", line)
    line = re.sub(r"\bSHA256:[\w+/]{43}", "<fingerprint>", line)
    line = re.sub(r"\bssh-ed25519 [\w+/=]{68}", "<key>", line)
    line = re.sub(r"\b[\d,]+( KiB|( of the [\d,]+)? bytes)", "<size>", line)
    line = re.sub(r"\b\d+ objects\b", "<n> objects", line)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", "<time>", line)


def unlike(wanted: list[str], found: list[str]) -> str:
    """What differs, ids and times aside; empty where nothing does."""
    both = [alike(each) for each in wanted], [alike(each) for each in found]
    return "" if both[0] == both[1] else "\n".join(ndiff(*both))


class Shell:
    """A bash in a directory, with `zonegit` in its PATH. Killed after so many seconds, with all that it started."""

    def __init__(self, home: Path, seconds: float = 4 * DEADLINE, **variables: str) -> None:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._process = subprocess.Popen(
            ["bash"],
            cwd=home,
            env=environment(PATH=path, NO_COLOR="1", **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._watch = threading.Timer(seconds, os.killpg, (self._process.pid, signal.SIGKILL))

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def run(self, command: str) -> list[str]:
        """The lines that a command prints to either output."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{command}\necho =end\n")
        process.stdin.flush()
        printed = list(takewhile(lambda each: each != "=end\n", iter(process.stdout.readline, "")))
        assert process.poll() is None, f"the shell ended at {command}"
        return [each.rstrip("\n") for each in printed]

    def __exit__(self, *_: object) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write("kill %1 %2 2> /dev/null; wait; exit\n")
            process.stdin.close()
        process.wait(DEADLINE)
        process.stdout.close()
        self._watch.cancel()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what a shell that was killed has left


class Clock:
    """The time that the `zonegit` commands of a shell see: `Shell(home, **clock.variables)`.

    Python imports `sitecustomize` before anything else, so the commands themselves are the installed ones.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        (folder / "sitecustomize.py").write_text(
            "import pathlib, time\n"
            f"_NOW = float(pathlib.Path({str(self._file)!r}).read_text())\n"
            "time.time = lambda: _NOW\n"
        )
        self.variables = {"PYTHONPATH": str(folder), "TZ": "UTC"}

    def set(self, seconds: int) -> None:
        """Let it be so many seconds after 1970."""
        self._file.write_text(str(seconds))

    def now(self) -> float:
        return float(self._file.read_text())
