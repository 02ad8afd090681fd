"""A user who may read a repository and not write to it reads right answers, or is told to try again."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import store_child
from spawnkit import PATIENCE, SPAWN, finished, run
from storekit import addresses, publish
from zonegit.errors import StoreError
from zonegit.store.lmdb import LmdbStore


@pytest.fixture
def shown():
    """A repository that others may read, and nothing else."""
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)  # pytest's own directories let nobody through
        store = LmdbStore.create(Path(place) / "repo")
        with store.write() as writer:
            publish(writer, addresses(3))
        store.path.chmod(0o755)
        (store.path / "data.mdb").chmod(0o644)
        (store.path / "lock.mdb").chmod(0o444)
        yield store
        store.close()


@contextmanager
def reading(store):
    """`ask()` and `tell()` are what the reader says, and what it waits for."""
    ours, theirs = SPAWN.Pipe()
    process = run(store_child.read_as_another_user, store.path, theirs)

    def ask():
        assert ours.poll(PATIENCE)
        return ours.recv()

    yield ask, ours.send
    ours.send(False)
    assert finished(process) == 0


def written(store, times):
    for number in range(times):
        with store.write() as writer:
            writer.set_setting("test", str(number).encode() * 9000)


def test_a_user_who_may_only_read_reads(shown) -> None:
    with reading(shown) as (ask, tell):
        for _ in range(2):
            tell(True)
            assert ask() == 1
            tell(True)
            assert ask() == 1
            written(shown, 5)


def test_one_commit_meanwhile_does_no_harm_and_more_are_told(shown) -> None:
    with reading(shown) as (ask, tell):
        tell(True)
        assert ask() == 1
        written(shown, 1)
        tell(True)
        assert ask() == 1
        tell(True)
        ask()
        written(shown, 2)
        tell(True)
        told = "was written to while it was read without the lock file: try again"
        assert ask() == f"StoreError: the repository at {shown.path} {told}"


def test_such_a_reader_leaves_the_table_of_readers_alone(shown) -> None:
    before = shown.stat().readers, (shown.path / "lock.mdb").read_bytes()
    with reading(shown) as (ask, tell):
        tell(True)
        ask()
        assert (shown.stat().readers, (shown.path / "lock.mdb").read_bytes()) == before
        tell(True)
        ask()


def test_no_server_answers_from_what_it_cannot_lock(shown, monkeypatch) -> None:
    shown.close()
    monkeypatch.setattr("zonegit.store.files._open_locks", lambda *_, **__: (None, True))
    reader = LmdbStore.open(shown.path, readonly=True)
    with pytest.raises(StoreError, match=r"lock\.mdb"):
        reader.renewable_reader()
    reader.close()
