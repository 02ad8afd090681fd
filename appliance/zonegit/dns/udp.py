"""Answers batches of UDP queries in place, and says in which order the four ways to answer are tried.

1. The packet cache (`cache`): a query that came before, identical except for its id. One look-up in a dict.
2. The fast path (`fastpath.answer`): common questions, from bytes to bytes.
3. The fast path again (`fastpath.normalize`) for a query with a cookie or in random case.
4. The slow path, which can answer everything: `dispatch` and `responder`. An UPDATE goes to another process
   instead, and is answered when that has applied it (`recipient`).

Each of the first three gives the slow path's bytes, or nothing. Only their responses are counted here: the slow
path counts its own.
"""

from collections.abc import Callable, MutableSequence, Sequence
from typing import NamedTuple, Protocol

from zonegit.dns.fastpath.packet_cache import Entry
from zonegit.dns.recipient import Recipient, is_update
from zonegit.dns.stats import CACHE_PACKET, DROPPED_RATE, SLIPPED, plane
from zonegit.dns.wire.message import Transport

SlowPath = Callable[[bytes, bytes], bytes | None]
"""`(packet, client)`: the response, or None for none. Both with their ids."""
Limit = Callable[[bytes, bytes, bytes], bytes | None]
"""`(query, response, client)`: what to send for a response, all without their ids; None for nothing."""


class Offsets(NamedTuple):
    """Where a batch has one message: offsets into its buffer, indices into `received` and `answered`."""

    number: int
    start: int
    body: int
    """`start` + 2: after the id."""
    received: int
    answered: int
    client: int
    client_end: int
    """Where the client's address ends in `Batch.addresses`."""


class Batch(Protocol):
    """Messages in one buffer, each a query that its response replaces. Ids stay where they are."""

    @property
    def buffer(self) -> "Buffer": ...

    @property
    def received(self) -> Sequence[int]:
        """At `Offsets.received`: the size of the query."""
        ...

    @property
    def answered(self) -> MutableSequence[int]:
        """At `Offsets.answered`: to be set to the size of the response, id included."""
        ...

    @property
    def offsets(self) -> tuple[Offsets, ...]:
        """Of all messages that fit."""
        ...

    @property
    def address_size(self) -> int:
        """4 or 16: bytes of the clients' addresses."""
        ...

    @property
    def addresses(self) -> "Buffer":
        """From `Offsets.client` on: the address that a message came from."""
        ...

    def recipient(self, index: int) -> Recipient:
        """Where to send the response to a message if it isn't known yet. It outlives the batch."""
        ...


class Buffer(Protocol):
    """Memory as `mmap` has it: a slice of it is `bytes`."""

    def __getitem__(self, where: slice, /) -> bytes: ...

    def __setitem__(self, where: slice, data: bytes, /) -> None: ...


Updates = Callable[[bytes, Batch, int], bytes | None]
"""`(packet, batch, index)`: the response to an UPDATE, or None if it has none yet."""


class Ways(NamedTuple):
    """The ways to answer before the slow path, in their order. Queries and responses are without their ids."""

    cached: Callable[[bytes], Entry | None]
    fast_path: Callable[[bytes], Entry | None]
    normalized: Callable[[bytes, bytes], Entry | None]
    """It also takes the client's address (4 or 16 bytes)."""

    def find(self, query: bytes, client: bytes) -> Entry | None:
        """The response to one query, and the slot that counts it, from whatever isn't the cache. Never raises."""
        return self.fast_path(query) or self.normalized(query, client)


def may_be_bare(query: bytes) -> bool:
    """Whether a query may have no EDNS options, in which case it ends with a class or with their size. The fast
    path takes no other, and need not look at it.
    """
    return query[-1:] <= b"\1"


def client_of(batch: Batch, index: int) -> bytes:
    """The address that a message came from."""
    where = batch.offsets[index]
    return batch.addresses[where.client : where.client_end]


class UdpAnswers:
    """Answers from one thread. A slice of `stats` must be of the same memory."""

    def __init__(
        self,
        ways: Ways,
        slow_path: SlowPath,
        limit: Limit | None,
        begin: Callable[[], None],
        stats: MutableSequence[int],
        updates: Updates | None = None,
    ) -> None:
        """`begin` is called before the first query of a batch that the cache has no answer to. `updates` gets each
        UPDATE; without it, the slow path does."""
        self._ways = ways
        self._slow_path = slow_path
        self._limit = limit
        self._begin = begin
        self._stats = stats
        self._updates = updates
        self._by_address_size = {size: stats[plane(Transport.UDP, bytes(size)) :] for size in (4, 16)}
        """Where responses to clients of a family are counted by slot."""

    def answer(self, batch: Batch, count: int) -> list[int]:
        """Answer the first `count` messages; the indices of those that get no response, rising. Never raises."""
        cached, fast_path, normalized = self._ways
        limit = self._limit
        counted = self._by_address_size[batch.address_size]
        buffer, received, answered, addresses = batch.buffer, batch.received, batch.answered, batch.addresses
        dropped: list[int] = []
        missed = 0
        for index, start, body, got, put, client, after in batch.offsets[:count]:
            query = buffer[body : start + received[got]]
            found = cached(query)
            if found is None:
                if not missed:
                    self._begin()
                missed += 1
                found = (fast_path(query) if may_be_bare(query) else None) or normalized(
                    query, addresses[client:after]
                )
            if found is not None:
                response, slot = found
                counted[slot] += 1
            else:
                answer = self._answer_slowly(buffer[start : start + received[got]], batch, index)
                if answer is None:
                    dropped.append(index)
                    continue
                response = answer[2:]
            if limit is not None:
                response = self._limited(limit(query, response, addresses[client:after]), response)
                if not response:
                    dropped.append(index)
                    continue
            size = 2 + len(response)
            buffer[body : start + size] = response
            answered[put] = size
        self._stats[CACHE_PACKET] += count - missed
        return dropped

    def _answer_slowly(self, packet: bytes, batch: Batch, index: int) -> bytes | None:
        if self._updates is not None and is_update(packet):
            return self._updates(packet, batch, index)
        return self._slow_path(packet, client_of(batch, index))

    def _limited(self, kept: bytes | None, response: bytes) -> bytes:
        """What the rate limit left of a response, counted; empty when that is nothing."""
        if kept is None:
            self._stats[DROPPED_RATE] += 1
            return b""
        if kept is not response:
            self._stats[SLIPPED] += 1
        return kept
