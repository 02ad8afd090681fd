"""How long a process of the daemon waits while another process writes to the repository, a `zonegit import` say."""

import logging
from typing import Final

from zonegit.ops import log
from zonegit.store.writer_lock import Patience

_SECONDS: Final = 60.0


def writers_patience(logger: logging.Logger) -> Patience:
    """It logs for whom it waits; whoever has waited for that long tries again later."""
    return Patience(_SECONDS, lambda message: log.event(logger, message, logging.WARNING))
