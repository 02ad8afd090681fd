"""Keeps the members of followed catalogs in the configuration of the daemon's processes.

The refresher process records them in the repository, and sends the supervisor `CHANGED`.
"""

import logging
import os
import signal
from collections.abc import Callable
from contextlib import closing, suppress
from time import monotonic
from typing import Final

from zonegit.errors import ZonegitError
from zonegit.ops import log
from zonegit.ops.catalog_members import with_members
from zonegit.ops.config import Config
from zonegit.repo.catalog.membership import members_here
from zonegit.store.lmdb import LmdbStore

CHANGED: Final = signal.SIGRTMIN
"""The signal that says that there are other members."""
_APART: Final = 1.0
"""Seconds between two configurations: each has all workers look at all zones again."""

_logger: Final = logging.getLogger(__name__)


def members_changed() -> None:
    """Have the supervisor of this process look at the members."""
    with suppress(ProcessLookupError):
        os.kill(os.getppid(), CHANGED)


class MemberWatch:
    """For the supervisor. `timer` is monotonic."""

    def __init__(self, timer: Callable[[], float] = monotonic) -> None:
        self._timer = timer
        self._asked = False
        self._due = timer()

    def ask(self) -> None:
        """Look at the members at the next turn that isn't too soon after the last one."""
        self._asked = True

    @property
    def wait(self) -> float | None:
        """Seconds until there is something to do; None: there is nothing."""
        return max(self._due - self._timer(), 0.0) if self._asked else None

    def turn(self, config: Config) -> Config:
        """The configuration with the members of now; the same one if nobody asked for that."""
        if not self._asked or self._timer() < self._due:
            return config
        self._due = self._timer() + _APART
        try:
            with closing(LmdbStore.open(config.repo, readonly=True)) as store, store.read() as reader:
                members = members_here(reader)
        except ZonegitError as error:
            log.event(_logger, "cannot read the members of catalogs; trying again", logging.ERROR, error=error)
            return config
        self._asked = False
        return with_members(config, members)
