"""What only the store on disk has: several processes, growth, full disks, crashes, permissions, foreign files."""

import errno
import mmap
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import lmdb
import pytest

import store_child
from spawnkit import PATIENCE, SPAWN, answer, finished, killed_while_waiting, run
from storekit import MAIN, addresses, publish, tag_of, version
from zonegit.errors import Refused, StoreError, StoreFull, StoreUnfinished, ZonegitError
from zonegit.model.ids import Kind, object_id
from zonegit.store.environment import _opened
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table


def test_processes_write_and_read_at_once(path: Path) -> None:
    branches, rounds = ["one", "two", "main"], 12
    pipes: list[Connection] = []
    readers = []
    for _ in range(2):
        ours, theirs = SPAWN.Pipe()
        pipes.append(ours)
        readers.append(run(store_child.read_until, path, branches, rounds * len(branches), theirs))
    writers = [run(store_child.commit_often, path, branch, rounds) for branch in branches]
    assert [finished(process) for process in writers] == [0, 0, 0]
    for pipe, process in zip(pipes, readers, strict=True):
        assert pipe.poll(PATIENCE)
        assert pipe.recv() == []
        assert finished(process) == 0
    store = LmdbStore.open(path)
    assert fsck(store).problems == []
    with store.read() as reader:
        assert reader.seq == rounds * len(branches)
    store.close()


def test_a_writer_killed_in_mid_transaction_leaves_the_last_commit(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        tip = publish(writer, addresses(10))
    store.close()
    killed_while_waiting(store_child.hang_in_a_transaction, path)
    store = LmdbStore.open(path)
    with store.read() as reader:
        assert reader.ref(MAIN) == tip
        assert reader.setting("HEAD") is None
        assert reader.seq == 1
    assert fsck(store).problems == []
    with store.write() as writer:
        publish(writer, addresses(11), tip, 1, 2)
    store.close()


@pytest.mark.parametrize("turn", range(5))
def test_a_writer_killed_at_any_moment_leaves_a_sound_store(path: Path, turn: int) -> None:
    watcher = LmdbStore.open(path, readonly=True)
    process = run(store_child.commit_often, path, "main", 10_000)
    deadline = time.monotonic() + PATIENCE
    while watcher.txn_id() < 5 + 3 * turn and time.monotonic() < deadline:
        watcher.reader_check()
    process.kill()
    assert finished(process) == -9
    watcher.close()
    store = LmdbStore.open(path)
    with store.read() as reader:
        rounds = int(reader.setting("main") or b"0")
        assert rounds == reader.seq == len(list(reader.reflog(MAIN))) >= 3
        view = reader.view(MAIN)
        assert view
        assert view.serial == rounds
    assert fsck(store).problems == []
    store.close()


def test_threads_share_a_store(path: Path) -> None:
    store = LmdbStore.open(path)

    def count(_: int) -> bool:
        with store.write() as writer:
            before = int(writer.setting("total") or b"0")
            writer.set_setting("total", b"%d" % (before + 1))
        with store.read() as reader:
            return int(reader.setting("total") or b"0") > before

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(count, range(40)))
    with store.read() as reader:
        assert reader.setting("total") == b"40"
    store.close()


def test_a_killed_readers_slot_is_freed(path: Path) -> None:
    store = LmdbStore.open(path)
    killed_while_waiting(store_child.hang_in_a_reader, path)
    assert store.reader_check() == 1
    assert store.reader_check() == 0
    store.close()


def test_a_map_grown_by_another_process_is_adopted(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path, map_size=1 << 20)
    reader_before = store.renewable_reader()
    assert finished(run(store_child.grow, tmp_path, 1 << 30, 20_000)) == 0
    with store.read() as reader:
        assert reader.object_counts()[Kind.TAG] == 20_000
    assert store.stat().map_size > 1 << 20
    reader_before.renew()
    assert reader_before.object_counts()[Kind.TAG] == 20_000
    with store.write() as writer:
        publish(writer, addresses(5))
    assert fsck(store).problems == []
    store.close()


def test_a_full_map_is_an_error_that_loses_nothing_and_heals(tmp_path: Path) -> None:
    store = LmdbStore.create(tmp_path, map_size=1 << 20)
    with store.write() as writer:
        tip = publish(writer, addresses(10))
    commit, objects = version(addresses(1))
    tags = [tag_of(commit, name=f"t{n}") for n in range(20_000)]
    with pytest.raises(StoreFull, match="nothing was written"), store.write() as writer:
        writer.insert([*objects, *tags])
    with store.read() as reader:
        assert reader.ref(MAIN) == tip
        assert reader.object_counts()[Kind.TAG] == 0
    with store.write() as writer:
        tip = publish(writer, addresses(12), tip, 1, 2)
    assert fsck(store).problems == []
    store.close()
    store = LmdbStore.open(tmp_path, map_size=1 << 30)
    with store.write() as writer:
        writer.insert([*objects, *tags])
    with store.read() as reader:
        assert reader.ref(MAIN) == tip
        assert reader.has(object_id(tags[-1]))
    assert fsck(store).problems == []
    store.close()


