"""How every process under the supervisor starts and ends.

A child is spawned with its signals blocked; they are unblocked once it has handlers. It ends with its supervisor,
whatever ended that.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from zonegit.errors import ZonegitError
from zonegit.ops import log
from zonegit.ops.config import Config
from zonegit.ops.permanent_imports import permanent_imports
from zonegit.ops.shared import FIRST_WORKER, SharedBlock

if TYPE_CHECKING:
    from zonegit.daemon.listeners import DnsSockets

BLOCKED: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGTERM)
"""Signals that are blocked until a child can handle them."""
_PR_SET_PDEATHSIG: Final = 1

_logger: Final = logging.getLogger(__name__)


def run_module(name: str, module: str, block: SharedBlock, index: int, parent: int) -> None:
    """Run `run(config, block, index)` of a module of this room, as the process `name`."""
    with permanent_imports():
        run: Callable[[Config, SharedBlock, int], None] = importlib.import_module(f"zonegit.daemon.{module}").run
    _run(name, parent, block, lambda: run(block.config(), block, index))


def run_worker(block: SharedBlock, worker: int, sockets: DnsSockets, parent: int) -> None:
    """Run a DNS worker."""
    with permanent_imports():
        from zonegit.daemon import dns_worker
    index = FIRST_WORKER + worker
    _run(f"dns-{worker}", parent, block, lambda: dns_worker.run(block.config(), block, index, sockets))


def _run(name: str, parent: int, block: SharedBlock, run: Callable[[], None]) -> None:
    log.setup(name, block.config().log)
    _end_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the supervisor decides
    for ignored in (signal.SIGHUP, signal.SIGUSR1):
        signal.signal(ignored, _ignore)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, BLOCKED)
    _allow_descriptors()
    try:
        run()
    except Exception as error:
        cause = _cause(error)
        if isinstance(cause, ZonegitError):
            _logger.error("%s", cause)
            sys.exit(cause.exit_code)
        _logger.error("terminated by an unexpected error: %s", log.described(error))
        sys.exit(1)


def _cause(error: Exception) -> Exception:
    """The first error of a group of tasks."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


def _ignore(_number: int, _frame: object) -> None:
    """For a reload or a state report before the process has either."""


def _end_with(parent: int) -> None:
    """Terminate this process when the supervisor ends, even by SIGKILL."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        sys.exit(0)


def _allow_descriptors() -> None:
    """Raise the limit on open connections to what the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
