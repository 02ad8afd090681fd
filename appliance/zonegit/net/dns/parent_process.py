"""Asks the parents of zones in processes of their own, which end when there is nothing to ask.

Questions are hours apart, or minutes, and a process that has read the modules for them keeps 3 MB.
"""

import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from threading import Lock, Timer
from time import time
from typing import Final

from zonegit.dnssec.rollover.values import Parent
from zonegit.piped_process import exchange, serve, start

_IDLE: Final = 2.0
"""Seconds for which a process waits for the next question."""
_FAILED: Final = "no process can be started to ask it, or it was ended: {}"


class ParentProcesses:
    """As many processes as questions are asked at a time. For any threads."""

    def __init__(self) -> None:
        self._lock: Final = Lock()
        self._idle: list[subprocess.Popen[bytes]] = []
        self._timer: Timer | None = None

    def ask(self, zone: str, servers: Sequence[str]) -> Parent:
        """What `net.dns.parent.ask_parent` says. An `Ask`: it never raises."""
        try:
            process = self._taken() or start(__name__)
            answer = _answer(process, zone, servers)
        except OSError as error:
            return Parent(ceil(time()), (), _FAILED.format(error.strerror or error))
        if answer is None:
            _end(process)
            return Parent(ceil(time()), (), _FAILED.format("no answer"))
        with self._lock:
            self._idle.append(process)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = Timer(_IDLE, self.close)
            self._timer.daemon = True
            self._timer.start()
        return answer

    def close(self) -> None:
        """End the processes that have nothing to do."""
        while (process := self._taken()) is not None:
            _end(process)

    def _taken(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            return self._idle.pop() if self._idle else None


def _answer(process: subprocess.Popen[bytes], zone: str, servers: Sequence[str]) -> Parent | None:
    """None if the process died."""
    with suppress(BrokenPipeError, EOFError):
        answer: Parent = exchange(process, (zone, tuple(servers)))
        return answer
    return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(BrokenPipeError):  # what was written and not read
        process.communicate()


def main() -> None:
    """Answer the questions on the standard input, until that ends."""
    from zonegit.net.dns.parent import ask_parent

    serve(lambda asked: ask_parent(*asked))
    os._exit(0)  # a thread may still wait for a server
