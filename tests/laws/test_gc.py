"""The law of `gc`, by schedules of writers, pulls and kills: nothing that a ref, or a reflog entry in its grace,
reaches is ever lost, and whatever is under way ends well.

`ZONEGIT_GC` is the number of schedules (60; 10,000 find what is rare), `ZONEGIT_SEED` the first one's seed.
"""

import os
from pathlib import Path
from random import Random

import pytest

from gckit import MIRRORED, AnyStore, Interleaved, Killed, Others, perhaps_killed, reached
from storekit import SMALL_NODES
from synckit import Wire, commit, names
from zonegit.repo.gc import HOOKS
from zonegit.store import gc as collector
from zonegit.store import marking
from zonegit.store.fsck import fsck
from zonegit.store.gc import gc
from zonegit.store.lmdb import LmdbStore
from zonegit.store.memory import MemoryStore

SCHEDULES = int(os.environ.get("ZONEGIT_GC", "60"))
SEED = int(os.environ.get("ZONEGIT_SEED", "1"))
ON_DISK = 20
"""One schedule in this many uses LMDB."""

pytestmark = pytest.mark.timeout(60 + SCHEDULES)


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many transactions for few objects, and nobody sleeps."""
    monkeypatch.setattr(collector, "sleep", lambda _: None)
    monkeypatch.setattr(collector, "_FIRST", 7)
    monkeypatch.setattr(collector, "_FEWEST", 3)
    monkeypatch.setattr(collector, "_MOST", 11)
    monkeypatch.setattr(marking, "PAGE", 16)
    monkeypatch.setattr(collector, "PAGE", 16)


@pytest.fixture
def primary() -> MemoryStore:
    found = MemoryStore()
    commit(found, MIRRORED, names(MIRRORED, 60), shape=SMALL_NODES)
    commit(found, MIRRORED, names(MIRRORED, 70, large=1), shape=SMALL_NODES)
    return found


def check(store: AnyStore, since: int) -> None:
    """Whatever is named is here, and all is whole, with what it points to."""
    assert not fsck(store).problems
    with store.read() as reader:
        assert all(reader.has(oid) for oid in reached(store, since))
        assert all(list(reader.reflog(name)) for name in reader.logged(""))


def run(store: AnyStore, primary: MemoryStore, seed: int) -> tuple[int, int]:
    """One schedule; how many objects went, and how many things others did."""
    rng = Random(seed)
    others = Others(store, primary, rng)
    grace = rng.choice((0, 3, 20, 1000))
    gone = 0
    for _ in range(rng.randrange(4, 12)):
        others.turn()
    for _ in range(3):
        since = others.clock - grace
        until = rng.choice((5, 20, 40, 10_000))

        def turn(left: list[int] = [until]) -> None:  # noqa: B006
            left[0] -= 1
            if left[0] <= 0:
                raise Killed
            if rng.random() < 0.02:
                others.break_off()
            others.turn()

        with perhaps_killed():
            gone += sum(gc(Interleaved(store, turn), since, HOOKS).gone.values())
        check(store, since)
    others.finish()
    gone += sum(gc(store, others.clock - grace, HOOKS).gone.values())
    check(store, others.clock - grace)
    Wire(primary).pull(store, split=40)
    check(store, others.clock - grace)
    return gone, others.done


def test_nothing_is_lost_by_any_schedule(primary: MemoryStore, tmp_path: Path) -> None:
    gone = done = 0
    for seed in range(SEED, SEED + SCHEDULES):
        store = MemoryStore() if seed % ON_DISK else LmdbStore.create(tmp_path / f"{seed}")
        try:
            result = run(store, primary, seed)
        except BaseException:
            print(f"ZONEGIT_SEED={seed} ZONEGIT_GC=1")
            raise
        finally:
            store.close()
        gone, done = gone + result[0], done + result[1]
    print(f"{SCHEDULES} schedules: {gone} objects went beside {done} commits, moves and pulls")
    assert SCHEDULES < 100 or gone > 10 * SCHEDULES
