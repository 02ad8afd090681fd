"""`zonegit` as processes on a repository of a test's own, and what a refusal must look like."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from samekit import state

ZONEGIT = Path(sys.executable).parent / "zonegit"


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Command:
    """Runs the installed command: `command("set", "www", …)`; `stdin` is text or bytes to read."""

    repo: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Further variables of its environment."""

    def __call__(self, *argv: str | Path, stdin: str | bytes = b"") -> Answer:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        environment = {**kept, "ZONEGIT_REPO": str(self.repo), "ZONEGIT_AUTHOR": "Ada <ada@example.org>"}
        environment |= self.more
        data = stdin.encode() if isinstance(stdin, str) else stdin
        done = subprocess.run([ZONEGIT, *argv], env=environment, input=data, capture_output=True, timeout=60)
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    def refused(self, code: int, told: str, *argv: str | Path, stdin: str | bytes = b"") -> None:
        """A call that exits with `code`, says this in one line, and leaves the repository as it was."""
        before = state(self.repo)
        answer = self(*argv, stdin=stdin)
        assert (answer.code, answer.out) == (code, ""), answer
        assert answer.err.startswith("zonegit: ")
        assert answer.err.count("\n") == 1, answer
        assert told in answer.err, answer
        assert state(self.repo) == before

    def copy(self, to: Path) -> "Command":
        """The same on a copy of the repository."""
        return Command(Path(shutil.copytree(self.repo, to)))
