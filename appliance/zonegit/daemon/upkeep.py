"""Housekeeping of one DNS worker of a daemon, in a thread of its own."""

import os
import signal
import threading
from collections.abc import Callable
from typing import Final

from zonegit.daemon.view_watch import ViewWatch
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.store.lmdb import LmdbStore

_READERS: Final = 60.0
"""Seconds between two checks for readers that died."""
_VIEWS: Final = 5.0
"""Seconds between two checks for missing views."""


def ask_for_views() -> None:
    """Have the supervisor start the process that makes views."""
    os.kill(os.getppid(), signal.SIGUSR2)


class Upkeep(threading.Thread):
    """Frees the store's slots of readers that died in any process, which keep old pages from being reused.

    Also asks for missing views.
    """

    def __init__(self, store: LmdbStore, config: Callable[[], Config], seldom: log.Seldom) -> None:
        super().__init__(name="upkeep", daemon=True)
        self._store = store
        self._views = ViewWatch(store, config)
        self._seldom = seldom
        self._stopped = threading.Event()

    def run(self) -> None:
        every = int(_READERS / _VIEWS)
        turn = 0
        while not self._stopped.wait(_VIEWS):
            turn += 1
            try:
                if self._views.look():
                    ask_for_views()
                if turn % every == 0:
                    self._store.reader_check()
            except Exception as error:
                self._seldom("cannot check for dead readers or missing views", error)

    def stop(self) -> None:
        self._stopped.set()
        if self.is_alive():
            self.join()
