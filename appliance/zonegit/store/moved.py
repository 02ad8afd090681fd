"""Heads and tags that moved between two looks, by the ref index: as much work as moved, however many there are."""

from typing import Final, cast

from zonegit.errors import CorruptStore
from zonegit.model.ids import ObjectId
from zonegit.model.refs import RefName
from zonegit.store.reader import StoreReader
from zonegit.store.refindex import RefIndex, index_key
from zonegit.store.tables import WriteTables
from zonegit.store.writer import Cells

_PREFIXES: Final = ("refs/heads/", "refs/tags/")


class MovedRefs:
    """Remembers all refs of the last look. The index knows refs by hashes, so a name that is new has to be read."""

    def __init__(self) -> None:
        self._digests: dict[int, bytes] | None = None
        """Of each bucket; None while nothing can be compared."""
        self._known: dict[int, dict[bytes, tuple[RefName, ObjectId]]] = {}

    def look(self, reader: StoreReader) -> dict[RefName, ObjectId | None] | None:
        """What moved since the last look, and to where; None: anything may have, so `take` all refs."""
        before, self._digests = self._digests, None
        if before is None:
            return None
        moved: dict[RefName, ObjectId | None] = {}
        try:
            index = _index(reader)
            digests = _digests(index)
            for prefix in digests.keys() | before.keys():
                if digests.get(prefix) == before.get(prefix):
                    continue
                known, now = self._known.setdefault(prefix, {}), index.bucket(prefix)
                if not now.keys() <= known.keys():
                    return None
                for key, (name, tip) in list(known.items()):
                    found = now.get(key)
                    if found is None:
                        moved[name] = None
                        del known[key]
                    elif found != tip:
                        moved[name] = found
                        known[key] = name, found
        except CorruptStore:
            return None
        self._digests = digests
        return moved

    def take(self, reader: StoreReader) -> None:
        """Remember all refs as they are now."""
        self._known = {}
        for prefix in _PREFIXES:
            for name, tip in reader.refs(prefix, lambda _: None):
                key = index_key(name)
                self._known.setdefault(key[0], {})[key] = name, tip
        try:
            self._digests = _digests(_index(reader))
        except CorruptStore:
            self._digests = None  # `zonegit reindex` makes it again; until then all refs are read each time


def _index(reader: StoreReader) -> RefIndex:
    return RefIndex(Cells(cast(WriteTables, reader.tables)))  # which is only read


def _digests(index: RefIndex) -> dict[int, bytes]:
    return {bucket.prefix: bucket.digest for bucket in index.buckets()}
