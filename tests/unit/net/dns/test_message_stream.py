"""Messages come out whole however their bytes come in, and no more is read ahead than there is room for."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.net.dns.message_stream import MessageStream


class Transport(asyncio.ReadTransport):
    """Gives a stream its bytes in pieces, as long as it wants any."""

    def __init__(self, stream: MessageStream, data: bytes) -> None:
        super().__init__()
        self.stream, self.left, self.reading = stream, data, True
        stream.connection_made(self)

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def send(self, most: int) -> bool:
        """Receive up to `most` bytes; False if the stream doesn't read."""
        if not (self.reading and self.left):
            return False
        room = self.stream.get_buffer(-1)
        size = min(most, len(room), len(self.left))
        assert size
        room[:size], self.left = self.left[:size], self.left[size:]
        self.stream.buffer_updated(size)
        return True


def framed(messages: list[bytes]) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


@given(st.randoms(use_true_random=False), st.lists(st.sampled_from((0, 1, 500, 16_384, 65_535)), max_size=8))
def test_messages_come_out_whole(rng: Random, sizes: list[int]) -> None:
    messages = [bytes([at]) * size for at, size in enumerate(sizes)]
    stream = MessageStream()
    transport = Transport(stream, framed(messages))
    found: list[bytes] = []
    for _ in range(100_000):
        sent = transport.send(rng.choice((1, 900, 70_000, 300_000)))
        if (not sent or rng.random() < 0.3) and (message := stream.take()) is not None:
            found.append(message)
        elif not sent:
            break
    assert found == messages


def test_it_waits_for_the_rest_of_a_message() -> None:
    async def run() -> bytes | None:
        stream = MessageStream()
        transport = Transport(stream, framed([b"hello"]))
        waiting = asyncio.create_task(stream.message())
        while transport.send(3):
            await asyncio.sleep(0)
        return await waiting

    assert asyncio.run(run()) == b"hello"


def test_the_end_of_a_connection() -> None:
    async def after(data: bytes, error: Exception | None) -> bytes | None:
        stream = MessageStream()
        Transport(stream, data).send(99)
        waiting = asyncio.create_task(stream.message())
        await asyncio.sleep(0)
        if error is None:
            stream.eof_received()
        stream.connection_lost(error)
        return await waiting

    assert asyncio.run(after(b"", None)) is None
    assert asyncio.run(after(framed([b"whole"]), None)) == b"whole"
    assert asyncio.run(after(framed([b"whole"]), ConnectionResetError())) == b"whole"
    with pytest.raises(asyncio.IncompleteReadError):
        asyncio.run(after(framed([b"whole"])[:-1], None))
    with pytest.raises(ConnectionResetError):
        asyncio.run(after(framed([b"whole"])[:-1], ConnectionResetError()))
