"""How long a process of the daemon waits for another writer of the repository, such as `zonegit import`."""

import logging
from typing import Final

from zonegit.ops import log
from zonegit.store.writer_lock import Patience

_SECONDS: Final = 60.0


def writers_patience(logger: logging.Logger) -> Patience:
    """Logs which process it waits for; after that time, the caller tries again later."""
    return Patience(_SECONDS, lambda message: log.event(logger, message, logging.WARNING))
