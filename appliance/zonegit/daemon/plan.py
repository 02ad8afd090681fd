"""The processes that a configuration asks for, and the arguments that each is started with."""

import os
from typing import Final

from zonegit.daemon import channels, child_entry
from zonegit.daemon.child_process import Child
from zonegit.daemon.listeners import Listeners
from zonegit.ops import shared
from zonegit.ops.config import Config
from zonegit.ops.shared import FIRST_WORKER, HTTP, NOTIFIER, PUBLISHER, PULLER, SUPERVISOR, SharedBlock

_ANSWERS: Final = 100
_BESIDE: Final = 400
"""Added to the oom_score_adj of a process that answers DNS, and of any other one. When memory runs out, the kernel
kills replication before DNS, and both before the supervisor, which restarts them."""


class Plan:
    """The processes of one daemon, whose memory and sockets they share."""

    def __init__(self, block: SharedBlock, listeners: Listeners, pairs: channels.Channels) -> None:
        self._block = block
        self._bare = block.without_listeners()
        self._listeners = listeners
        self._channels = pairs

    def children(self, config: Config, *, published: bool, transferred: bool) -> list[Child]:
        """The permanent processes, none of them started.

        `published`: whether zones have published versions; `transferred`: whether zones were transferred in.
        """
        planned = [self._worker(number) for number in range(config.dns.workers)]
        if self._listeners.http:
            planned.append(_module("http", "http", self._sending(self._block, HTTP), HTTP))
            block = self._block.with_listener("replication")  # the others serve that one, and no metrics
            for number, index in enumerate(block.http[1:], 1):
                planned.append(_module(f"http-{number}", "http", self._sending(block, index), index))
        others = (
            self.puller(config),
            self.notifier(config),
            self.publisher(config, published=published),
            self.updater(config),
            self.refresher(config, transferred=transferred),
        )
        return planned + [each for each in others if each is not None]

    def puller(self, config: Config) -> Child | None:
        """The process that exchanges zones with peers, if any are configured."""
        return _module("puller", "puller", self._bare, PULLER) if config.called else None

    def notifier(self, config: Config) -> Child | None:
        """The process that notifies other name servers, if any are to be notified."""
        return _module("notifier", "notifier", self._bare, NOTIFIER) if config.notifies else None

    def publisher(self, config: Config, *, published: bool = False) -> Child | None:
        """The process that publishes what passes the policies of zones, if any zone has a policy, or had one."""
        if not (config.publishes or published):
            return None
        return _module("publisher", "publisher", self._bare, PUBLISHER)

    def updater(self, config: Config) -> Child | None:
        """The process that applies UPDATE messages, if any zone takes them."""
        return self._receiving(channels.UPDATER, shared.UPDATER) if config.takes_updates else None

    def refresher(self, config: Config, *, transferred: bool = False) -> Child | None:
        """The process that transfers zones in, if any zone has primaries, or had some, and that makes catalogs."""
        if not (config.transfers_in or transferred or config.made_catalogs):
            return None
        return self._receiving(channels.REFRESHER, shared.REFRESHER)

    def views(self) -> Child:
        """The process that makes missing views, and ends."""
        return _module("views", "views", self._bare, SUPERVISOR)

    def _worker(self, number: int) -> Child:
        def arguments() -> tuple[object, ...]:
            sockets = self._listeners.workers[number]  # looked up at each start, since they may have been reopened
            return block, number, sockets, os.getpid()

        index = FIRST_WORKER + number
        block = self._sending(self._bare, index)
        return Child(f"dns-{number}", index, child_entry.run_worker, arguments, _ANSWERS)

    def _sending(self, block: SharedBlock, index: int) -> SharedBlock:
        """The block for a process that passes requests on."""
        return block.with_channels(self._channels.sending(index))

    def _receiving(self, name: str, index: int) -> Child:
        """A process that receives the requests of the others, and that the module of the same name runs."""
        return _module(name, name, self._bare.with_channels(self._channels.receiving(name)), index)


def _module(name: str, module: str, block: SharedBlock, index: int) -> Child:
    """A process that runs the `run` of a module of this room."""
    arguments = (name, module, block, index, os.getpid())
    return Child(name, index, child_entry.run_module, lambda: arguments, _BESIDE)