def test_a_file_that_may_not_grow_is_an_error_that_loses_nothing_and_heals(path: Path) -> None:
    assert answer(store_child.write_beyond_a_limit, path) == (
        f"no space is left for the repository at {path}; nothing was written: free some space and retry",
        False,
    )
    store = LmdbStore.open(path)
    assert fsck(store).problems == []
    store.close()


def test_a_full_disk_is_an_error_that_loses_nothing_and_heals(
    tmp_path: Path, needs_program: Callable[[str], str]
) -> None:
    namespace = [needs_program("unshare"), "--mount"]
    if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs permission to mount")
    call = "import sys, pathlib, store_child; store_child.fill_a_small_disk(pathlib.Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONPATH": str(Path(store_child.__file__).parent)}
    command = [*namespace, sys.executable, "-c", call, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_a_disk_too_full_to_begin_is_left_without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(StoreFull):
        patched.setattr(os, "posix_fallocate", refuse)
        LmdbStore.create(tmp_path)
    assert list(tmp_path.iterdir()) == []
    LmdbStore.create(tmp_path).close()


def test_no_permission_is_one_line(path: Path) -> None:
    path.chmod(0)
    try:
        said = str(answer(store_child.open_without_permission, path))
    finally:
        path.chmod(0o750)
    assert said.startswith("StoreError: no permission")
    assert "\n" not in said


def test_files_are_not_for_others(path: Path) -> None:
    assert path.stat().st_mode & 0o027 == 0
    assert (path / "data.mdb").stat().st_mode & 0o137 == 0


def test_files_are_those_of_lmdb_0_9(path: Path) -> None:
    magic, version_ = struct.unpack_from("=II", (path / "data.mdb").read_bytes(), 16)
    assert (magic, version_) == (0xBEEFC0DE, 1)


def test_a_directory_without_a_repository_stays_as_it_is(tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "none"):
        for readonly in (True, False):
            with pytest.raises(StoreError, match="zonegit init"):
                LmdbStore.open(missing, readonly=readonly)
    assert list(tmp_path.iterdir()) == []


def test_a_repository_is_made_only_once(path: Path) -> None:
    with pytest.raises(Refused, match="already"):
        LmdbStore.create(path)
    LmdbStore.open(path).close()


@pytest.mark.parametrize("name", ["file", "file/below", "a\0b", "x" * 300])
def test_a_path_that_can_hold_no_directory_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="can't make"):
        LmdbStore.create(tmp_path / name)
    with pytest.raises(StoreError, match="no repository"):
        LmdbStore.open(tmp_path / name)


