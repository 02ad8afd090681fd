"""How much a pull holds of what its peer sends while inserting doesn't get on."""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

from httpkit import run
from zonegit.net.client.peer import OpenStream
from zonegit.net.client.pull import pull
from zonegit.sync.incoming import Batch
from zonegit.sync.pull_steps import STREAMS
from zonegit.sync.session import Ask

ANSWERS = 100


class Stuck:
    """A session whose peer ends each answer after one batch and says that there is more. Inserting stands still."""

    peer = "p1"
    connections = 1

    def __init__(self) -> None:
        self.received_batches = 0
        self.inserted = 0
        self.go_on = threading.Event()
        self._number = 0
        self._open = 0

    def next(self) -> list[Ask]:
        fresh = range(self._number, min(ANSWERS, self._number + STREAMS - self._open))
        self._number += len(fresh)
        self._open += len(fresh)
        return [Ask(number, "/v0/fetch", "", b"") for number in fresh]

    def opened(self, number: int, check: object) -> None:
        pass

    def received(self, number: int, chunk: bytes) -> list[Batch]:
        self.received_batches += 1
        return [Batch("", (chunk,), b"")]

    def goes_on(self, number: int) -> bool:
        return number < ANSWERS - 1

    def ended(self, number: int) -> None:
        self._open -= 1

    def insert(self, batches: Iterable[Batch]) -> None:
        for _ in batches:
            self.go_on.wait()
            self.inserted += 1

    def finish(self, who: object) -> None:
        pass


class EndsEarly:
    """The peer."""

    @asynccontextmanager
    async def stream(self, ask: Ask) -> AsyncIterator[OpenStream]:
        async def chunks() -> AsyncGenerator[bytes, None]:
            yield bytes(1000)

        yield OpenStream(None, chunks())

    async def close(self) -> None:
        pass


def test_a_peer_that_ends_its_answers_early_waits_for_what_it_has_sent() -> None:
    session = Stuck()

    async def test() -> None:
        pulling = asyncio.create_task(pull(EndsEarly(), session, None))
        for _ in range(20 * ANSWERS):
            await asyncio.sleep(0)
        held = session.received_batches
        session.go_on.set()
        with suppress(asyncio.CancelledError):
            await pulling
        assert held <= 1 + 2 * STREAMS, held

    run(test())
    assert session.inserted == session.received_batches == ANSWERS
