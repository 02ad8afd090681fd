"""`compact`: the same repository in a smaller file, or nothing changed."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from storekit import addresses, publish
from zonegit.errors import CorruptStore, StoreBusy, StoreFull
from zonegit.store import compact as module
from zonegit.store.compact import Progress, compact
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.tables import Table

Items = list[list[tuple[bytes, bytes]]]


def content(path: Path) -> Items:
    """Every item of every table."""
    store = LmdbStore.open(path, readonly=True)
    with store.read() as reader:
        found = [list(reader.tables.scan(table)) for table in Table]
    store.close()
    return found


@pytest.fixture
def loose(path: Path) -> Path:
    """A repository with free pages."""
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(5000))
    with store.write() as writer:
        for number in range(1, 300):
            writer.set_setting(f"filler/{number}", bytes(4000))
    with store.write() as writer:
        for number in range(1, 300):
            writer.set_setting(f"filler/{number}", None)
    store.close()
    LmdbStore.open(path, readonly=True).close()  # which makes the file as long as LMDB takes it to be
    return path


def test_it_is_the_same_repository_in_fewer_bytes(loose: Path) -> None:
    before = content(loose)
    foretold = compact(loose, dry_run=True)
    mode = (loose / "data.mdb").stat().st_mode
    done = compact(loose)
    assert done == foretold
    assert done.saved > 1_000_000
    assert (loose / "data.mdb").stat().st_size == done.after
    assert (loose / "data.mdb").stat().st_mode == mode
    assert content(loose) == before
    assert files(loose) == ["data.mdb", "lock.mdb"]
    store = LmdbStore.open(loose)
    assert not fsck(store).problems
    with store.write() as writer:
        writer.set_setting("still", b"writable")
    store.close()
    assert compact(loose).saved < 100_000


def files(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())


def unchanged(path: Path, before: bytes) -> bool:
    return (path / "data.mdb").read_bytes() == before and files(path) == ["data.mdb", "lock.mdb"]


_USES = """
import sys
from pathlib import Path
from zonegit.store.lmdb import LmdbStore
store = LmdbStore.open(Path(sys.argv[1]), readonly=sys.argv[2] == "reads")
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def used(path: Path, how: str) -> Iterator[None]:
    """While another process has it open."""
    command = [sys.executable, "-c", _USES, str(path), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdin
        assert other.stdout.readline() == b"open\n"
        yield
        other.stdin.close()
        assert other.wait() == 0


@pytest.mark.parametrize("how", ["reads", "writes"])
@pytest.mark.parametrize("dry_run", [True, False])
def test_it_is_refused_while_another_process_has_it_open(loose: Path, how: str, dry_run: bool) -> None:
    with used(loose, how):
        before = (loose / "data.mdb").read_bytes()
        with pytest.raises(StoreBusy, match="stop zonegitd"):
            compact(loose, dry_run=dry_run)
        assert unchanged(loose, before)
    assert compact(loose).saved > 0


def test_it_is_refused_while_this_process_has_it_open(loose: Path) -> None:
    store = LmdbStore.open(loose)
    with pytest.raises(StoreBusy, match="close it first"):
        compact(loose)
    with store.read() as reader:
        assert list(reader.refs())
    store.close()


def test_it_is_refused_beside_a_restore(loose: Path) -> None:
    directory = os.open(loose, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    with pytest.raises(StoreBusy, match="restoring or compacting"):
        compact(loose)
    os.close(directory)


def test_whoever_opens_it_meanwhile_keeps_it_as_it_is(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that comes while the copy is made waits, and the copy isn't put in the file's place."""
    before = (loose / "data.mdb").read_bytes()
    compare = module._compare
    with ExitStack() as stack:

        def meanwhile(old: Path, copy: Path, progress: Progress | None) -> None:
            stack.enter_context(used(loose, "reads"))
            compare(old, copy, progress)

        monkeypatch.setattr(module, "_compare", meanwhile)
        with pytest.raises(StoreBusy):
            compact(loose)
    assert unchanged(loose, before)


def test_without_room_nothing_is_begun(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (loose / "data.mdb").read_bytes()
    monkeypatch.setattr(module, "free_bytes", lambda _: 1000)
    with pytest.raises(StoreFull, match="1,000 are free"):
        compact(loose)
    assert unchanged(loose, before)


def test_a_copy_that_differs_is_thrown_away(loose: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (loose / "data.mdb").read_bytes()
    compare = module._compare

    def spoiled(path: Path, copy: Path, progress: object) -> None:
        store = LmdbStore.open(copy)
        with store.write() as writer:
            writer.set_setting("one", b"more")
        store.close()
        compare(path, copy, None)

    monkeypatch.setattr(module, "_compare", spoiled)
    with pytest.raises(CorruptStore, match="differs"):
        compact(loose)
    assert unchanged(loose, before)


def test_what_an_interrupted_one_left_is_removed(loose: Path) -> None:
    left = loose / "compacting-0badf00d"
    left.mkdir()
    (left / "data.mdb").write_bytes(b"half")
    compact(loose)
    assert files(loose) == ["data.mdb", "lock.mdb"]
