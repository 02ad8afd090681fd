"""Who waits for commits gets those of all processes, and nothing else."""

import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

import store_child
from spawnkit import finished, run
from zonegit.errors import Refused
from zonegit.store import commit_watch
from zonegit.store.commit_watch import CommitWatch
from zonegit.store.lmdb import LmdbStore

LONG = 60.0


@pytest.fixture
def store(path: Path) -> Iterator[LmdbStore]:
    opened = LmdbStore.open(path)
    yield opened
    opened.close()


def note(store: LmdbStore) -> None:
    with store.write() as writer:
        writer.set_setting("other", b"1")


def test_a_commit_is_reported_once_whenever_it_comes(store: LmdbStore) -> None:
    with closing(store.watch()) as watch:
        assert not watch.wait(0)
        note(store)
        note(store)
        assert watch.wait(LONG)
        assert not watch.wait(0)
        later = threading.Timer(0.01, note, [store])
        later.start()
        assert watch.wait(LONG)
        later.join()


def test_what_is_reported_can_be_read(store: LmdbStore) -> None:
    with closing(store.watch()) as watch:
        for _ in range(20):
            before = store.txn_id()
            writing = threading.Thread(target=note, args=[store])
            writing.start()
            assert watch.wait(LONG)
            assert store.txn_id() == before + 1
            writing.join()
            watch.wait(0)


def test_a_commit_of_another_process_is_reported(store: LmdbStore, path: Path) -> None:
    with closing(store.watch()) as watch:
        assert finished(run(store_child.commit_often, path, "main", 1)) == 0
        assert watch.wait(LONG)


def test_neither_reading_nor_what_was_aborted_is_reported(store: LmdbStore) -> None:
    with closing(store.watch()) as watch:
        with store.read() as reader:
            assert reader.setting("other") is None
        with suppress(Refused), store.write() as writer:
            writer.set_setting("other", b"1")
            raise Refused("not that")
        assert not watch.wait(0.01)


def test_a_wait_can_be_ended(store: LmdbStore) -> None:
    with closing(store.watch()) as watch:
        watch.wake()
        assert watch.wait(LONG)
        assert not watch.wait(0)


def test_where_the_kernel_reports_nothing_a_wait_is_short(
    store: LmdbStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_watch, "_watching", lambda _data: None)
    with closing(store.watch()) as watch:
        note(store)
        assert not watch.wait(LONG)
        watch.wake()
        assert watch.wait(LONG)


def test_no_descriptor_is_left(store: LmdbStore) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    watch = store.watch()
    assert isinstance(watch, CommitWatch)
    watch.close()
    assert count() == before
