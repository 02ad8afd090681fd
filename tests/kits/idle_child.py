"""Children that do nothing well or end badly; in a module of its own, since a child must be able to import it."""

import signal
import sys


def idle() -> None:
    while True:
        signal.pause()


def fail() -> None:
    sys.exit(3)