@pytest.mark.parametrize("content", [b"", b"junk" * 5000])
def test_a_foreign_file_is_no_repository(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.mdb").write_bytes(content)
    with pytest.raises(ZonegitError):
        LmdbStore.open(tmp_path)


def test_an_unfinished_repository_can_be_made_again(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        writer.draft.clear(Table.META)
    store.close()
    with pytest.raises(StoreError, match="init"):
        LmdbStore.open(path)
    LmdbStore.create(path).close()
    LmdbStore.open(path).close()


def first_bytes(tmp_path: Path) -> bytes:
    """What LMDB writes first: two meta pages."""
    environment = lmdb.Environment(str(tmp_path / "fresh"), lib_version=0)
    environment.close()
    found = (tmp_path / "fresh" / "data.mdb").read_bytes()
    assert len(found) == 2 * mmap.PAGESIZE
    return found


@pytest.mark.parametrize("size", [0, 1, 19, 20, 100, 4095, 4096, 4097, 8191, 8192])
@pytest.mark.parametrize("zeros", [False, True])
def test_a_torn_first_write_blocks_no_second_try(tmp_path: Path, size: int, zeros: bool) -> None:
    first = first_bytes(tmp_path)[:size]
    path = tmp_path / "repo"
    path.mkdir()
    (path / "data.mdb").write_bytes(bytes(size) if zeros else first)
    (path / "lock.mdb").write_bytes(bytes(100))
    for readonly in (True, False):
        with pytest.raises(StoreUnfinished, match="interrupted: run `zonegit init` again"):
            LmdbStore.open(path, readonly=readonly)
    LmdbStore.create(path).close()
    LmdbStore.open(path).close()


def test_what_was_once_a_repository_or_is_another_file_is_not_made_anew(path: Path, tmp_path: Path) -> None:
    """Not even where hardly anything of it is left."""
    whole = (path / "data.mdb").read_bytes()
    for number, content in enumerate((whole[: 2 * mmap.PAGESIZE], b"a text\n", bytes(3 * mmap.PAGESIZE))):
        other = tmp_path / str(number)
        other.mkdir()
        (other / "data.mdb").write_bytes(content)
        with pytest.raises(ZonegitError):
            LmdbStore.create(other)
        assert (other / "data.mdb").read_bytes()[: len(content)] == content


def test_another_format_is_refused(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        writer.draft.put(Table.META, b"format", b"\0\0\0\2")
    store.close()
    with pytest.raises(StoreError, match="format 2"):
        LmdbStore.open(path)


def test_a_repository_can_be_opened_twice_in_a_process(path: Path) -> None:
    one, two = LmdbStore.open(path), LmdbStore.open(path, readonly=True)
    with one.write() as writer:
        writer.set_setting("HEAD", b"x")
    one.close()
    one.close()
    with two.read() as reader:
        assert reader.setting("HEAD") == b"x"
    with pytest.raises(StoreError, match="reading only"), two.write():
        pass
    two.close()
    for closed in (one, two):
        with pytest.raises(StoreError, match="closed"), closed.read():
            pass
        with pytest.raises(StoreError, match="closed"):
            closed.txn_id()


def test_a_store_that_is_closed_in_the_middle_of_a_transaction(path: Path) -> None:
    """The thread completes it; then the next writer gets its turn, in any process."""
    begun, closed = threading.Event(), threading.Event()
    store = LmdbStore.open(path)
    status = (path / "data.mdb").stat()
    key = status.st_dev, status.st_ino

    def write() -> None:
        with store.write() as writer:
            begun.set()
            assert closed.wait(PATIENCE)
            writer.set_setting("of the thread", b"1")

    def read() -> None:
        with store.read() as reader:
            begun.set()
            assert closed.wait(PATIENCE)
            assert reader.setting("of the thread") == b"1"

    with ThreadPoolExecutor(1) as threads:
        for work in (write, read):
            begun.clear()
            closed.clear()
            future = threads.submit(work)
            assert begun.wait(PATIENCE)
            store.close()
            with pytest.raises(StoreError, match="closed"), store.read():
                pass
            again = LmdbStore.open(path)
            again.close()
            closed.set()
            future.result(PATIENCE)
            assert key not in _opened, "the last user closed it"
            assert finished(run(store_child.commit_often, path, work.__name__, 1)) == 0
            store = LmdbStore.open(path)
    store.close()


def test_closing_ends_a_wait_for_the_writers_lock(path: Path) -> None:
    holder, store = LmdbStore.open(path), LmdbStore.open(path)

    def write() -> None:
        with store.write():
            raise AssertionError("the store was closed")

    with ThreadPoolExecutor(1) as threads, holder.write():
        future = threads.submit(write)
        while not future.running():
            time.sleep(0.001)
        store.close()
        with pytest.raises(StoreError, match="is closed"):
            future.result(PATIENCE)
    holder.close()


def test_a_readers_environment_does_not_become_a_writers(path: Path) -> None:
    store = LmdbStore.open(path, readonly=True)
    with pytest.raises(StoreError, match="close that first"):
        LmdbStore.open(path)
    store.close()
    LmdbStore.open(path).close()


def test_a_reset_reader_is_an_error_and_not_an_answer(path: Path) -> None:
    store = LmdbStore.open(path)
    reader = store.renewable_reader()
    reader.reset()
    reader.reset()
    for read in (lambda: reader.setting("a"), lambda: list(reader.refs()), lambda: reader.index_root):
        with pytest.raises(StoreError):
            read()
    reader.renew()
    assert reader.setting("a") is None
    reader.reset()
    store.close()


def test_stat_tells_sizes_and_counts(path: Path) -> None:
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(5))
    stat = store.stat()
    assert 0 < stat.map_used <= (path / "data.mdb").stat().st_size
    assert stat.map_size == 1 << 40
    assert stat.readers >= 1
    assert stat.objects == {Kind.COMMIT: 1, Kind.ZONE: 1, Kind.NODE: 1, Kind.RRSET: 0, Kind.TAG: 0}
    store.close()
