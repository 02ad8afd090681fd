"""Primaries that stall or talk nonsense: each is given up within its bound, and an honest one is followed next."""

import asyncio
import json
import struct

import pytest

from connkit import Talk, talking
from httpkit import peer_of, run
from liarkit import QUICK, Asked, Script, instead, refused
from zonegit.errors import InvalidData, NotAuthorised, Unreachable
from zonegit.net.client import peer as http_client
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import CONTENT_TYPE
from zonegit.sync.session import Ask
from zonegit.sync.wire import JSON_TYPE

SOON = 0.8
"""Seconds, in place of 15."""


async def drip(asked: Asked) -> None:
    """A byte now and then, for ever."""
    await asked.head(200, ("content-type", CONTENT_TYPE))
    while True:
        await asked.data(b"\1")
        await asked.data(b"\xff")
        await asyncio.sleep(0.05)


async def busy(asked: Asked) -> None:
    """No byte of the answer, but a connection that is never silent."""
    await asked.head(200, ("content-type", CONTENT_TYPE))
    await ring(asked)


async def ring(asked: Asked) -> None:
    while True:
        asked.line.h2.ping(b"12345678")
        await asked.line.flush()
        await asyncio.sleep(0.02)


async def empty(asked: Asked) -> None:
    """DATA frames without data."""
    await asked.head(200, ("content-type", CONTENT_TYPE))
    while True:
        asked.line.h2.send_data(asked.stream, b"")
        await asked.line.flush()
        await asyncio.sleep(0.01)


async def padded(asked: Asked) -> None:
    """DATA frames of padding alone."""
    await asked.head(200, ("content-type", CONTENT_TYPE))
    while True:
        await asked.line.window(asked.stream, 256)
        asked.line.h2.send_data(asked.stream, b"", pad_length=255)
        await asked.line.flush()
        await asyncio.sleep(0.005)


async def promised_length(asked: Asked) -> None:
    """Less than the head says, and no more of it."""
    await asked.head(200, ("content-type", CONTENT_TYPE), ("content-length", "1000000"))
    await asked.data(b"\3\0")
    await ring(asked)


async def trailers(asked: Asked) -> None:
    """An end of the body that isn't one of the stream, with fields behind it."""
    await asked.head(200, ("content-type", CONTENT_TYPE))
    await asked.data(b"\3\0")
    asked.line.h2.send_headers(asked.stream, [("zg-signature", "x"), ("x", "y" * 4_000)], end_stream=True)
    await asked.line.flush()
    await asyncio.sleep(3600)


@pytest.mark.parametrize("slow", [drip, busy, empty, padded, promised_length], ids=lambda slow: slow.__name__)
@pytest.mark.parametrize("path", ["/v0/refs", "/v0/fetch"])
def test_an_answer_that_comes_too_slowly_is_given_up(primary: MemoryStore, slow: Script, path: str) -> None:
    refused(instead(primary, path, slow), primary, (Unreachable, InvalidData), bounds=QUICK)


async def informed(asked: Asked) -> None:
    """Nothing but 103s."""
    while True:
        await asked.head(103, ("link", "</v0/refs>"))
        await asyncio.sleep(0.02)


async def reset(asked: Asked) -> None:
    asked.line.h2.reset_stream(asked.stream)
    await asked.line.flush()


async def goaway(asked: Asked) -> None:
    asked.line.h2.close_connection(11)
    await asked.line.flush()


async def closed(asked: Asked) -> None:
    asked.line.writer.close()


async def no_status(asked: Asked) -> None:
    await asked.head("none", end=True)


async def promised(asked: Asked) -> None:
    block = asked.line.h2.encoder.encode(
        [(":method", "GET"), (":path", "/x"), (":scheme", "http"), (":authority", "x")]
    )
    await asked.line.raw(
        (len(block) + 4).to_bytes(3, "big") + b"\5\4" + asked.stream.to_bytes(4, "big") + b"\0\0\0\2" + block
    )
    await asyncio.sleep(3600)


async def large_headers(asked: Asked) -> None:
    await asked.head(200, *[(f"x-{at}", "v" * 1_000) for at in range(70)], end=True)


async def strange_headers(asked: Asked) -> None:
    await asked.head(200, ("content-type", "\x00"), ("zg-signature", "\x7f" * 400), ("zg-signature", "x"), end=True)


async def fewer_streams(asked: Asked) -> None:
    for streams in (100, 1, 100, 0, 1):
        asked.line.h2.update_settings({3: streams})
        await asked.line.flush()
    await ring(asked)


@pytest.mark.parametrize(
    "lie",
    [
        ring,
        informed,
        reset,
        goaway,
        closed,
        no_status,
        promised,
        large_headers,
        strange_headers,
        fewer_streams,
        trailers,
    ],
    ids=lambda lie: lie.__name__,
)
def test_what_comes_in_place_of_an_answer(primary: MemoryStore, lie: Script) -> None:
    errors = (Unreachable, NotAuthorised, InvalidData)
    refused(instead(primary, "/v0/refs", lie), primary, errors, bounds=QUICK, patience=SOON)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


async def gone(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def http_1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    await silent(reader, writer)


async def noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(bytes(range(256)) * 300)
    await silent(reader, writer)


async def settings_only(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A window of no byte, and settings for ever."""
    while True:
        writer.write(b"\0\0\6\4\0\0\0\0\0" + struct.pack(">HI", 4, 0))
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_headers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\0\0\0\4\0\0\0\0\0" + b"\0\0\0\1\0\0\0\0\1")
    while True:
        writer.write(b"\0\0\x01\x09\0\0\0\0\1x")
        await writer.drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    "talk", [silent, gone, http_1, noise, settings_only, endless_headers], ids=lambda talk: talk.__name__
)
def test_what_is_no_server_at_all(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "PATIENCE", SOON)

    async def test() -> None:
        async with talking(talk) as url, peer_of(url) as peer:
            with pytest.raises(Unreachable):
                await peer.refs()
            with pytest.raises(Unreachable):
                async with peer.stream(Ask(1, "/v0/fetch", JSON_TYPE, json.dumps({"x": "y" * 100_000}).encode())):
                    pass

    run(test())
