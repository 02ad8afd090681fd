"""A real `zonegitd` whose zone has a policy."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import storekit
from daemonkit import Daemon, ask, page
from zonegit.repo import Repository

ORG = "example.org"


class Node:
    """A daemon whose zone has a policy."""

    def __init__(self, repo: Path, start: Callable[..., Daemon]) -> None:
        self.repo, self._start = repo, start
        self.file = repo / "zonegitd.toml"
        self.more = ""
        """More of the configuration."""
        self.daemon: Daemon

    def start(self, *policy: str) -> None:
        self.configure(*policy)
        self.daemon = self._start(self.repo, "--config", self.file)

    def configure(self, *policy: str) -> None:
        table = [f'[zone."{ORG}.".publish]', *policy] if policy else []
        self.file.write_text("\n".join([f'{self.more}[metrics]\nlisten = "127.0.0.1:0"', *table, ""]))

    def zonegit(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "zonegit.cli.main", "--repo", str(self.repo), "--zone", ORG, *argv]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def set(self, name: str, last: int, *more: str) -> None:
        done = self.zonegit("set", name, "A", "60", f"192.0.2.{last}", *more)
        assert done.returncode == 0, done.stderr

    def answers(self, name: str, last: int) -> bool:
        return bytes([192, 0, 2, last]) in ask(self.daemon.port(), f"{name}.{ORG}", tries=3)

    def published(self) -> bool:
        return published_in(self.repo)

    def held(self, reason: str) -> float | None:
        """The metric."""
        line = rf'zonegit_publish_held{{reason="{reason}",zone="example.org."}} (.*)'
        found = re.search(line, page(self.daemon, "/metrics"))
        return float(found[1]) if found else None


def same_heads(one: Path, other: Path) -> bool:
    return storekit.heads(one) == storekit.heads(other)


def published_in(repo: Path) -> bool:
    with Repository.open(repo, readonly=True) as repository:
        return bool(repository.publications())
