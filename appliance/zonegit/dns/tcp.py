"""Answers the common queries that came over a connection, as many as wait, and leaves the others to the slow path.

The ways to answer are those of UDP (`udp.Ways`), with a connection's room. A frame is a message after its length in
two bytes (RFC 1035 §4.2.2).
"""

from collections.abc import Callable, MutableSequence
from typing import Final, NamedTuple

from zonegit.dns.stats import CACHE_PACKET, plane
from zonegit.dns.udp import Ways, may_be_bare
from zonegit.dns.wire.message import Transport

JOINED: Final = 64 << 10
"""Bytes of responses after which they are to be written."""


class Answered(NamedTuple):
    """What became of some frames."""

    at: int
    """Where the first one begins that isn't answered."""
    responses: bytes
    """Frames, in the order of their queries."""
    answers: int
    first: int
    """Bytes of the first response."""


def end_of_frame(frames: bytes | bytearray, at: int) -> int:
    """The end of the frame that begins there; 0 if it isn't whole."""
    size = len(frames)
    if size < at + 2:
        return 0
    end = at + 2 + (frames[at] << 8 | frames[at + 1])
    return end if end <= size else 0


class TcpAnswers:
    """Answers from one thread."""

    def __init__(self, ways: Ways, begin: Callable[[], None], stats: MutableSequence[int]) -> None:
        """`begin` is called before the first query that the cache has no answer to."""
        self._ways = ways
        self._begin = begin
        self._stats = stats

    def answer(
        self,
        frames: bytes,
        at: int,
        client: bytes,
        carried_by: Transport,
        clock: Callable[[], float],
        until: float,
    ) -> Answered:
        """Answer frames from `at` on, up to the first for the slow path, and not much longer than the clock shows
        `until`. Never raises."""
        cached, fast_path, normalized = self._ways
        stats = self._stats
        offset = plane(carried_by, client)
        out: list[bytes] = []
        answers = missed = gathered = first = 0
        while end := end_of_frame(frames, at):
            query = frames[at + 4 : end]
            found = cached(query)
            if found is None:
                if not missed:
                    self._begin()
                found = (fast_path(query) if may_be_bare(query) else None) or normalized(query, client)
                if found is None:
                    break
                missed += 1
            response, slot = found
            stats[offset + slot] += 1
            length = 2 + len(response)
            out += (length.to_bytes(2, "big"), frames[at + 2 : at + 4], response)
            first = first or length
            gathered += length
            answers += 1
            at = end
            # What the cache answers takes no time to speak of.
            if gathered > JOINED or (missed and clock() >= until):
                break
        stats[CACHE_PACKET] += answers - missed
        return Answered(at, b"".join(out), answers, first)
