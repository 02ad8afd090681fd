"""When the first signature of each served zone expires, found in the background, once for each version.

The search takes at most half of one processor and holds no read transaction while it pauses. Until a new version
has been searched, the result of the previous one is reported.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.model.commit import Commit
from zonegit.model.ids import ObjectId
from zonegit.model.zone import Zone
from zonegit.store.lmdb import LmdbStore
from zonegit.tree.signature_ends import FirstEnds

PATIENCE: Final = 0.25
"""Seconds that a page waits for versions that aren't searched yet: enough for all but large zones."""


class SignatureWatch:
    """`ends` may be called from any thread. `close` it before the store."""

    def __init__(self, store: LmdbStore, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._first_end = FirstEnds(_Source(store), clock, self._rest)
        self._changed = threading.Condition()
        self._found: dict[str, tuple[ObjectId, int | None]] = {}
        self._due: dict[str, ObjectId] = {}
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._began = 0.0

    def ends(self, zones: Mapping[str, ObjectId], patience: float = PATIENCE) -> Mapping[str, int]:
        """Unix seconds by zone, for those of these zones that are signed, as far as known."""
        with self._changed:
            self._found = {zone: found for zone, found in self._found.items() if zone in zones}
            self._due = {
                zone: commit
                for zone, commit in zones.items()
                if zone not in self._found or self._found[zone][0] != commit
            }
            if self._due:
                self._start()
                self._changed.wait_for(lambda: not self._due, patience)
            return {zone: end for zone, (_, end) in self._found.items() if end is not None}

    def close(self) -> None:
        """Abandon the search."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="signatures", daemon=True)
            self._thread.start()
        self._changed.notify_all()

    def _run(self) -> None:
        while not self._closed.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._closed.is_set() or self._due)
                zone, commit = next(iter(self._due.items()), ("", None))
            if commit is None:
                continue
            self._began = time.monotonic()
            try:
                end = self._end(commit)
            except _Closed:
                return
            except ZonegitError:  # the store's own alarms report it
                end = self._found.get(zone, (commit, None))[1]
            with self._changed:
                if self._due.get(zone) == commit:
                    self._found[zone] = commit, end
                    del self._due[zone]
                self._changed.notify_all()

    def _end(self, oid: ObjectId) -> int | None:
        source = _Source(self._store)
        return self._first_end(Zone.decode(source.get(Commit.decode(source.get(oid)).zone_root)).tree)

    def _rest(self) -> None:
        """Rest for as long as the work since the last rest took."""
        if self._closed.wait(time.monotonic() - self._began):
            raise _Closed
        self._began = time.monotonic()


class _Closed(Exception):
    """The daemon is stopping."""


class _Source:
    """Objects, each read in a transaction of its own."""

    def __init__(self, store: LmdbStore) -> None:
        self._store = store

    def get(self, oid: ObjectId) -> bytes:
        with self._store.read() as reader:
            return reader.get(oid)
