"""Who sits between a secondary and its primary without a key: nothing of his is stored, held or waited for long.

Each stream is a valid one in all but its MACs, made of closed objects that a store would take.
"""

import asyncio
import logging
import os
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice

import pytest

from httpkit import Counted, peer_of, run
from liarkit import Asked, instead, lying, objects_of, once, refused
from synckit import KEY, PEER, WHO, check_for, local_refs, seal_for
from zonegit.auth.gate import Signer
from zonegit.auth.key import Key
from zonegit.daemon.mirror import Mirror
from zonegit.errors import InvalidFrame, InvalidObject, Unreachable
from zonegit.net.client.pull import latest_refs, pull
from zonegit.ops.config import PrimaryConfig
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import CONTENT_TYPE, FrameReader, FrameWriter
from zonegit.sync.incoming import Batch
from zonegit.sync.limits import HELD_BYTES, HELD_FRAMES, HELD_OBJECTS, INFLATED, ClientLimits
from zonegit.sync.peers import cursors, keep_cursors
from zonegit.sync.session import Session

SENT = HELD_BYTES + (17 << 20)
"""Bytes of such a stream that a secondary lets come: what is held, and httpx's window of 16 MiB."""
PEAK = 14 << 20
"""Bytes of memory that one stream can make a reader hold, with Python's own for each object."""
ANSWER_SECONDS = 0.8
STRANGER = Key.derive("k1", b"m" * 32)
CURSOR = b"c" * 34
Pieces = Callable[[FrameWriter, list[bytes]], Iterator[bytes]]


