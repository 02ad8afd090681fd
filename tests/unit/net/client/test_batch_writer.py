"""How the batches of a session's streams become transactions."""

import asyncio
import threading
from collections.abc import Iterable

import pytest

from httpkit import run
from zonegit.errors import InvalidObject, StoreFull
from zonegit.net.client.batch_writer import BatchWriter
from zonegit.sync.incoming import Batch


class Recorder:
    """A session that records its transactions."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.opened = threading.Event()
        self.go_on = threading.Event()
        self.kept_cursors = True

    def insert(self, batches: Iterable[Batch]) -> None:
        found: list[str] = []
        for batch in batches:
            found.append(batch.label)
            self.opened.set()
            self.go_on.wait()
            if batch.label == "wrong":
                raise InvalidObject("wrong")
            if batch.label == "large":
                raise StoreFull("full")
        self.transactions.append(found)

    def forget_cursors(self) -> None:
        self.kept_cursors = False


def batch(label: str, size: int = 1) -> Batch:
    return Batch(label, (bytes(size),), b"")


def test_a_transaction_takes_what_comes_while_it_is_open() -> None:
    session = Recorder()

    async def test() -> None:
        writer = BatchWriter(session)
        first = writer.add(batch("a"))
        assert writer.is_idle
        writing = asyncio.create_task(writer.write())
        await asyncio.to_thread(session.opened.wait)
        await first
        assert not writer.is_idle
        second = writer.add(batch("b"))
        assert not second.done()
        session.go_on.set()
        await writing
        await second
        await writer.write()

    run(test())
    assert session.transactions == [["a", "b"]]


def test_a_full_transaction_is_committed() -> None:
    session = Recorder()
    session.go_on.set()

    async def test() -> None:
        writer = BatchWriter(session)
        for label in "abc":
            writer.add(batch(label, 4 << 20))
        await writer.write()

    run(test())
    assert session.transactions == [["a", "b"], ["c"]]


def test_no_cursor_is_kept_if_an_object_is_refused() -> None:
    session = Recorder()
    session.go_on.set()

    async def test() -> None:
        writer = BatchWriter(session)
        writer.add(batch("good"))
        writer.add(batch("wrong"))
        with pytest.raises(InvalidObject):
            await writer.write()

    run(test())
    assert not session.transactions
    assert not session.kept_cursors


@pytest.mark.parametrize("label", ["wrong", "large"])
def test_nothing_is_inserted_after_a_failure(label: str) -> None:
    session = Recorder()

    async def test() -> None:
        writer = BatchWriter(session)
        writer.add(batch(label))
        writing = [asyncio.create_task(writer.write()) for _ in range(2)]
        await asyncio.to_thread(session.opened.wait)
        writer.add(batch("after it", 8 << 20))
        session.go_on.set()
        failures = await asyncio.gather(*writing, return_exceptions=True)
        assert all(isinstance(failure, InvalidObject | StoreFull) for failure in failures), failures

    run(test())
    assert not session.transactions


def test_a_batch_may_be_taken_when_nobody_waits_for_it_any_more() -> None:
    session = Recorder()
    session.go_on.set()

    async def test() -> None:
        writer = BatchWriter(session)
        writer.add(batch("a")).cancel()
        await writer.write()

    run(test())
    assert session.transactions == [["a"]]
