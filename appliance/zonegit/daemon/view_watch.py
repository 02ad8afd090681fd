"""Finds served heads without a view. An import that was killed, or ran out of space, leaves such a head."""

from collections.abc import Callable, Iterable
from typing import Final

from zonegit.daemon.views import lacking, missing
from zonegit.model.refs import RefKind, RefName, parse
from zonegit.ops.config import Config
from zonegit.store.port import Reader, Store
from zonegit.store.served import served_ref

_KINDS: Final = (RefKind.HEAD, RefKind.PUBLISHED)


class ViewWatch:
    """Checks the heads that moved since the last check; the first check reads all heads."""

    def __init__(self, store: Store, config: Callable[[], Config]) -> None:
        self._store = store
        self._config = config
        self._seq: int | None = None
        self._lacked: set[RefName] = set()
        """Heads first seen without a view at the last check: the process that moved them may still be making it."""

    def look(self) -> bool:
        """Whether a head lacked a view at two checks in a row. Reported once: the maker of views retries."""
        config = self._config()
        with self._store.read() as reader:
            moved = reader.moved_since(self._seq) if self._seq is not None else None
            self._seq = reader.seq
            found = missing(config, reader) if moved is None else _served(config, reader, moved)
        if moved is not None:
            found = lacking(self._store, found)
        still = set(lacking(self._store, self._lacked))
        self._lacked = set(found) - still
        return bool(still)


def _served(config: Config, reader: Reader, names: Iterable[RefName]) -> list[RefName]:
    refs = [parse(name) for name in names]
    return [
        served_ref(reader, ref.zone, ref.name)
        for ref in refs
        if ref.kind in _KINDS and config.serves(ref.zone) and ref.name in config.zone(ref.zone).branches
    ]
