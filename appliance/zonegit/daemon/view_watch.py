"""Notices served heads that lack their view: an import that was killed, or found no room, leaves one so."""

from collections.abc import Callable, Iterable

from zonegit.daemon.views import lacking, missing
from zonegit.model.refs import RefKind, RefName, parse
from zonegit.ops.config import Config
from zonegit.store.port import Store


class ViewWatch:
    """A look costs as much as what moved since the last one; the first looks at all heads."""

    def __init__(self, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config
        self._seq: int | None = None
        self._lacked: set[RefName] = set()
        """Those that lacked a view at the last look: whoever moved them may be making it."""

    def look(self) -> bool:
        """Whether a view is to be made. Each head is told of once; who makes views goes on until it has one."""
        config = self._config()
        with self._store.read() as reader:
            moved = reader.moved_since(self._seq) if self._seq is not None else None
            self._seq = reader.seq
            found = missing(config, reader) if moved is None else None
        if found is None:
            found = lacking(self._store, _served(config, moved or ()))
        still = set(lacking(self._store, self._lacked))
        self._lacked = set(found) - still
        return bool(still)


def _served(config: Config, names: Iterable[RefName]) -> list[RefName]:
    refs = [parse(name) for name in names]
    return [
        ref.full
        for ref in refs
        if ref.kind is RefKind.HEAD and config.serves(ref.zone) and ref.name in config.zone(ref.zone).branches
    ]
