"""Daemons on repositories in temporary directories; every one that a test starts is ended with it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemonkit import Daemon, new_reader
from peerkit import free_ports
from repokit import ZONE, parsed
from zonegit.repo import Repository


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with the zone example.org."""
    path = tmp_path / "repo"
    with Repository.init(path) as repository:
        repository.import_zone(parsed(ZONE), source="test.zone")
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with the key k1, which may read everything."""
    return new_reader(tmp_path / "keys")


@pytest.fixture
def primary(repo: Path, keys: Path, start: Callable[..., Daemon]) -> Daemon:
    """A daemon that serves the repository to whoever has the key, as p1, at a port that another may serve it at."""
    place = f"127.0.0.1:{free_ports(1)[0]}"
    return start(repo, "--keys", keys, "--replicate-listen", place, "--replicate-name", "p1")


@pytest.fixture
def start() -> Iterator[Callable[..., Daemon]]:
    """`start(repo, "--workers", "2")` is a daemon that answers."""
    running: list[Daemon] = []

    def start(repo: Path, *arguments: str | Path) -> Daemon:
        running.append(Daemon.start(repo, *arguments))
        return running[-1]

    yield start
    for daemon in running:
        daemon.stop()
