"""Spreads large batches of signatures, to make or to verify, over the processors that this process may use.

This process works, too: with two processors there is one worker beside it. Workers start with the first large
batch. One that dies is given up, and so is one that sends nothing for a second while all else is done: its messages
are signed or verified here, and the next batch starts another one.
"""

import os
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from select import POLLIN, POLLOUT, poll
from threading import Lock
from typing import Final, NamedTuple

from zonegit.dnssec.keys import Signed, verify_all
from zonegit.dnssec.policy import Algorithm
from zonegit.dnssec.private_key import FileSigner, PrivateKey
from zonegit.dnssec.signing_worker import (
    VERIFIED_SIZE,
    dnskey_frame,
    key_frame,
    messages_frame,
    signed_message,
    valid_answer,
    verified,
)
from zonegit.piped_process import start

_COST: Final = {
    Algorithm.RSASHA256: 260,
    Algorithm.ECDSAP256SHA256: 23,
    Algorithm.ECDSAP384SHA384: 218,
    Algorithm.ED25519: 32,
}
"""Microseconds that a signature takes, about; with RSA of 2048 bits."""
_VERIFYING_COST: Final[dict[int, int]] = {
    Algorithm.RSASHA256: 21,
    Algorithm.ECDSAP256SHA256: 67,
    Algorithm.ECDSAP384SHA384: 520,
    Algorithm.ED25519: 107,
}
"""Microseconds that verifying one takes."""
_OTHER_COST: Final = 50
"""Microseconds for an algorithm that only others sign with."""
_LARGE: Final = 46_000
"""Microseconds above which a batch is spread: 2,000 signatures with P-256."""
_CHUNK: Final = 5_000
"""Microseconds of work that are handed out at a time."""
_AHEAD: Final = 2
"""Chunks that a worker has at a time, so that it need not wait for the next one."""
_PATIENCE: Final = 1.0
"""Seconds without any news after which workers are given up."""
_LEAVING: Final = 5.0
"""Seconds that workers get to end by themselves."""
_READ: Final = 1 << 16


class SigningPool:
    """The workers. For any threads, which take turns."""

    def __init__(self, processors: int | None = None) -> None:
        """`processors`: how many to use; None: as many as this process may."""
        self._wanted: Final = (processors or len(os.sched_getaffinity(0))) - 1
        self._workers: Final[list[_Worker]] = []
        self._lock: Final = Lock()

    @property
    def pids(self) -> list[int]:
        """Of the workers that were started and not given up."""
        return [worker.pid for worker in self._workers]

    def signer(self, key: PrivateKey) -> "PooledSigner":
        """A signer that has workers help with large batches."""
        return PooledSigner(key, self)

    def sign(self, key: PrivateKey, messages: Sequence[bytes]) -> list[bytes]:
        """One signature each, as in RRSIG records. `DnssecError`."""
        work = _Work(key_frame(key.pem()), FileSigner(key).sign, _COST[key.algorithm], key.signature_size)
        return self._done(work, messages)

    def verify_all(self, dnskey: bytes, signed: Sequence[Signed]) -> list[bool]:
        """For each, whether it is a signature by the key with this DNSKEY RDATA: a `VerifyAll`.

        What isn't valid is verified once more, here: nothing that goes wrong in a worker holds a zone back.
        """
        cost = _VERIFYING_COST.get(dnskey[3], _OTHER_COST)
        if len(signed) * cost <= _LARGE:
            return verify_all(dnskey, signed)
        messages = [signed_message(each) for each in signed]
        found = self._done(_Work(dnskey_frame(dnskey), partial(verified, dnskey), cost, VERIFIED_SIZE), messages)
        answers = zip(signed, messages, found, strict=True)
        return [
            answer == valid_answer(message) or verify_all(dnskey, [each])[0] for each, message, answer in answers
        ]

    def _done(self, work: "_Work", messages: Sequence[bytes]) -> list[bytes]:
        with self._lock:
            self._start()
            for worker in self._workers:
                worker.give(work.key)
            return _Batch(work, messages, self._workers).answers()

    def close(self) -> None:
        """End the workers. The next large batch would start them again."""
        with self._lock:
            while self._workers:
                self._workers.pop().end(_LEAVING)

    def _start(self) -> None:
        for worker in [each for each in self._workers if not each.is_running()]:
            self._workers.remove(worker)
            worker.end(0)
        with suppress(OSError):  # no memory, too many processes: there is less help
            while len(self._workers) < self._wanted:
                self._workers.append(_Worker())


