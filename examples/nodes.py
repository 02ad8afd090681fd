"""Start and stop `zonegitd` for `make run`, with the commands of the current environment."""

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
ZONES = [ROOT / "examples" / f"{zone}.zone" for zone in ("example.org", "2.0.192.in-addr.arpa", "tld.example")]
START_SECONDS = 20.0


def zonegit(repo: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run `zonegit --repo repo …` and return its output."""
    command = [BIN / "zonegit", "--repo", repo, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)


class Node:
    """One `zonegitd`. Its log goes to stderr, each line after its name. Entering it waits until it answers."""

    def __init__(self, name: str, *arguments: str | Path) -> None:
        self.name = name
        self._listening = threading.Event()
        self.addresses: dict[str, str] = {}
        self._process = subprocess.Popen([BIN / "zonegitd", *arguments], stderr=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        deadline = time.monotonic() + START_SECONDS
        while not self._listening.wait(0.05):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise SystemExit(f"{self.name} did not start; its last lines above say why")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait(self) -> int:
        """Wait until it exits; returns its exit code."""
        return self._process.wait()

    def stop(self) -> None:
        """Stop it with SIGTERM; it answers pending requests first."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(30)
        self._reader.join(5)

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as lines:
            for line in lines:
                if "]: listening " in line:
                    self.addresses = dict(re.findall(r"(\w+)=(\S+)", line))
                    self._listening.set()
                print(f"{self.name:>9} | {line}", end="", file=sys.stderr, flush=True)
