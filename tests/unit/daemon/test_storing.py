"""Transfers are stored by another process as they are here, and its end is nobody's end."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from repokit import parsed
from zonegit.daemon.arrivals import Arrivals
from zonegit.daemon.storing import Batch, Stored, StoringProcess, Transfer, store_batch
from zonegit.errors import Conflict
from zonegit.model.names import parse_apex
from zonegit.model.refs import head
from zonegit.ops.log import Format
from zonegit.repo.context import Context
from zonegit.repo.incoming.commit import Arrival
from zonegit.repo.incoming.state import TransferState, transfer_states
from zonegit.repo.incoming.values import WholeZone
from zonegit.repo.results import Position
from zonegit.store.lmdb import LmdbStore

TWO_PROCESSORS = len(os.sched_getaffinity(0)) > 1
STATE = TransferState("main", ("192.0.2.53",))


def state_of(_: Arrival) -> TransferState:
    return STATE


def transfer(zone: str, *, from_catalog: bool = False) -> Transfer:
    found = parsed(f"$ORIGIN {zone}\n@ 60 SOA ns hostmaster 7 60 10 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
    whole = WholeZone(parse_apex(zone), 7, found.entries, found.records)
    return Transfer(Position(zone, "main"), whole, "192.0.2.53", False, from_catalog, state_of)


TRANSFERS = [transfer(f"z{n}.example.", from_catalog=n == 3) for n in range(40)]
GONE = {"gone.example.": STATE}
WANTED = [f"z{n}.example." if n != 3 else Conflict for n in range(40)]


class Counting(StoringProcess):
    """Counts the batches that were handed to the process."""

    begun = 0

    def begin(self, batch: Batch) -> asyncio.Task[Stored | None] | None:
        self.begun += 1
        return super().begin(batch)


def summary(found: Stored | None) -> list[object]:
    return [each.ready.done.zone if isinstance(each, Arrival) else type(each) for each in found or ()]


def check_stored(store: LmdbStore) -> None:
    """Everything is there but the zone that isn't a member, with the states."""
    zones = {each.place.zone for each in TRANSFERS} - {"z3.example."}
    with store.read() as reader:
        assert {name for name, _ in reader.refs("refs/heads/")} == {head(zone, "main") for zone in zones}
        assert dict(transfer_states(reader)) == {**dict.fromkeys(zones, STATE), **GONE}
        assert all(reader.view(head(zone, "main")) for zone in zones)


