"""The UDP loop of a DNS worker: receive a batch, answer each message, send the batch.

Most messages end in one dict lookup: the query's bytes after the id are the key, the answer's bytes after the id
the value. The others are answered straight, if they can be; what is left goes the long way.
"""

import select
import socket
from collections.abc import Callable, MutableSequence, Sequence
from time import perf_counter

from zonegit.dns.message import Transport
from zonegit.dns.stats import CACHE_PACKET, DROPPED_RATE, SLIPPED, plane
from zonegit.net.answering import Answering
from zonegit.net.batch import WAIT, Batch, open_batch
from zonegit.ops import loop_slots

Open = Callable[[socket.socket], Batch]


class UdpLoop:
    """Serves some sockets from the thread that calls `run`.

    `stats` is the row that answering counts in (`dns.stats`), `counters` the loop's own (`ops.loop_slots`). A slice
    of `stats` must be of the same memory.
    """

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        answering: Answering,
        stats: MutableSequence[int],
        counters: MutableSequence[int],
        opener: Open = open_batch,
    ) -> None:
        self._answering = answering
        self._stats = stats
        self._counters = counters
        self._sockets = tuple(sockets)
        self._batches = {sock.fileno(): (opener(sock), stats[_plane(sock) :]) for sock in sockets}
        """Each with where answers to its family are counted by slot."""
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
        ((batch, answers),) = self._batches.values()
        count = batch.receive(True)
        if count:
            self._answer(batch, answers, count)

    def _serve_several(self) -> None:
        ready, _, _ = select.select(self._sockets, (), (), WAIT)
        for sock in ready:
            self._serve_now(*self._batches[sock.fileno()])

    def _serve_now(self, batch: Batch, answers: MutableSequence[int]) -> bool:
        count = batch.receive(False)
        if count:
            self._answer(batch, answers, count)
        return count > 0

    def _drain(self) -> None:
        """Answer what lies in the sockets' queues, within a bound."""
        for batch, answers in self._batches.values():
            for _ in range(256):
                if not self._serve_now(batch, answers):
                    break

    def _answer(self, batch: Batch, answers: MutableSequence[int], count: int) -> None:
        began = perf_counter()
        answering = self._answering
        answering.check()
        lookup = answering.cache.get
        straight, dressed = answering.straight, answering.dressed
        rate = answering.rate
        buffer, received, answered = batch.buffer, batch.received, batch.answered
        dropped: list[int] = []
        missed = 0
        for index, start, body, got, put in batch.places[:count]:
            query = buffer[body : start + received[got]]
            found = lookup(query)
            if found is None:
                if not missed:
                    answering.begin()
                missed += 1
                found = straight(query) or dressed(query, batch.client(index))
            if found is not None:
                tail, slot = found
                answers[slot] += 1
            else:
                answer = answering.respond_udp(buffer[start : start + received[got]], batch.client(index))
                if answer is None:
                    dropped.append(index)
                    continue
                tail = answer[2:]
            if rate is not None:
                tail = self._limited(rate(query, tail, batch.client(index)), tail)
                if not tail:
                    dropped.append(index)
                    continue
            size = 2 + len(tail)
            buffer[body : start + size] = tail
            answered[put] = size
        answering.done()
        first = 0 if dropped and dropped[0] == 0 else answered[batch.places[0].answered]
        sent = batch.send(count, dropped)
        counters = self._counters
        self._stats[CACHE_PACKET] += count - missed
        if sent + len(dropped) != count:
            counters[loop_slots.UNSENT] += count - len(dropped) - sent
        loop_slots.observe(counters, count, perf_counter() - began, first)

    def _limited(self, kept: bytes | None, tail: bytes) -> bytes:
        """What limiting rates left of a response, counted; empty when that is nothing."""
        if kept is None:
            self._stats[DROPPED_RATE] += 1
            return b""
        if kept is not tail:
            self._stats[SLIPPED] += 1
        return kept


def _plane(sock: socket.socket) -> int:
    """What is added to a slot of the cache for clients of this socket; all others are counted where answered."""
    return plane(Transport.UDP, bytes(16 if sock.family == socket.AF_INET6 else 4))