def groups(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    """24 MiB and more: all that such a stream ever left behind."""
    while True:
        yield writer.group(objects)


def tiny_groups(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    while True:
        yield b"".join(writer.group(objects[:1]) for _ in range(100))


def checkpoints(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    yield writer.group(objects)
    while True:
        yield 100 * FrameWriter(writer._seal).checkpoint(CURSOR)


def empty_checkpoints(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    while True:
        yield 100 * b"\3\0"


def sealed(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    """With MACs of a key that isn't the primary's."""
    while True:
        yield writer.group(objects) + writer.checkpoint(CURSOR, int(time.time()))


def compressed(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    """All that a small frame may hold."""
    packing = FrameWriter(writer._seal, compress=True)
    while True:
        yield packing.group([objects[0]] * 512)


def errors(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    while True:
        yield b"".join(writer.error("internal", "not now") for _ in range(100))


def an_end(writer: FrameWriter, objects: list[bytes]) -> Iterator[bytes]:
    yield writer.group(objects)
    yield writer.end(int(time.time()))


LIES = (groups, tiny_groups, checkpoints, empty_checkpoints, sealed, compressed, errors, an_end)


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__)
def test_nothing_is_kept_that_no_mac_vouched_for(
    primary: MemoryStore, lie: Pieces, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects, sent = objects_of(primary), 0
    inserted: list[Batch] = []
    monkeypatch.setattr(Session, "insert", lambda _, batch: inserted.append(batch))

    async def stream(asked: Asked) -> None:
        nonlocal sent
        await asked.head(200, ("content-type", CONTENT_TYPE))
        for piece in lie(FrameWriter(seal_for(asked.mac, STRANGER), sealed=True), objects):
            await asked.data(piece)
            sent += len(piece)
        await asyncio.sleep(60)

    async def test() -> None:
        secondary = MemoryStore()
        async with lying(instead(primary, "/v0/fetch", stream)) as url, peer_of(url) as peer:
            refs = await latest_refs(peer, secondary, PEER)
            assert refs is not None
            with pytest.raises(InvalidFrame):
                await pull(peer, Session(secondary, PEER, refs, compress=True), WHO)
        assert (inserted, objects_of(secondary), local_refs(secondary)) == ([], [], {})
        assert sent <= SENT

    run(test())


def large(writer: FrameWriter) -> Iterator[bytes]:
    while True:
        yield writer.group([b"\4" + bytes(200_000)])


def many(writer: FrameWriter) -> Iterator[bytes]:
    """Objects that are smaller than what Python needs for each."""
    while True:
        yield writer.group([b"\1\1"] * 512)


def packed(writer: FrameWriter) -> Iterator[bytes]:
    packing = FrameWriter(writer._seal, compress=True)
    while True:
        yield packing.group([b"\4" + bytes(range(256)) * 3_900])


@pytest.mark.parametrize(("kind", "pieces"), [(large, 60), (many, 150), (packed, 12)])
def test_what_one_stream_can_make_a_reader_hold(
    kind: Callable[[FrameWriter], Iterator[bytes]], pieces: int
) -> None:
    stream = list(islice(kind(FrameWriter(seal_for("m"))), pieces))
    tracemalloc.start()
    try:
        reader = FrameReader(check_for("m"), compressed=True, sealed=True)
        with pytest.raises(InvalidFrame, match="has no MAC"):
            for piece in stream:
                assert reader.feed(piece) == []
        assert tracemalloc.get_traced_memory()[1] <= PEAK
    finally:
        tracemalloc.stop()
    assert reader._frames <= HELD_FRAMES + 1
    assert reader._objects <= HELD_OBJECTS + 512
    assert reader._size <= HELD_BYTES + INFLATED


def test_the_largest_answer_of_a_server_that_seals_no_checkpoints_is_taken() -> None:
    """As much as 4 MiB lack one byte, then a group that ends with the largest of objects."""
    writer = FrameWriter(seal_for("m"))
    objects = [b"\4" + bytes((256 << 10) - 1)] * 15 + [b"\4" + bytes((256 << 10) - 2)]
    stream = b"".join(writer.group([data]) + writer.checkpoint(CURSOR) for data in objects)
    stream += writer.group([b"\4" + bytes((256 << 10) - 2), b"\4" + bytes((4 << 20) - 1)]) + writer.end(1, CURSOR)
    reader = FrameReader(check_for("m"), sealed=True)
    frames = [frame for at in range(0, len(stream), 65_536) for frame in reader.feed(stream[at : at + 65_536])]
    reader.close()
    assert len(frames) == 2 * len(objects) + 2


def test_an_answer_that_takes_too_long_is_given_up(primary: MemoryStore) -> None:
    """It is never silent, and never slower than it may be."""

    async def endless(asked: Asked) -> None:
        await asked.head(200, ("content-type", CONTENT_TYPE))
        writer = FrameWriter(asked.seal, sealed=True)
        data = objects_of(primary)[:1]
        while True:
            await asked.data(writer.group(data) + writer.checkpoint(b"", int(time.time())))
            await asyncio.sleep(0.01)

    bounds = ClientLimits(answer_seconds=ANSWER_SECONDS)
    refused(instead(primary, "/v0/fetch", endless), primary, Unreachable, "more than 1 s.*answer_seconds", bounds)


def test_a_list_of_refs_that_takes_too_long_is_given_up(primary: MemoryStore) -> None:
    async def endless(asked: Asked) -> None:
        await asked.head(200, ("content-type", "application/json"))
        while True:
            await asked.data(b" " * 100)
            await asyncio.sleep(0.01)

    bounds = ClientLimits(answer_seconds=ANSWER_SECONDS)
    refused(instead(primary, "/v0/refs", endless), primary, Unreachable, "answer_seconds", bounds)


def test_a_stream_that_breaks_off_again_and_again_is_told(
    primary: MemoryStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the primary's name, each time: nobody keeps a secondary from it without a line in the log."""
    monkeypatch.setattr("zonegit.net.client.pull._pause", lambda _: 0.0)
    caplog.set_level(logging.INFO)

    async def broken(asked: Asked) -> None:
        await asked.head(200, ("content-type", CONTENT_TYPE))
        await asked.data(FrameWriter(asked.seal).group(objects_of(primary)))
        asked.line.writer.close()

    refused(instead(primary, "/v0/fetch", broken), primary, Unreachable)
    assert caplog.text.count(f"a stream was interrupted and continues where it stopped: {PEER}") == 5


def test_a_line_that_is_held_up_is_told_of(
    primary: MemoryStore, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just faster than would be given up, a sync may take days."""
    monkeypatch.setattr("zonegit.daemon.sync_report.GOES_ON", 0.05)
    caplog.set_level(logging.INFO)
    held_up = asyncio.Event()

    async def slow(asked: Asked) -> None:
        await asked.head(200, ("content-type", CONTENT_TYPE))
        await held_up.wait()
        await asked.data(asked.truth(primary), end=True)

    async def test() -> None:
        async with lying(instead(primary, "/v0/fetch", slow)) as url:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            mirror = Mirror(MemoryStore(), PrimaryConfig(url, PEER, "k1", 1.0), signer, Counted())
            pulling = asyncio.create_task(mirror.once())
            while caplog.text.count(f"sync in progress peer={PEER}") < 2:
                await asyncio.sleep(0.01)
            held_up.set()
            assert await pulling
            await mirror.close()

    run(test())


def test_wrong_objects_in_place_of_those_that_were_asked_for_cost_no_progress(primary: MemoryStore) -> None:
    """They are found out by their hashes alone, so that nobody has to have a key to send them."""
    secondary = MemoryStore()
    with secondary.write() as writer:
        keep_cursors(writer, PEER, {"versions 0": CURSOR})

    async def wrong(asked: Asked) -> None:
        await asked.frames(FrameWriter(seal_for(asked.mac, STRANGER)).group(objects_of(primary)[:1]))

    async def test() -> None:
        async with lying(instead(primary, "/v0/objects/fetch", wrong)) as url, peer_of(url) as peer:
            with pytest.raises(InvalidObject, match="nobody asked for"):
                await once(peer, secondary)

    run(test())
    with secondary.read() as reader:
        assert cursors(reader, PEER) == {"versions 0": CURSOR}
