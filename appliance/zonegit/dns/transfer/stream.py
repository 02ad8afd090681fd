"""The messages of a transfer: runs of stored RRs joined into messages of up to 64 KiB (RFC 5936 §2.2).

Stored RRs end their owners with a pointer to offset 12, so every message carries the question, whose name is the
apex. Whole runs are joined; only a run that exceeds a message by itself is split.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from zonegit.dns.wire.message import AA, HEADER, HEADER_SIZE, MAX_MESSAGE, QR, RD, Query
from zonegit.errors import LimitExceeded
from zonegit.tree.change import Run, records

PAUSE: Final[Run] = (0, b"")
"""Among runs, it asks the sender to let other work have a turn."""


def header(query: Query, flags: int, records: int, additional: int) -> bytes:
    """The header and question of a message."""
    flags |= query.flags & RD
    return query.ident + HEADER.pack(0, flags, 1, records, 0, additional)[2:] + query.question


def messages(query: Query, runs: Iterable[Run], opt: bytes, limit: int = MAX_MESSAGE) -> Iterator[bytes]:
    """Fill messages of up to `limit` bytes with the runs. Only the first has the OPT (RFC 5936 §2.2.5).

    An empty message stands for a pause and is not to be sent.
    """
    start = HEADER_SIZE + len(query.question)
    room = limit - start - len(opt)
    parts: list[bytes] = []
    total = size = 0
    for count, rrs in _fitting(runs, room):
        if not count:
            yield b""
            continue
        size += len(rrs)
        if size > room:
            yield b"".join((header(query, QR | AA, total, len(opt) > 0), *parts, opt))
            opt = b""
            room = limit - start
            parts.clear()
            total = 0
            size = len(rrs)
        parts.append(rrs)
        total += count
    yield b"".join((header(query, QR | AA, total, len(opt) > 0), *parts, opt))


def _fitting(runs: Iterable[Run], room: int) -> Iterator[Run]:
    """The runs, with those of more than `room` bytes split."""
    for run in runs:
        if len(run[1]) <= room:
            yield run
        else:
            yield from _pieces(run[1], room)


def _pieces(rrs: bytes, room: int) -> Iterator[Run]:
    """One long run split between records, each piece as large as fits."""
    start = count = end = 0
    for at, after in records(rrs):
        if after - at > room:
            raise LimitExceeded(f"a record of {after - at} bytes does not fit a DNS message")
        if after - start > room:
            yield count, rrs[start:end]
            start = at
            count = 0
        count += 1
        end = after
    yield count, rrs[start:end]