def test_a_batch_is_stored_here(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")
    found = store_batch(Context.over(store), Batch(TRANSFERS, GONE))
    assert summary(found) == WANTED
    assert not any(each.ready.objects for each in found if isinstance(each, Arrival))
    check_stored(store)
    store.close()


def test_what_is_not_wanted_any_more_is_not_stored(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")
    found = store_batch(Context.over(store), Batch(TRANSFERS[:3], {}), lambda at: at != 1)
    assert summary(found) == ["z0.example.", Conflict, "z2.example."]
    with store.read() as reader:
        assert [name for name, _ in reader.refs("refs/heads/")] == [head(f"z{n}.example.", "main") for n in (0, 2)]
    store.close()


@pytest.mark.skipif(not TWO_PROCESSORS, reason="there is no such process on one processor")
def test_a_process_stores_a_batch_as_this_one_would(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")

    async def twice() -> None:
        process = StoringProcess(tmp_path / "repo")
        for _ in range(2):  # the second time the zones are here already
            task = process.begin(Batch(TRANSFERS, GONE))
            assert task is not None
            assert summary(await task) == WANTED
            check_stored(store)
        await process.close()

    asyncio.run(twice())
    store.close()


def test_batches_are_stored_in_their_order(tmp_path: Path) -> None:
    """Also a small one behind a large one, which it would overtake here."""
    store = LmdbStore.create(tmp_path / "repo")
    zone = {"z0.example.": None}

    async def together() -> None:
        process = StoringProcess(tmp_path / "repo")
        tasks = [
            process.begin(Batch(*each)) for each in ((TRANSFERS, {}), (TRANSFERS[5:], zone), (TRANSFERS[7:8], {}))
        ]
        found = [summary(await task) for task in tasks if task is not None]
        assert found == [WANTED, WANTED[5:], WANTED[7:8]][: len(found)]
        assert len(found) == (3 if TWO_PROCESSORS else 0)
        await process.close()

    asyncio.run(together())
    with store.read() as reader:
        assert "z0.example." not in dict(transfer_states(reader))
    store.close()


def test_a_small_batch_is_not_worth_it(tmp_path: Path) -> None:
    assert StoringProcess(tmp_path / "repo").begin(Batch(TRANSFERS[:5], {})) is None
    assert StoringProcess(None).begin(Batch(TRANSFERS, {})) is None


@pytest.mark.skipif(not TWO_PROCESSORS, reason="there is no such process on one processor")
def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path / "repo")

    async def killed() -> None:
        process = StoringProcess(tmp_path / "repo")
        task = process.begin(Batch(TRANSFERS, {}))
        assert task is not None
        assert await task
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        tasks = [process.begin(Batch(TRANSFERS, {})) for _ in range(2)]
        while process.pid is not None:
            await asyncio.sleep(0)
        assert process.begin(Batch(TRANSFERS, {})) is None  # it would overtake them
        assert [await task for task in tasks if task is not None] == [None, None]
        task = process.begin(Batch(TRANSFERS, GONE))
        assert task is not None
        assert await task
        await process.close()

    asyncio.run(killed())
    check_stored(store)
    store.close()


@pytest.mark.skipif(not TWO_PROCESSORS, reason="there is no such process on one processor")
def test_a_process_that_waits_for_another_writer_says_so(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    store = LmdbStore.create(tmp_path / "repo")

    async def held_up() -> None:
        process = StoringProcess(tmp_path / "repo", Format.JSON)
        with store.write():
            task = process.begin(Batch(TRANSFERS, GONE))
            logged = ""
            while not logged.endswith("\n"):
                await asyncio.sleep(0.05)
                logged += capfd.readouterr().err
        said = json.loads(logged)
        assert (said["level"], said["from"]) == ("warning", "storing")
        assert f"(pid {os.getpid()}," in said["message"]
        assert task is not None
        assert await task
        await process.close()

    asyncio.run(held_up())
    check_stored(store)
    store.close()


@pytest.mark.skipif(not TWO_PROCESSORS, reason="there is no such process on one processor")
def test_storing_is_cancelled_while_batches_wait(tmp_path: Path) -> None:
    """Whoever cancels it stores what is left: nothing else may be raised."""
    store = LmdbStore.create(tmp_path / "repo")

    async def cancelled() -> None:
        process = Counting(tmp_path / "repo")
        arrivals = Arrivals(Context.over(store), process)
        running = asyncio.create_task(arrivals.run())
        transfers = [transfer(f"z{n}.example.") for n in range(600)]
        states = [arrivals.store(each.place, each.brought, each.server, each.state_of) for each in transfers]
        stored = asyncio.gather(*states, return_exceptions=True)
        while process.pid is None or process.begun < 2:
            await asyncio.sleep(0)
        running.cancel()
        assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)
        stored.cancel()
        await asyncio.gather(stored, return_exceptions=True)

    asyncio.run(cancelled())
    store.close()


def test_without_a_repository_nothing_is_stored(tmp_path: Path) -> None:
    async def missing() -> None:
        process = StoringProcess(tmp_path / "nothing")
        task = process.begin(Batch(TRANSFERS, {}))
        assert task is None or await task is None
        await process.close()

    asyncio.run(missing())


def test_many_zones_that_come_at_once_are_stored(tmp_path: Path) -> None:
    """In several batches, of which another process stores most."""
    store = LmdbStore.create(tmp_path / "repo")
    transfers = [transfer(f"z{n}.example.") for n in range(600)]

    async def storing() -> None:
        arrivals = Arrivals(Context.over(store), StoringProcess(tmp_path / "repo"))
        running = asyncio.create_task(arrivals.run())
        states = [arrivals.store(each.place, each.brought, each.server, each.state_of) for each in transfers]
        found = await asyncio.gather(*states)
        assert {each.ready.done.zone for each in found} == {each.place.zone for each in transfers}
        assert arrivals.held == 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    asyncio.run(storing())
    with store.read() as reader:
        assert len(list(reader.refs("refs/heads/"))) == len(list(transfer_states(reader))) == 600
    store.close()
