"""Waiting for another writer: told, bounded, interruptible, and over when that one dies."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path

import pytest

import store_child
from spawnkit import PATIENCE, SPAWN, finished, run
from zonegit.errors import StoreBusy
from zonegit.store import writer_lock
from zonegit.store.lmdb import LmdbStore
from zonegit.store.writer_lock import Patience


@pytest.fixture
def path(tmp_path: Path) -> Path:
    LmdbStore.create(tmp_path / "repo").close()
    return tmp_path / "repo"


@contextmanager
def another_writer(path: Path) -> Iterator[tuple[SpawnProcess, Connection]]:
    """A process in the middle of a write transaction."""
    ours, theirs = SPAWN.Pipe()
    process = run(store_child.hold_the_writer_lock, path, theirs)
    assert ours.poll(PATIENCE)
    ours.recv()
    try:
        yield process, ours
    finally:
        if process.is_alive():
            ours.send("end")
        finished(process)


def test_who_does_not_wait_is_refused_at_once_and_told_by_whom(path: Path) -> None:
    store = LmdbStore.open(path, patience=Patience(0))
    with another_writer(path) as (process, _):
        named = pytest.raises(StoreBusy, match=rf"\(pid {process.pid}, user \w+\) is writing")
        with named as caught, store.write():
            pass
        assert caught.value.exit_code == 4
        with pytest.raises(StoreBusy, match="nothing was written"), store.write():
            pass
        with store.read() as reader:
            assert reader.seq == 0, "reading never waits"
    with store.write() as writer:
        writer.set_setting("a", b"1")
    store.close()


def test_opening_waits_no_longer_either(path: Path) -> None:
    with another_writer(path), pytest.raises(StoreBusy):
        LmdbStore.open(path, patience=Patience(0))
    LmdbStore.open(path, patience=Patience(0)).close()


def test_waiting_is_told_once_and_ends_with_the_other_writer(path: Path) -> None:
    told: list[str] = []
    with another_writer(path) as (process, pipe):

        def end(message: str) -> None:
            told.append(message)
            pipe.send("end")

        store = LmdbStore.open(path, patience=Patience(PATIENCE, end))
        with store.write() as writer:
            writer.set_setting("a", b"1")
        store.close()
        (message,) = told
        assert message.startswith("waiting for ")
        assert f"(pid {process.pid}, user " in message


def test_a_killed_writer_is_not_waited_for(path: Path) -> None:
    with another_writer(path) as (process, _):
        store = LmdbStore.open(path, patience=Patience(PATIENCE, lambda _: process.kill()))
        with store.write() as writer:
            writer.set_setting("a", b"1")
        store.close()


def test_a_writer_that_is_stopped_is_waited_for_no_longer_than_wanted(path: Path) -> None:
    with another_writer(path) as (process, _):
        assert process.pid
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(StoreBusy):
            LmdbStore.open(path, patience=Patience(0.1))
        os.kill(process.pid, signal.SIGCONT)


def test_threads_wait_for_each_other(path: Path) -> None:
    store = LmdbStore.open(path, patience=Patience(0.05))
    with store.write():
        found: list[BaseException] = []

        def write() -> None:
            try:
                with store.write():
                    pass
            except StoreBusy as error:
                found.append(error)

        thread = threading.Thread(target=write)
        thread.start()
        thread.join(PATIENCE)
    assert "another thread of this process is writing" in str(found[0])
    with store.write():
        pass
    store.close()


def test_a_refused_change_gives_the_lock_back(path: Path) -> None:
    store = LmdbStore.open(path, patience=Patience(0))
    for _ in range(2):
        with pytest.raises(RuntimeError), store.write():
            raise RuntimeError
    store.close()


def test_a_holder_that_nobody_can_name(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_lock, "_owner", lambda _inode: 0)
    with another_writer(path), pytest.raises(StoreBusy, match=r"^another process is writing"):
        LmdbStore.open(path, patience=Patience(0))


def test_a_file_system_without_such_locks_leaves_lmdb_s(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(writer_lock.fcntl, "flock", flock)
    store = LmdbStore.open(path, patience=Patience(0))
    with store.write() as writer:
        writer.set_setting("a", b"1")
    store.close()


def test_an_uncontended_lock_costs_next_to_nothing(path: Path) -> None:
    store = LmdbStore.open(path)
    lock = store._opened.lock
    began = time.process_time()
    for _ in range(1000):
        with lock.held(Patience(0)):
            pass
    assert time.process_time() - began < 1, "seconds of the processor for 1,000 times, which take some 5 ms"
    store.close()


def test_a_reader_begins_to_write_unless_somebody_else_does(path: Path) -> None:
    store = LmdbStore.open(path, readonly=True)
    with another_writer(path), pytest.raises(StoreBusy):
        store.begin_writing(Patience(0))
    with store.read() as reader, pytest.raises(StoreBusy, match="can't be written to yet"):
        thread_fails = reader.seq
        store.begin_writing(Patience(0))
    assert thread_fails == 0
    store.begin_writing(Patience(5))
    store.begin_writing(Patience(0))
    with store.write() as writer:
        writer.set_setting("written", b"yes")
    with store.read() as reader:
        assert reader.setting("written") == b"yes"
    store.close()