class PooledSigner:
    """The `Signer` with a private key that this process has, and gives to the workers of a pool."""

    __slots__ = ("_alone", "_key", "_pool")

    def __init__(self, key: PrivateKey, pool: SigningPool) -> None:
        self._key: Final = key
        self._pool: Final = pool
        self._alone: Final = FileSigner(key)

    def sign(self, messages: Sequence[bytes]) -> list[bytes]:
        """One signature each, as in RRSIG records. `DnssecError` if the key can't sign."""
        if len(messages) * _COST[self._key.algorithm] <= _LARGE:
            return self._alone.sign(messages)
        return self._pool.sign(self._key, messages)


class _Work(NamedTuple):
    """What is to be done with each message of a batch."""

    key: bytes
    """The frame that says it to a worker."""
    alone: Callable[[Sequence[bytes]], list[bytes]]
    """Does it in this process."""
    cost: int
    """Microseconds for one message."""
    size: int
    """Bytes of an answer."""


class _Chunk(NamedTuple):
    at: int
    """Where its first message stands in the batch."""
    messages: Sequence[bytes]


class _Batch:
    """One batch. Workers that fail leave the list."""

    def __init__(self, work: _Work, messages: Sequence[bytes], workers: list["_Worker"]) -> None:
        size = max(1, _CHUNK // work.cost)
        self._work = work
        self._answers = [b""] * len(messages)
        self._left = deque(_Chunk(at, messages[at : at + size]) for at in range(0, len(messages), size))
        self._workers = workers

    def answers(self) -> list[bytes]:
        try:
            while self._left or any(worker.chunks for worker in self._workers):
                self._hand_out()
                news = self._exchange(0 if self._left else _PATIENCE)
                if self._left:
                    chunk = self._left.popleft()
                    self._put(chunk, self._work.alone(chunk.messages))
                elif not news:
                    self._drop_busy()
        finally:
            self._drop_busy()  # after an error
        return self._answers

    def _hand_out(self) -> None:
        for worker in self._workers:
            while self._left and len(worker.chunks) < _AHEAD:
                worker.hand(self._left.popleft())

    def _exchange(self, seconds: float) -> bool:
        """Send and receive what is possible, after waiting for it. False if nothing came within this time."""
        polled = poll()
        workers = {}
        for worker in self._workers:
            polled.register(worker.replies, POLLIN)
            workers[worker.replies] = worker
            if worker.unsent:
                polled.register(worker.requests, POLLOUT)
                workers[worker.requests] = worker
        ready = polled.poll(seconds * 1000)
        for descriptor, _ in ready:
            worker = workers[descriptor]
            if worker not in self._workers:
                continue
            try:
                if descriptor == worker.requests:
                    worker.send()
                else:
                    size = self._work.size
                    for chunk, data in worker.received(size):
                        self._put(chunk, [data[at : at + size] for at in range(0, len(data), size)])
            except OSError:
                self._drop(worker)
        return bool(ready)

    def _put(self, chunk: _Chunk, answers: Sequence[bytes]) -> None:
        self._answers[chunk.at : chunk.at + len(chunk.messages)] = answers

    def _drop(self, worker: "_Worker") -> None:
        self._left.extend(worker.chunks)
        self._workers.remove(worker)
        worker.end(0)

    def _drop_busy(self) -> None:
        for worker in [each for each in self._workers if each.chunks]:
            self._drop(worker)


class _Worker:
    """One process, and what is on its way to it and back. Its descriptors never block."""

    def __init__(self) -> None:
        """OSError if it can't be started."""
        self._process = start("zonegit.dnssec.signing_worker", bufsize=0)
        assert self._process.stdin is not None and self._process.stdout is not None  # noqa: S101  they are pipes
        self.pid: Final = self._process.pid
        self.requests: Final = self._process.stdin.fileno()
        self.replies: Final = self._process.stdout.fileno()
        self.unsent = bytearray()
        self.chunks: Final[deque[_Chunk]] = deque()
        """Those that it hasn't answered."""
        self._received = bytearray()
        for descriptor in (self.requests, self.replies):
            os.set_blocking(descriptor, False)

    def is_running(self) -> bool:
        return self._process.poll() is None

    def give(self, data: bytes) -> None:
        self.unsent += data

    def hand(self, chunk: _Chunk) -> None:
        self.chunks.append(chunk)
        self.unsent += messages_frame(chunk.messages)

    def send(self) -> None:
        """OSError if it is gone."""
        with suppress(BlockingIOError):
            del self.unsent[: os.write(self.requests, self.unsent)]

    def received(self, size: int) -> list[tuple[_Chunk, bytes]]:
        """The chunks that are answered now, with their answers of `size` bytes. OSError if it is gone."""
        with suppress(BlockingIOError):
            data = os.read(self.replies, _READ)
            if not data:
                raise OSError
            self._received += data
        found = []
        while self.chunks and len(self._received) >= (whole := size * len(self.chunks[0].messages)):
            found.append((self.chunks.popleft(), bytes(self._received[:whole])))
            del self._received[:whole]
        return found

    def end(self, seconds: float) -> None:
        """End it, by force if it needs longer."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
