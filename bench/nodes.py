"""zonegit under measurement: repositories made by the command, and daemons that serve or mirror them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dns_client import wait_for_serial
from material import ZoneFile
from peers import Server
from processes import Program, finished, free_port, own_program, pinned, running
from zonegit.store.lmdb import LmdbStore

NAME: Final = "zonegit"
KEY: Final = "bench"
AUDIENCE: Final = "bench-primary"
_LOADING: Final = 180.0


def version() -> str:
    return finished([own_program("zonegit"), "version"]).strip()


def repository(directory: Path) -> Path:
    """Make an empty repository."""
    finished([own_program("zonegit"), "--repo", str(directory), "init"])
    return directory


def imported(zone: ZoneFile, directory: Path) -> Path:
    """Make a repository that holds the zone."""
    finished([own_program("zonegit"), "-C", str(repository(directory)), "import", str(zone.path)])
    return directory


def objects_in(repo: Path) -> int:
    """How many objects a repository holds."""
    store = LmdbStore.open(repo, readonly=True)
    try:
        return sum(store.stat().objects.values())
    finally:
        store.close()


@contextmanager
def serving(
    repo: Path, zone: ZoneFile, cores: str | None = None, workers: int = 1, name: str = NAME
) -> Iterator[Server]:
    """Serve a repository until the block ends."""
    with begun(repo, cores, workers) as (port, program):
        wait_for_serial(port, zone.apex, zone.serial, program.check, _LOADING)
        yield Server(name, port, program.process.pid)


@contextmanager
def begun(repo: Path, cores: str | None = None, workers: int = 1) -> Iterator[tuple[int, Program]]:
    """Start a daemon, which may not answer yet, and end it with the block; its port."""
    port = free_port()
    argv = [own_program("zonegitd"), "--repo", str(repo), "--listen", f"127.0.0.1:{port}"]
    with running(pinned([*argv, "--workers", str(workers)], cores), repo.with_name(f"{repo.name}.log")) as program:
        yield port, program


def new_keys(directory: Path) -> Path:
    """A key directory with the one key that primary and secondary share."""
    directory.mkdir(mode=0o700)
    finished([own_program("zonegit"), "key", "new", KEY, "--keys", str(directory)])
    return directory


@dataclass(frozen=True, slots=True)
class Primary:
    """A daemon that serves DNS and replication."""

    dns: Server
    url: str
    program: Program


@contextmanager
def primary(repo: Path, keys: Path, zone: ZoneFile, replication_workers: int = 1) -> Iterator[Primary]:
    """Serve a repository to resolvers and secondaries until the block ends."""
    port, replication = free_port(), free_port()
    argv = [own_program("zonegitd"), "--repo", str(repo), "--keys", str(keys), "--listen", f"127.0.0.1:{port}"]
    argv += ["--replicate-listen", f"127.0.0.1:{replication}", "--replicate-name", AUDIENCE]
    argv += ["--replicate-workers", str(replication_workers)]
    with running(argv, repo.with_name(f"{repo.name}.log")) as program:
        wait_for_serial(port, zone.apex, zone.serial, program.check, _LOADING)
        yield Primary(Server(NAME, port, program.process.pid), f"http://127.0.0.1:{replication}", program)


@dataclass(frozen=True, slots=True)
class Secondary:
    """A daemon that mirrors a primary; nothing is known yet about what it answers."""

    dns: Server
    program: Program


@contextmanager
def secondary(repo: Path, keys: Path, source: Primary) -> Iterator[Secondary]:
    """Mirror a primary into a repository until the block ends."""
    port = free_port()
    argv = [own_program("zonegitd"), "--repo", str(repo), "--keys", str(keys), "--listen", f"127.0.0.1:{port}"]
    argv += ["--primary", source.url, "--primary-name", AUDIENCE, "--key", KEY]
    with running(argv, repo.with_name(f"{repo.name}.log")) as program:
        yield Secondary(Server(NAME, port, program.process.pid), program)
