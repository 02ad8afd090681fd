"""A peer and a clone of it, for tests of `push`, `pull` and `sync`: what happens there, and what is where."""

from contextlib import closing
from pathlib import Path

from servekit import Served
from zonegit.repo import Repository
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore

ORG = "example.org."


def there(server: Served, *argv: str | int) -> None:
    """Set www's address at the peer, or another name's."""
    name, address = argv if len(argv) == 2 else ("www", argv[0])
    with Repository.open(server.path) as repository:
        repository.set(str(name), 1, 60, [bytes([192, 0, 2, int(address)])], who="Bob <bob@example.org>")


def heads(path: Path, prefix: str = "refs/heads/") -> dict[str, bytes]:
    with closing(LmdbStore.open(path, readonly=True)) as store:
        assert fsck(store).problems == []
        with store.read() as reader:
            return dict(reader.refs(prefix))
