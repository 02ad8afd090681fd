"""Reading many things at once: one version of the repository, instead of a transaction for each thing."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from zonegit.repo.context import Context
from zonegit.store.port import Reader, Store, Writer
from zonegit.tree.source import NodeCache


class Snapshot:
    """A `Store` whose reads all see the version that a reader has. It must not be read from for long."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self._store = store
        self._reader = reader

    @property
    def nodes(self) -> NodeCache:
        return self._store.nodes

    def read(self) -> AbstractContextManager[Reader]:
        return nullcontext(self._reader)

    def write(self) -> AbstractContextManager[Writer]:
        return self._store.write()

    def keeping(self) -> AbstractContextManager[None]:
        return self._store.keeping()

    def has_room(self, bytes_: int) -> bool:
        return self._store.has_room(bytes_)

    def txn_id(self) -> int:
        return self._store.txn_id()

    def close(self) -> None:
        """Nothing: the store stays open."""


@contextmanager
def one_version(context: Context) -> Iterator[Context]:
    """The repository as it is now, for reads that take some milliseconds together."""
    with context.store.read() as reader:
        yield Context.over(Snapshot(context.store, reader), context.now, context.random, context.seat)
