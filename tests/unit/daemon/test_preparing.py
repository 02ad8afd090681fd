"""Commits are made ready in another process as they are here, and its end is nobody's end."""

import asyncio
import os
import signal
from pathlib import Path

from repokit import parsed
from zonegit.daemon.arrivals import Arrivals
from zonegit.daemon.preparing import Preparer, Transfer, prepare
from zonegit.errors import Conflict, ZonegitError
from zonegit.model.names import parse_apex
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival
from zonegit.repo.incoming.state import TransferState
from zonegit.repo.incoming.values import WholeZone
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore


def transfer(zone: str, *, from_catalog: bool = False) -> Transfer:
    found = parsed(f"$ORIGIN {zone}\n@ 60 SOA ns hostmaster 7 60 10 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
    whole = WholeZone(parse_apex(zone), 7, found.entries, found.records)
    return Transfer(Position(zone, "main"), whole, "192.0.2.53", False, from_catalog)


TRANSFERS = [transfer(f"z{n}.example.", from_catalog=n == 3) for n in range(40)]


def summary(found: list[Arrival | ZonegitError]) -> list[object]:
    return [each.ready.done.zone if isinstance(each, Arrival) else type(each) for each in found]


def test_it_prepares_as_this_process_would(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")
    wanted = [f"z{n}.example." if n != 3 else Conflict for n in range(40)]
    assert summary(prepare(Context.over(store), TRANSFERS)) == wanted

    async def twice() -> None:
        preparer = Preparer(tmp_path / "repo")
        for _ in range(2):
            task = preparer.begin(TRANSFERS)
            assert task is not None
            assert summary(await task or []) == wanted
        await preparer.close()

    if len(os.sched_getaffinity(0)) > 1:
        asyncio.run(twice())
    store.close()


def test_batches_wait_for_each_other(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")

    async def together() -> None:
        preparer = Preparer(tmp_path / "repo")
        first = preparer.begin(TRANSFERS)
        if first is not None:
            await first
        tasks = [preparer.begin(TRANSFERS[at:]) for at in range(5)]
        found = [await task for task in tasks if task is not None]
        assert [len(each or ()) for each in found] == [40, 39, 38, 37, 36][: len(found)]
        await preparer.close()

    asyncio.run(together())
    store.close()


def test_a_small_batch_is_not_worth_it(tmp_path: Path) -> None:
    assert Preparer(tmp_path / "repo").begin(TRANSFERS[:5]) is None
    assert Preparer(None).begin(TRANSFERS) is None


def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")

    async def killed() -> None:
        preparer = Preparer(tmp_path / "repo")
        task = preparer.begin(TRANSFERS)
        assert task is not None
        assert await task
        assert preparer.pid is not None
        os.kill(preparer.pid, signal.SIGKILL)
        task = preparer.begin(TRANSFERS)
        assert task is not None
        assert await task is None
        task = preparer.begin(TRANSFERS)
        assert task is not None
        assert await task
        await preparer.close()

    if len(os.sched_getaffinity(0)) > 1:
        asyncio.run(killed())
    store.close()


def test_without_a_repository_there_is_nothing_prepared(tmp_path: Path) -> None:
    async def missing() -> None:
        preparer = Preparer(tmp_path / "nothing")
        task = preparer.begin(TRANSFERS)
        assert task is None or await task is None
        await preparer.close()

    asyncio.run(missing())


def test_many_zones_that_come_at_once_are_stored(tmp_path: Path) -> None:
    """In several batches, of which one is made ready while another one is stored."""
    store = LmdbStore.create(tmp_path / "repo")
    transfers = [transfer(f"z{n}.example.") for n in range(600)]

    async def storing() -> None:
        arrivals = Arrivals(Context.over(store), tmp_path / "repo")
        running = asyncio.create_task(arrivals.run())
        states = [
            arrivals.store(each.place, each.brought, each.server, lambda _: TransferState("main", ("192.0.2.53",)))
            for each in transfers
        ]
        found = await asyncio.gather(*states)
        assert {each.ready.done.zone for each in found} == {each.place.zone for each in transfers}
        assert arrivals.held == 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(storing())
    with store.read() as reader:
        assert len(list(reader.refs("refs/heads/"))) == 600
    store.close()
