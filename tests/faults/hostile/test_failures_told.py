"""A mirror whose primary's answers are bad: its refs stand still, log and metrics say why, and it tries again."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable

import pytest

from httpkit import Counted, run
from liarkit import Asked, lying
from synckit import KEY, PEER, SMALL_NODES, check_for, commit, local_refs, names
from zonegit.auth.gate import Signer
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import Pauses
from zonegit.net.client import pull as http_pull
from zonegit.ops.config import PrimaryConfig
from zonegit.store.memory import MemoryStore
from zonegit.sync.frames import FrameReader, FrameWriter, Group

Lie = Callable[[Asked, MemoryStore], Awaitable[None]]


async def other_bytes(asked: Asked, primary: MemoryStore) -> None:
    """An object of which the last byte is another one, under a right MAC."""
    writer, data = FrameWriter(asked.seal), b""
    for frame in FrameReader(check_for(asked.mac)).feed(asked.truth(primary)):
        if isinstance(frame, Group):
            first, *others = frame.objects
            data += writer.group([first[:-1] + bytes((first[-1] ^ 1,)), *others])
    await asked.frames(data + writer.end(int(time.time())))


async def cut_short(asked: Asked, primary: MemoryStore) -> None:
    await asked.frames(asked.truth(primary)[:40])


async def changed_on_its_way(asked: Asked, primary: MemoryStore) -> None:
    data = asked.truth(primary)
    await asked.frames(data[:-1] + bytes((data[-1] ^ 1,)))


async def gone(asked: Asked, primary: MemoryStore) -> None:
    asked.line.writer.close()


async def unsigned(asked: Asked, primary: MemoryStore) -> None:
    await asked.unsigned(401)


@pytest.mark.parametrize(
    ("lie", "result"),
    [
        (other_bytes, "bad_object"),
        (cut_short, "bad_stream"),
        (changed_on_its_way, "bad_stream"),
        (gone, "unreachable"),
        (unsigned, "unauthorized"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_it_is_told_and_tried_again(
    lie: Lie, result: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_pull, "_pause", lambda _: 0.0)
    primary, secondary, samples = MemoryStore(), MemoryStore(), Counted()
    commit(primary, "example.org.", names("example.org.", 40), shape=SMALL_NODES)
    lies = False

    async def script(asked: Asked) -> None:
        await (lie(asked, primary) if lies and asked.path == "/v0/fetch" else asked.honest(primary))

    async def until(condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    async def test() -> None:
        nonlocal lies
        async with lying(script) as url:
            signer = Signer(PEER, KEY, time.time, os.urandom)
            mirror = Mirror(
                secondary, PrimaryConfig(url, PEER, "k1", 1.0), signer, samples, pauses=Pauses(0.001, 0.01, 0.01)
            )
            task = asyncio.create_task(mirror.run())
            await until(lambda: local_refs(secondary) == local_refs(primary))
            before, lies = local_refs(secondary), True
            commit(primary, "example.org.", names("example.org.", 60, seed=7), shape=SMALL_NODES)
            series = f"sync_sessions_total,peer={PEER},result={result}"
            await until(lambda: samples.values[series] >= 2)
            assert local_refs(secondary) == before
            lies = False
            await until(lambda: local_refs(secondary) == local_refs(primary))
            task.cancel()
            await mirror.close()
        assert f"result={result}" in caplog.text
        rejected = samples.values["sync_rejected_objects_total,reason=InvalidObject"]
        assert (rejected >= 2) is (result == "bad_object")

    run(test(), 60)
