"""The UDP loop of a DNS worker: receive a batch, have it answered in place, send it.

What is answered, and how, is up to `dns.udp`.
"""

import select
import socket
from collections.abc import Callable, MutableSequence, Sequence
from time import perf_counter

from zonegit.net.dns.answering import UdpAnswering
from zonegit.net.dns.batch import WAIT, Batch, open_batch
from zonegit.ops import loop_slots

Open = Callable[[socket.socket], Batch]


class UdpLoop:
    """Serves some sockets from the thread that calls `run`. `counters` are the loop's own (`ops.loop_slots`)."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        answering: UdpAnswering,
        counters: MutableSequence[int],
        opener: Open = open_batch,
    ) -> None:
        self._answering = answering
        self._counters = counters
        self._sockets = tuple(sockets)
        self._batches = {sock.fileno(): opener(sock) for sock in sockets}
        self._stopping = False

    def stop(self) -> None:
        """Answer what was received, then return from `run`. May be called from a signal handler or a thread."""
        self._stopping = True

    def run(self) -> None:
        """Serve until `stop`."""
        serve = self._serve_one if len(self._batches) == 1 else self._serve_several
        while not self._stopping:
            serve()
        self._drain()

    def _serve_one(self) -> None:
        (batch,) = self._batches.values()
        count = batch.receive(True)
        if count:
            self._answer(batch, count)

    def _serve_several(self) -> None:
        ready, _, _ = select.select(self._sockets, (), (), WAIT)
        for sock in ready:
            self._serve_now(self._batches[sock.fileno()])

    def _serve_now(self, batch: Batch) -> bool:
        count = batch.receive(False)
        if count:
            self._answer(batch, count)
        return count > 0

    def _drain(self) -> None:
        """Answer what waits in the sockets' queues, within a bound."""
        for batch in self._batches.values():
            for _ in range(256):
                if not self._serve_now(batch):
                    break

    def _answer(self, batch: Batch, count: int) -> None:
        began = perf_counter()
        dropped = self._answering.answer_udp(batch, count)
        first = 0 if dropped and dropped[0] == 0 else batch.answered[batch.offsets[0].answered]
        sent = batch.send(count, dropped)
        counters = self._counters
        if sent + len(dropped) != count:
            counters[loop_slots.UNSENT] += count - len(dropped) - sent
        loop_slots.observe(counters, count, perf_counter() - began, first)
