"""Which processes a configuration asks for, and what each of them is handed when it is started."""

import os
from typing import Final

from zonegit.daemon import child
from zonegit.daemon.listeners import Listeners
from zonegit.daemon.processes import Child
from zonegit.ops.config import Config
from zonegit.ops.shared import FIRST_WORKER, HTTP, NOTIFIER, PULLER, SUPERVISOR, SharedBlock

_ANSWERS: Final = 100
_BESIDE: Final = 400
"""How much sooner than the supervisor the kernel ends a process that answers DNS, and any other one, where
memory is out: replication goes before answers, and all go before what starts them again."""


class Plan:
    """The processes of one daemon, whose memory and sockets they share."""

    def __init__(self, block: SharedBlock, listeners: Listeners) -> None:
        self._block = block
        self._bare = block.without_listeners()
        self._listeners = listeners

    def children(self, config: Config) -> list[Child]:
        """All that stay for as long as the daemon runs, none of them started."""
        planned = [self._worker(number) for number in range(config.dns.workers)]
        if self._listeners.http:
            planned.append(_module("http", "http", self._block, HTTP))
            shared = self._block.with_listener("replication")  # more of them serve that, and no metrics
            planned += [_module(f"http-{n}", "http", shared, index) for n, index in enumerate(shared.http[1:], 1)]
        return planned + [each for each in (self.puller(config), self.notifier(config)) if each is not None]

    def puller(self, config: Config) -> Child | None:
        """What mirrors the primary, if there is one."""
        return _module("puller", "puller", self._bare, PULLER) if config.primary is not None else None

    def notifier(self, config: Config) -> Child | None:
        """What tells other name servers, if any are to be told."""
        return _module("notifier", "notifier", self._bare, NOTIFIER) if config.notifies else None

    def views(self) -> Child:
        """What makes missing views, and ends."""
        return _module("views", "views", self._bare, SUPERVISOR)

    def _worker(self, number: int) -> Child:
        def arguments() -> tuple[object, ...]:
            return (
                self._bare,
                number,
                self._listeners.workers[number],
                os.getpid(),
            )  # those of now: they are reopened

        return Child(f"dns-{number}", FIRST_WORKER + number, child.run_worker, arguments, _ANSWERS)


def _module(name: str, module: str, block: SharedBlock, index: int) -> Child:
    """A process that is the `run` of a module of this room."""
    arguments = (name, module, block, index, os.getpid())
    return Child(name, index, child.run_module, lambda: arguments, _BESIDE)
