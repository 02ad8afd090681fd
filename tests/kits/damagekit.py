"""Flips bits in the head of the node that holds a record in LMDB's file, and asks such a repository in a child.

A node is `size u32 | flags u16 | key size u16 | key | value`: no checksum covers its head, and some flips lead LMDB
out of the page or of the file.
"""

import mmap
import os
import signal
from array import array
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zonegit.daemon.live_zones import LiveZones
from zonegit.daemon.reading import precautions
from zonegit.dns import stats
from zonegit.ops import crumbs
from zonegit.ops.config import Config
from zonegit.store.lmdb import LmdbStore

HEAD_BITS = 64
_DEADLINE = 20


def flipped(whole: bytes, record: bytes, bit: int) -> bytes:
    """The file with a bit flipped in the head of every copy of a node, by its key and value."""
    data = bytearray(whole)
    at = whole.find(record)
    assert at > 0
    while at > 0:
        data[at - HEAD_BITS // 8 + bit // 8] ^= 1 << bit % 8
        at = whole.find(record, at + 1)
    return bytes(data)


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    signal: int
    """0 when it lived on."""
    answers: list[bytes]
    """Those that it gave."""


class Children:
    """One process after the other that answers from a repository, and what the supervisor does between two."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._memory = mmap.mmap(-1, crumbs.size(1))
        self.crumbs = crumbs.Crumbs(memoryview(self._memory))

    def ask(self, packets: Sequence[bytes]) -> Ended:
        """Answer all packets in a child, the way that a worker does."""
        ours, theirs = os.pipe()
        child = os.fork()
        if not child:
            with suppress(BaseException):
                os.close(ours)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                signal.alarm(_DEADLINE)
                with os.fdopen(theirs, "wb", buffering=0) as pipe:
                    for found in self._answers(packets):
                        pipe.write(len(found).to_bytes(2, "big") + found)
                os._exit(0)
            os._exit(1)
        os.close(theirs)
        with os.fdopen(ours, "rb") as pipe:
            data = pipe.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert code <= 0, f"the child ended with {code}"
        answers = []
        while data:
            size = int.from_bytes(data[:2], "big")
            answers.append(data[2 : 2 + size])
            data = data[2 + size :]
        return Ended(-code, answers)

    def _answers(self, packets: Sequence[bytes]) -> Iterator[bytes]:
        store = LmdbStore.open(self._path, readonly=True)
        row = array("Q", bytes(8 * stats.SLOTS))
        zones = LiveZones(
            store, Config(repo=self._path), row, lambda *_: None, precautions=lambda: precautions(self.crumbs, 0)
        )
        for packet in packets:
            zones.check()
            zones.begin()
            found = zones.ways.fast_path(packet[2:])
            answer = zones.respond_udp(packet, bytes((127, 0, 0, 1))) if found is None else packet[:2] + found[0]
            zones.done()
            assert answer is not None
            yield answer
