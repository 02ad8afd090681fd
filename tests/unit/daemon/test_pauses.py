"""How soon a secondary tries again: within 15 s of the primary's return, however long that was away."""

import asyncio
import os
import random
import time

import pytest

from httpkit import Counted
from synckit import KEY, PEER
from virtualkit import run_virtual
from zonegit.auth.gate import Signer
from zonegit.daemon.mirror import Mirror
from zonegit.daemon.pauses import AT_ONCE, LONGEST, OUTAGE, PER_SECOND, Backoff, NewsRate, Pauses
from zonegit.errors import (
    InvalidFrame,
    InvalidObject,
    NotAuthorised,
    Refused,
    StoreFull,
    Unreachable,
    ZonegitError,
)
from zonegit.net.client.peer import CONNECT, PATIENCE, Interrupted
from zonegit.ops.config import PrimaryConfig
from zonegit.store.memory import MemoryStore

SOON = 15.0
"""Seconds."""
HUNG = PATIENCE + 1.0
"""Seconds until the next try where something takes connections for the primary and never answers."""


def tried_after(monkeypatch: pytest.MonkeyPatch, away: float, took: float, error: ZonegitError) -> float:
    """Seconds from the end of an outage to the next try's start; each try in it lasts so many and fails so."""
    back: list[asyncio.Future[float]] = []

    async def once(_self: Mirror) -> bool:
        started = asyncio.get_running_loop().time()
        if started >= away:
            back[0].set_result(started - away)
            await asyncio.Event().wait()
        await asyncio.sleep(took)
        raise error

    async def test() -> float:
        back.append(asyncio.get_running_loop().create_future())
        signer = Signer(PEER, KEY, time.time, os.urandom)
        mirror = Mirror(MemoryStore(), PrimaryConfig("http://127.0.0.1:9", PEER, "k1", 60.0), signer, Counted())
        task = asyncio.create_task(mirror._follow())
        found = await back[0]
        task.cancel()
        await mirror.close()
        return found

    monkeypatch.setattr(Mirror, "once", once)
    return run_virtual(test())


def test_a_primary_with_news_at_every_look_is_looked_at_a_few_times_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[float] = []

    async def once(_self: Mirror) -> bool:
        looked.append(asyncio.get_running_loop().time())
        return True

    async def test() -> None:
        signer = Signer(PEER, KEY, time.time, os.urandom)
        mirror = Mirror(MemoryStore(), PrimaryConfig("http://127.0.0.1:9", PEER, "k1", 60.0), signer, Counted())
        task = asyncio.create_task(mirror._follow())
        await asyncio.sleep(600)
        task.cancel()
        await mirror.close()

    monkeypatch.setattr(Mirror, "once", once)
    run_virtual(test())
    assert looked[AT_ONCE - 1] == 0
    assert len(looked) <= AT_ONCE + 600 * PER_SECOND + 1


def test_a_change_in_each_fifth_of_a_second_is_looked_at_at_once() -> None:
    now = 0.0
    looks = NewsRate(lambda: now)
    for _ in range(10 * AT_ONCE):
        assert looks.had_news() == 0
        now += 1 / PER_SECOND


@pytest.mark.parametrize("away", [1.0, 10.0, 60.0, 210.0, 3_600.0, 20_000.0])
@pytest.mark.parametrize(
    ("error", "took", "most"),
    [
        (Interrupted("refused"), 0.001, SOON),
        (Interrupted("no address for the host"), CONNECT, SOON),
        (Unreachable("timed out while connecting"), CONNECT, SOON),
        (Unreachable("503"), 0.1, SOON),
        (InvalidFrame("cut off"), 2.0, SOON),
        (Unreachable("nothing came"), PATIENCE, HUNG),
    ],
)
def test_a_primary_that_comes_back_is_asked_before_long(
    monkeypatch: pytest.MonkeyPatch, away: float, error: ZonegitError, took: float, most: float
) -> None:
    assert tried_after(monkeypatch, away, took, error) <= most


def test_the_bounds_add_up() -> None:
    """A try that began just before the primary's return, and the pause behind it."""
    assert CONNECT + OUTAGE < SOON


@pytest.mark.parametrize("error", [NotAuthorised("key"), Refused("epoch"), StoreFull("disk"), InvalidObject("bad")])
def test_what_the_primary_s_return_does_not_mend_is_tried_less_and_less(error: ZonegitError) -> None:
    backoff = Backoff(Pauses())
    pauses = [max(_failed(error, failures) for _ in range(200)) for failures in range(12)]
    assert pauses[0] <= 1
    assert LONGEST / 2 < pauses[-1] <= LONGEST
    assert backoff.failed(error, took=100.0) <= 1


def _failed(error: ZonegitError, before: int) -> float:
    backoff = Backoff(Pauses())
    for _ in range(before):
        backoff.failed(error)
    return backoff.failed(error)


def test_an_outage_starts_small_after_other_failures_and_they_after_it() -> None:
    backoff = Backoff(Pauses())
    for _ in range(20):
        backoff.failed(Unreachable("away"))
    assert backoff.failed(NotAuthorised("key")) <= 1
    for _ in range(20):
        backoff.failed(NotAuthorised("key"))
    assert backoff.failed(Unreachable("away")) <= 1


def test_many_secondaries_come_back_spread_over_time() -> None:
    random.seed(1)
    backoff = Backoff(Pauses())
    for _ in range(20):
        backoff.failed(Unreachable("away"))
    pauses = [backoff.failed(Unreachable("away")) for _ in range(100)]
    in_each = [sum(start <= pause < start + 1 for pause in pauses) for start in range(int(OUTAGE))]
    assert max(in_each) <= 30, "of 100, in any second"
    assert min(in_each) > 0


def test_a_pause_is_never_negative() -> None:
    random.seed(1)
    backoff = Backoff(Pauses())
    assert all(0 <= backoff.failed(Unreachable("away"), took) <= OUTAGE for took in (0.0, 0.5, 5.0, 500.0) * 20)
