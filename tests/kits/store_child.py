"""What the store's tests run in other processes (spawned, so it must be importable by name)."""

import os
import resource
import signal
import subprocess
from collections import Counter
from contextlib import closing, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from storekit import MAIN, WHO, ZONE, addresses, publish, tag_of, version
from zonegit.errors import StoreFull, ZonegitError
from zonegit.model.names import join, owner_key
from zonegit.model.refs import head
from zonegit.store.fsck import fsck
from zonegit.store.lmdb import LmdbStore
from zonegit.store.port import RefUpdate
from zonegit.store.repair import damaged


def commit_often(path: Path, branch: str, rounds: int) -> None:
    """Add commits to a branch of its own; count them in a setting of its own and one shared by all."""
    store = LmdbStore.open(path)
    name = head(ZONE, branch)
    for turn in range(rounds):
        with store.write() as writer:
            tip = writer.ref(name)
            publish(writer, addresses(turn + 1), tip, turn, turn + 1, name=name)
            writer.show(name)
            for setting in (branch, "total"):
                writer.set_setting(setting, b"%d" % (int(writer.setting(setting) or b"0") + 1))
    store.close()


def read_until(path: Path, branches: list[str], total: int, pipe: Connection) -> None:
    """Read until `total` is reached; send the versions that contradicted themselves."""
    store = LmdbStore.open(path, readonly=True)
    reader = store.renewable_reader()
    wrong: list[str] = []
    seen = 0
    while seen < total:
        reader.renew()
        seen = int(reader.setting("total") or b"0")
        counts = {branch: int(reader.setting(branch) or b"0") for branch in branches}
        if sum(counts.values()) != seen:
            wrong.append(f"{counts} make not {seen}")
        for branch, count in counts.items():
            view = reader.view(head(ZONE, branch))
            if (view.serial if view else 0) != count or len(list(reader.reflog(head(ZONE, branch)))) != count:
                wrong.append(f"{branch} doesn't show {count}")
        reader.reset()
    pipe.send(wrong)
    store.close()


def hang_in_a_transaction(path: Path, pipe: Connection) -> None:
    """Begin a write transaction, change everything, say so, and wait to be killed."""
    store = LmdbStore.open(path)
    with store.write() as writer:
        publish(writer, addresses(2000), writer.ref(head(ZONE, "main")), 1, 2)
        writer.set_setting("HEAD", b"never")
        pipe.send("ready")
        pipe.recv()


def hang_in_a_reader(path: Path, pipe: Connection) -> None:
    """Begin a read transaction, say so, and wait to be killed."""
    store = LmdbStore.open(path, readonly=True)
    with store.read() as reader:
        pipe.send(reader.seq)
        pipe.recv()


def grow(path: Path, map_size: int, count: int) -> None:
    """Write so many tags under a map of this size."""
    store = LmdbStore.open(path, map_size=map_size)
    commit, objects = version(addresses(1))
    with store.write() as writer:
        writer.insert([*objects, *(tag_of(commit, name=f"t{n}") for n in range(count))])
    store.close()


def write_beyond_a_limit(path: Path, pipe: Connection) -> None:
    """Insert under a limit on the size of files, then without it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = LmdbStore.open(path)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (store.stat().map_used, hard))
    commit, objects = version(addresses(2000))
    outcome = "fits"
    try:
        with store.write() as writer:
            writer.insert(objects)
    except StoreFull as error:
        outcome = str(error)
    with store.read() as reader:
        left = reader.has(commit)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    with store.write() as writer:
        writer.insert(objects)
        writer.move_refs([RefUpdate(head(ZONE, "healed"), None, commit)], WHO, "test")
    store.close()
    pipe.send((outcome, left))


def open_cut_off(path: Path, pipe: Connection) -> None:
    """Open copies of a repository whose file was cut off, read all of each and write; send what came of it."""
    whole = (path / "data.mdb").read_bytes()
    found: dict[int, str] = {}
    for size in range(0, len(whole) * 11 // 12, len(whole) // 12):
        copy = path / str(size)
        copy.mkdir()
        (copy / "data.mdb").write_bytes(whole[:size])
        try:
            store = LmdbStore.open(copy)
            found[size] = "; ".join(fsck(store).problems)
            with store.write() as writer:
                writer.set_setting("HEAD", b"x")
            store.close()
        except ZonegitError as error:
            found[size] = str(error)
    pipe.send(found)


def lose_pages(path: Path, pipe: Connection) -> None:
    """Zero each page of a repository's file in turn, and run `fsck` in a child; send how often it ended how."""
    whole = (path / "data.mdb").read_bytes()
    ends: Counter[int] = Counter()
    for page in range(8192, len(whole), 4096):
        (path / "data.mdb").write_bytes(whole[:page] + bytes(4096) + whole[page + 4096 :])
        child = os.fork()
        if not child:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os._exit(_checked(path))
        ends[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
    pipe.send(ends)


def _checked(path: Path) -> int:
    try:
        store = LmdbStore.open(path, readonly=True)
        if fsck(store).problems:
            return 6 if len(damaged(store)) < 10 else 60
        with store.read() as reader:
            view = reader.view(MAIN)
            return 0 if view and view.at(owner_key(join([b"h7"]))) else 1
    except ZonegitError as error:
        return error.exit_code
    except BaseException:
        return 70


def fill_a_small_disk(disk: Path) -> None:
    """Meet a disk without space, twice, then make room; run in a mount namespace of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "zonegit-test", disk], check=True)
    store = LmdbStore.create(disk / "repo")
    with store.write() as writer:
        tip = publish(writer, addresses(10))
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(700_000))
    commit, objects = version(addresses(1))
    objects += [tag_of(commit, name=f"t{n}") for n in range(3000)]
    for _ in range(2):
        try:
            with store.write() as writer:
                writer.insert(objects)
            raise AssertionError("it fits")
        except StoreFull as error:
            assert "no space" in str(error)
        with store.read() as reader:
            assert reader.ref(MAIN) == tip
            assert reader.view(MAIN)
            assert not reader.has(commit)
    with ballast.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    for path in (disk / "another", disk / "another"):
        try:
            LmdbStore.create(path)
            raise AssertionError("it fits")
        except StoreFull as error:
            assert "no space" in str(error)
    ballast.unlink()
    LmdbStore.create(disk / "another").close()
    with store.write() as writer:
        writer.insert(objects[:500])
        publish(writer, addresses(12), tip, 1, 2)
    assert fsck(store).problems == []
    store.close()


def open_without_permission(path: Path, pipe: Connection) -> None:
    """Try to open as somebody else (root would be let in anyway)."""
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        LmdbStore.open(path)
    except ZonegitError as error:
        pipe.send(f"{type(error).__name__}: {error}")


def read_as_another_user(path: Path, pipe: Connection) -> None:
    """Open without the right to write, and read whenever told to; half-way through, wait to be told again."""
    if os.geteuid() == 0:
        os.setuid(65534)
    try:
        with closing(LmdbStore.open(path, readonly=True)) as store:
            while pipe.recv():
                with store.read() as reader:
                    before = reader.seq
                    pipe.send(before)
                    pipe.recv()
                    found = dict(reader.refs())
                pipe.send(len(found))
    except ZonegitError as error:
        pipe.send(f"{type(error).__name__}: {error}")


def hold_the_writer_lock(path: Path, pipe: Connection) -> None:
    """Begin a write transaction, say so, and end it when told to."""
    store = LmdbStore.open(path)
    with store.write():
        pipe.send("ready")
        pipe.recv()
    store.close()
